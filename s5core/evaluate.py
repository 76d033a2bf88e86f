"""What a network gets right and wrong: accuracy, confusion, the worst errors."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from s5core.data import normalize, to_unit
from s5core.layers import CLASSES


@dataclass(frozen=True)
class Evaluation:
    """A network's answers to a set of digits, on the CPU."""

    logits: Tensor  # (N, 10) float32
    labels: Tensor  # (N,) int64, the true classes

    @property
    def predictions(self) -> Tensor:
        """(N,) int64: the class of the largest logit."""
        return self.logits.argmax(1)

    @property
    def wrong(self) -> Tensor:
        """(N,) bool."""
        return self.predictions != self.labels

    @property
    def errors(self) -> int:
        """How many digits are read wrong."""
        return int(self.wrong.sum())

    @property
    def accuracy(self) -> float:
        """Share of digits read right, in percent."""
        return 100 * (1 - self.errors / len(self.labels))

    @property
    def loss(self) -> float:
        """Mean cross-entropy, in nats."""
        return F.cross_entropy(self.logits, self.labels).item()

    @property
    def probabilities(self) -> Tensor:
        """(N, 10) float32, each row summing to 1."""
        return self.logits.softmax(1)

    def confusion(self) -> Tensor:
        """(10, 10) int64 counts: rows are true classes, columns predicted ones."""
        cells = self.labels * CLASSES + self.predictions
        return torch.bincount(cells, minlength=CLASSES**2).view(CLASSES, CLASSES)

    def worst(self, count: int) -> Tensor:
        """(≤ count,) int64: indices of the errors, the most confident first."""
        confidence = self.probabilities.amax(1).where(self.wrong, -1.0)
        return confidence.argsort(descending=True, stable=True)[: min(count, self.errors)]


@torch.no_grad()
def evaluate(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 1000) -> Evaluation:
    """Read every digit once, in eval mode and full precision.

    `images`: (N, 1, 28, 28) uint8 and `labels`: (N,) int64, on the model's device.
    The model is left in the mode that it was in.
    """
    training = model.training
    model.eval()
    logits = [model(normalize(to_unit(batch))).float().cpu() for batch in images.split(batch_size)]
    model.train(training)
    return Evaluation(torch.cat(logits), labels.cpu())
