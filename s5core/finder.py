"""The learning-rate finder: a range test, which trains a network for some batches while the rate grows.

Smith, "Cyclical learning rates for training neural networks", arXiv:1506.01186, section 3.3. At a rate
that is too low the loss hardly falls, at a good one it falls fast, and at one that is too high it rises
again. The network is a new one, so that a test touches nothing of a run.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count

from torch import Generator

from s5core import device, teacher, ways
from s5core.data import Digits
from s5core.layers import Layer
from s5core.loss import Loss
from s5core.recipe import Recipe, nearest_rate
from s5core.train import augmented_batches, check_batches, new_model

BATCHES = 100
LOW, HIGH = 1e-4, 10.0  # first and last rate; from one batch to the next it grows by the same factor
SMOOTHING = 0.85  # share of the mean loss so far in the next one
DIVERGED = 3.0  # a loss that is so many times the lowest ends the test


@dataclass(frozen=True)
class Trial:
    """One batch of a range test."""

    rate: float
    loss: float  # mean over the last batches, of which the latest count most


def find_rates(
    layers: Sequence[Layer], recipe: Recipe, digits: Digits, batches: int = BATCHES
) -> Iterator[Trial]:
    """Train a new network with a growing rate, and tell of each batch; the test ends when the loss has
    diverged. The same arguments give the same trials on the same machine.

    The recipe gives the seed, the optimiser, the size of a batch and the augmentation; it runs on the
    CPU. Raises NetworkError and RecipeError, as `train` does.
    """
    check_batches(layers, recipe, digits)
    generator = Generator()
    model = new_model(layers, recipe, generator).train()
    optimizer = recipe.make_optimizer(model)
    teaching = teacher.find(recipe, digits.name)
    loss = Loss(tuple(layers), model, device.choose("cpu"), "float32", recipe.label_smoothing, teaching)
    compute_gradients = ways.eager(loss)
    mean, weight, lowest = 0.0, 0.0, math.inf
    moving = recipe.replace(epochs=batches, plain_epochs=0)  # an epoch has one batch at least
    epochs = (augmented_batches(digits, moving, epoch, generator) for epoch in count(1))
    for number, (images, labels) in zip(range(batches), chain.from_iterable(epochs), strict=False):
        rate = LOW * (HIGH / LOW) ** (number / max(1, batches - 1))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss.reset()
        compute_gradients(images, labels)
        optimizer.step()
        now = float(loss.tally[0]) / len(labels)
        mean = SMOOTHING * mean + (1 - SMOOTHING) * now
        weight = SMOOTHING * weight + (1 - SMOOTHING)  # below 1 in the first batches
        smooth = mean / weight
        if not math.isfinite(now) or smooth > DIVERGED * lowest:
            return
        lowest = min(lowest, smooth)
        yield Trial(rate, smooth)


NOTHING = (
    "The loss hardly fell at any rate, so the test suggests none. A network without batch norm may need more "
    "batches than the test has before it begins to learn."
)


@dataclass(frozen=True)
class Suggestion:
    """A peak learning rate, and why."""

    rate: float  # one of the choices of the controls
    reason: str  # in sentences


def suggest(trials: Sequence[Trial]) -> Suggestion | None:
    """The rate that a range test suggests for the peak; None where the loss never fell by a tenth, so that
    it tells nothing."""
    best = min(range(len(trials)), key=lambda i: trials[i].loss, default=0)
    if not trials or trials[best].loss > 0.9 * trials[0].loss:
        return None
    lowest = trials[best].rate
    rate = nearest_rate(lowest / 3)
    return Suggestion(
        rate,
        f"The loss was lowest at a rate of {lowest:.2g}. There the steps are about to become too large, so "
        f"the peak is a third of it: {rate:g}.",
    )
