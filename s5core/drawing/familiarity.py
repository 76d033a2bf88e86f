"""Whether a network is shown something like the digits that it knows, or something else.

A network answers whatever it is shown, and is often very sure of a letter. How its maps respond
says more: their means lie near those of some class of digits, or far from all of them. The
distance is Mahalanobis's, with one covariance for all classes (Lee et al., arXiv:1807.03888).
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
DEAD = 0.01  # a map that varies less, against the others, says nothing by what rounding leaves of it
MAX_FEATURES = 512  # beyond, the practice digits are too few to say how they vary together
BATCH = 250


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What the digits that a network knows look like in its maps.

    All is float64, in coordinates in which the features of a class vary alike and independently.
    """

    whitening: Tensor  # (features, features), from features to those coordinates
    centres: Tensor  # (10, features), of the classes
    limit: float  # the distance from the nearest centre beyond which it is something else

    def distances(self, model: nn.Sequential, images: Tensor) -> Tensor:
        """(N,): how far each of (N, 1, 28, 28) uint8 is from the nearest class of digits."""
        return _nearest(features(model, images) @ self.whitening, self.centres)

    def knows(self, model: nn.Sequential, field: Tensor) -> bool:
        """Whether (1, 1, 28, 28) uint8 looks like a digit to the network."""
        return float(self.distances(model, field)) <= self.limit


def measure(model: nn.Sequential, digits: Digits) -> Familiarity | None:
    """How a network sees real digits, those to train and those to validate with.

    `model`: as `layers.build` makes it, in eval mode, on the CPU. None where it has too many
    features for this, a single convolution and so none, or features that are mostly dead.
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
    # The inverse's factor: distances become Euclidean.
    whitening = torch.linalg.cholesky(torch.linalg.inv(shrunk)) / scale[:, None]
    centres = means @ whitening
    return Familiarity(whitening, centres, float(_nearest(seen @ whitening, centres).quantile(USUAL)))


@torch.no_grad()
def features(model: nn.Sequential, images: Tensor) -> Tensor:
    """(N, features) float64: the mean of every map that a convolution reads, behind the first."""
    readers = _readers(model)
    found = []
    for batch in images.split(BATCH):
        maps = outputs(model, batch)
        found.append(torch.cat([maps[i - 1].mean((2, 3)) for i, _ in readers], 1))
    return torch.cat(found).double()


def _readers(model: nn.Sequential) -> list[tuple[int, nn.Conv2d]]:
    """The convolutions whose inputs are looked at, all but the first, and where each stands."""
    return [(i, module) for i, module in enumerate(layer_modules(model)) if isinstance(module, nn.Conv2d)][1:]


def _nearest(points: Tensor, centres: Tensor) -> Tensor:
    """(N,): the distance of (N, features) from the nearest of the centres."""
    return torch.cdist(points, centres).min(1).values
