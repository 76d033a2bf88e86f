"""What a network reads right and wrong: accuracy, confusion matrix, the worst errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from s5core import evidence
from s5core.layers import CLASSES
from s5core.words import probability

CONFIDENCE_BINS = 15  # of equal width, as in arXiv:1706.04599


@dataclass(frozen=True)
class Evaluation:
    """A network's answers to a set of digits, on the CPU."""

    logits: Tensor  # (N, 10) float32
    labels: Tensor  # (N,) int64, the true classes

    @cached_property
    def predictions(self) -> Tensor:
        """(N,) int64: the class of the largest logit."""
        return self.logits.argmax(1)

    @cached_property
    def wrong(self) -> Tensor:
        """(N,) bool."""
        return self.predictions != self.labels

    @cached_property
    def errors(self) -> int:
        """How many digits are read wrong."""
        return int(self.wrong.sum())

    @property
    def accuracy(self) -> float:
        """Share of digits read right, in percent."""
        return 100 * (1 - self.errors / len(self.labels))

    @property
    def standard_error(self) -> float:
        """Standard error of the accuracy in percentage points: how far the accuracy would typically
        change with other digits, as many as these."""
        return evidence.standard_error(self.accuracy, len(self.labels))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the accuracy, in percent. It also holds for few digits."""
        return evidence.wilson_interval(len(self.labels) - self.errors, len(self.labels))

    @property
    def loss(self) -> float:
        """Mean cross-entropy, in nats."""
        return F.cross_entropy(self.logits, self.labels).item()

    @cached_property
    def probabilities(self) -> Tensor:
        """(N, 10) float32, each row summing to 1."""
        return self.logits.softmax(1)

    @property
    def calibration_error(self) -> float:
        """How far confidence and accuracy differ, in percentage points: the mean over bins of
        confidence, weighted by their digits (expected calibration error, arXiv:1706.04599)."""
        confidence, predictions = self.probabilities.double().max(1)
        bins = (confidence * CONFIDENCE_BINS).long().clamp(max=CONFIDENCE_BINS - 1)
        surplus = confidence - (predictions == self.labels).double()
        by_bin = torch.zeros(CONFIDENCE_BINS, dtype=torch.float64).index_add(0, bins, surplus)
        return 100 * float(by_bin.abs().sum()) / len(self.labels)

    def cooled(self, temperature: float) -> Evaluation:
        """The same answers with the logits divided by a temperature > 0. Above 1 the network is less
        sure, below 1 surer; its predictions stay the same."""
        return Evaluation(self.logits / temperature, self.labels)

    def confusion(self) -> Tensor:
        """(10, 10) int64 counts: rows are true classes, columns predicted ones."""
        cells = self.labels * CLASSES + self.predictions
        return torch.bincount(cells, minlength=CLASSES**2).view(CLASSES, CLASSES)

    def worst(self, count: int) -> Tensor:
        """(≤ count,) int64: indices of the errors, the most confident first."""
        return self._by_confidence(self.wrong)[:count]

    def cell(self, true: int, said: int) -> Tensor:
        """Indices of one cell of the confusion matrix, int64. Errors begin with the most confident
        one; digits that are read right begin with the least confident one."""
        found = self._by_confidence((self.labels == true) & (self.predictions == said))
        return found.flip(0) if true == said else found

    def commonest_error(self) -> tuple[int, int] | None:
        """The cell (true, said) off the diagonal with the most digits; None without an error."""
        counts = self.confusion().fill_diagonal_(0)
        true, said = divmod(int(counts.argmax()), CLASSES)
        return (true, said) if counts[true, said] else None

    def by_class(self) -> list[ClassResult]:
        """How well each class is read, 0 to 9; a class without a digit is left out."""
        counts = self.confusion()
        sizes, right = counts.sum(1).tolist(), counts.diagonal().tolist()
        return [
            ClassResult(digit, sizes[digit], sizes[digit] - right[digit])
            for digit in range(CLASSES)
            if sizes[digit]
        ]

    def confidence(self, index: int) -> str:
        """The probability that the network gives to its answer to one digit: "97 %"."""
        return probability(float(self.probabilities[index].amax()), places=0)

    def answer(self, index: int) -> str:
        """The answer to one digit and its probability: "9 (97 %)"."""
        return f"{int(self.predictions[index])} ({self.confidence(index)})"

    def describe(self, index: int) -> str:
        """True class and answer for one digit: "true 4, said 9 (97 %)"."""
        return f"true {int(self.labels[index])}, said {self.answer(index)}"

    def _by_confidence(self, chosen: Tensor) -> Tensor:
        """Indices where `chosen`, (N,) bool, holds: the most confident answers first."""
        confidence = self.probabilities.amax(1).where(chosen, -1.0)
        return confidence.argsort(descending=True, stable=True)[: int(chosen.sum())]


@dataclass(frozen=True)
class ClassResult:
    """How well the digits of one class are read."""

    digit: int
    digits: int  # of this class
    errors: int

    @property
    def accuracy(self) -> float:
        """Share read right, in percent."""
        return 100 * (1 - self.errors / self.digits)


@dataclass(frozen=True)
class Comparison:
    """Which of the same digits two networks read wrong: indices, int64. Each list begins with the
    most confident error ("both" goes by the first network's confidence)."""

    only_first: Tensor
    only_second: Tensor
    both: Tensor

    @property
    def luck(self) -> int:
        """How many errors two equally good networks may differ by through chance: in about 19 of 20
        cases the difference is not larger. It depends only on the digits that exactly one of the two
        reads wrong (see `evidence.lead_by_luck`)."""
        return evidence.lead_by_luck(len(self.only_first) + len(self.only_second))


def compare_answers(first: Evaluation, second: Evaluation) -> Comparison:
    """Set two networks' errors side by side. Raises ValueError for different digits."""
    if not torch.equal(first.labels, second.labels):
        raise ValueError("the two networks read different digits")
    return Comparison(
        only_first=first._by_confidence(first.wrong & ~second.wrong),
        only_second=second._by_confidence(second.wrong & ~first.wrong),
        both=first._by_confidence(first.wrong & second.wrong),
    )


def allowed_errors(accuracy: float, digits: int) -> int:
    """How many of the digits may be read wrong at an accuracy in percent: 60 of 10,000 at 99.4."""
    return math.floor(round(digits * (100 - accuracy) / 100, 6))  # 99.4 is not exact in binary


def fit_temperature(found: Evaluation) -> float:
    """The temperature, 0.1 to 10, at which these answers have the lowest cross-entropy: confidence
    then comes as close to the share of right answers as one number can bring it (arXiv:1706.04599).

    `found`: the answers to digits that neither train the network nor choose or report it.
    """
    logits = found.logits.double()
    # The loss is convex in the inverse of the temperature. Its slope, the mean of the expected logit
    # less the true one, is zero at one place: halve the interval around it.
    true = logits.gather(1, found.labels[:, None])[:, 0]
    low, high = 0.1, 10.0
    while high - low > 1e-6:
        inverse = (low + high) / 2
        expected = ((logits * inverse).softmax(1) * logits).sum(1)
        low, high = (low, inverse) if (expected - true).mean() > 0 else (inverse, high)
    return 2 / (low + high)


@torch.no_grad()
def evaluate(model: nn.Module, images: Tensor, labels: Tensor, batch_size: int = 1000) -> Evaluation:
    """Read every digit once, in eval mode and in full precision.

    `images`: (N, 1, 28, 28) uint8 and `labels`: (N,) int64, on the model's device.
    Afterwards the model is in the same mode as before.
    """
    training = model.training
    model.eval()
    logits = torch.cat([model(batch).float() for batch in images.split(batch_size)])
    model.train(training)
    return Evaluation(logits.cpu(), labels.cpu())
