"""The base net and the five steps as data: layers, recipe, story, and what was reported."""

from __future__ import annotations

from dataclasses import dataclass

from s5core.layers import BatchNorm, Conv, Dropout, GlobalAvgPool, Layer, MaxPool, Network, ReLU
from s5core.recipe import Recipe

TARGET_ACCURACY = 99.4  # percent of the 10,000 test digits, at least
PARAMETER_BUDGET = 10_000  # fewer than
EPOCH_BUDGET = 15  # fewer than


@dataclass(frozen=True)
class Reported:
    """What the published solution says it reached; accuracies in percent, best epoch."""

    parameters: int
    train: float | None = None
    test: float | None = None


@dataclass(frozen=True)
class Step:
    """One station of the exercise."""

    name: str  # as in files and links: step1
    title: str
    layers: Network
    recipe: Recipe
    target: str
    changes: tuple[str, ...]
    result: str
    analysis: str
    reported: Reported | None = None


def block(channels: int, kernel: int = 3, padding: int = 0) -> Network:
    """Convolution, batch norm, ReLU: the unit that our step 5 is made of."""
    return Conv(channels, kernel, padding), BatchNorm(), ReLU()


def _relu(conv: Conv) -> Network:
    return conv, ReLU()


def _relu_norm(conv: Conv) -> Network:
    """The published order: the norm behind the ReLU."""
    return conv, ReLU(), BatchNorm()


def _relu_norm_drop(conv: Conv) -> Network:
    return conv, ReLU(), BatchNorm(), Dropout()


def _functional(conv: Conv) -> Network:
    return conv, ReLU(functional=True)


BASE: Network = (
    *_functional(Conv(32, padding=1, bias=True)),
    *_functional(Conv(64, padding=1, bias=True)),
    MaxPool(2),
    *_functional(Conv(128, padding=1, bias=True)),
    *_functional(Conv(256, padding=1, bias=True)),
    MaxPool(2),
    *_functional(Conv(512, bias=True)),
    *_functional(Conv(1024, bias=True)),
    Conv(10, bias=True),
)

STEP1: Network = (
    *_relu(Conv(12)),
    *_relu(Conv(12)),
    *_relu(Conv(24)),
    MaxPool(2),
    *_relu(Conv(12, kernel=1)),
    *_relu(Conv(12)),
    *_relu(Conv(24)),
    *_relu(Conv(10, kernel=1)),
    Conv(10, kernel=7),
)

STEP2: Network = (*STEP1[:-1], GlobalAvgPool())

STEP3: Network = (
    *_relu(Conv(12)),
    *_relu(Conv(24)),
    *_relu(Conv(12, kernel=1)),
    MaxPool(2),
    *_relu(Conv(12)),
    *_relu(Conv(24)),
    *_relu(Conv(10, kernel=1)),
    *_relu(Conv(10, kernel=1)),
    GlobalAvgPool(),
)

STEP4: Network = (
    *_relu_norm_drop(Conv(12)),
    *_relu_norm_drop(Conv(24)),
    *_relu(Conv(12, kernel=1)),
    MaxPool(2),
    *_relu_norm_drop(Conv(12)),
    *_relu_norm_drop(Conv(24)),
    *_relu_norm_drop(Conv(10, kernel=1)),
    *_relu_norm_drop(Conv(10, kernel=1)),
    GlobalAvgPool(),
)

STEP5_PUBLISHED: Network = (
    *_relu_norm(Conv(8)),
    *_relu_norm(Conv(16)),
    *_relu_norm(Conv(32)),
    *_relu(Conv(8, kernel=1)),
    MaxPool(2),
    *_relu_norm(Conv(16)),
    *_relu_norm(Conv(32)),
    *_relu_norm(Conv(10, kernel=1)),
    GlobalAvgPool(),
)

STEP5: Network = (
    *block(8),
    *block(12),
    MaxPool(2),
    *block(16),
    *block(16),
    MaxPool(2),
    *block(24, padding=1),
    GlobalAvgPool(),
    Conv(10, kernel=1),
)
