"""Whether a picture looks to a network like the digits that it knows, or like something else.

A network answers to every picture, and is often very sure of its answer to a letter. Its feature
maps tell more: for a digit, their mean activations are near those of some class of real digits;
for something else, they are far from all classes. The distance is the Mahalanobis distance, with
one covariance for all classes (Lee et al., arXiv:1807.03888).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from s5core.data import Digits
from s5core.inside.activations import outputs
from s5core.layers import CLASSES, layer_modules

USUAL = 0.997  # share of real digits that count as familiar
SHRINKAGE = 1e-3  # of the covariance towards independent features, so that it can be inverted
DEAD = 0.01  # least deviation of a map, as a share of the median; below it, only rounding varies
MAX_FEATURES = 512  # for more features, the practice digits are too few to estimate a covariance
BATCH = 250


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What a network's feature maps look like for real digits.

    Tensors are float64. Distances are measured in whitened coordinates, in which the features
    within a class are uncorrelated and have variance 1.
    """

    whitening: Tensor  # (features, features): turns features into whitened coordinates
    centres: Tensor  # (10, features): the mean of each class, whitened
    limit: float  # a picture farther than this from the nearest centre is unfamiliar

    def distances(self, model: nn.Sequential, images: Tensor) -> Tensor:
        """(N,): the distance of each picture, (N, 1, 28, 28) uint8, from the nearest class."""
        return _nearest(features(model, images) @ self.whitening, self.centres)

    def knows(self, model: nn.Sequential, field: Tensor) -> bool:
        """Whether a picture, (1, 1, 28, 28) uint8, looks like a digit to the network."""
        return float(self.distances(model, field)) <= self.limit


def measure(model: nn.Sequential, digits: Digits) -> Familiarity | None:
    """The response of a network to real digits, those to train with and those to validate with.

    `model`: as `layers.build` makes it, in eval mode, on the CPU. None if the network has too many
    features, no features because it has only one convolution, or features that are mostly dead or no
    numbers.
    """
    if not 0 < sum(reader.in_channels for _, reader in _readers(model)) <= MAX_FEATURES:
        return None
    seen = features(model, torch.cat([digits.train_images, digits.validation_images]))
    labels = torch.cat([digits.train_labels, digits.validation_labels])
    means = torch.stack([seen[labels == label].mean(0) for label in range(CLASSES)])
    around = seen - means[labels]
    scale = around.std(0)
    if not scale.median():
        return None
    scale = scale.clamp(min=DEAD * float(scale.median()))
    correlation = (around / scale).T @ (around / scale) / len(around)
    shrunk = (1 - SHRINKAGE) * correlation + SHRINKAGE * torch.eye(len(scale), dtype=scale.dtype)
    # With a factor of the inverse covariance, the Mahalanobis distance becomes Euclidean.
    try:
        whitening = torch.linalg.cholesky(torch.linalg.inv(shrunk)) / scale[:, None]
    except RuntimeError:  # torch's LinAlgError is one
        return None  # some features are no numbers
    centres = means @ whitening
    return Familiarity(whitening, centres, float(_nearest(seen @ whitening, centres).quantile(USUAL)))


@torch.no_grad()
def features(model: nn.Sequential, images: Tensor) -> Tensor:
    """(N, features) float64: the mean of each map that a convolution after the first one reads."""
    readers = _readers(model)
    found = []
    for batch in images.split(BATCH):
        maps = outputs(model, batch)
        found.append(torch.cat([maps[i - 1].mean((2, 3)) for i, _ in readers], 1))
    return torch.cat(found).double()


def _readers(model: nn.Sequential) -> list[tuple[int, nn.Conv2d]]:
    """The convolutions whose inputs are the features, all but the first, each with its index."""
    return [(i, module) for i, module in enumerate(layer_modules(model)) if isinstance(module, nn.Conv2d)][1:]


def _nearest(points: Tensor, centres: Tensor) -> Tensor:
    """(N,): the distance of each point, (N, features), from the nearest centre."""
    return torch.cdist(points, centres).min(1).values
