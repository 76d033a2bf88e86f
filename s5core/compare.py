"""What differs: two networks, a result and the target, our figures and the reported ones.

>>> compare_networks(STEPS["step3"].layers, STEPS["step4"].layers).parameters
184
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from s5core import target
from s5core.layers import Layer
from s5core.published import PUBLISHED
from s5core.results import Result
from s5core.steps import STEPS
from s5core.summary import Row, count_parameters, layer_table
from s5core.target import Bound

Mark = Literal["same", "changed", "added", "removed"]
Source = Literal["ours", "reported", "elsewhere"]

TEST_DIGITS = 10_000  # MNIST's test digits, which every accuracy of a step is measured on


@dataclass(frozen=True)
class Pair:
    """Two layers that stand in the same place of two networks, or one that has no partner."""

    mark: Mark
    before: Row | None  # None for an added layer
    after: Row | None  # None for a removed one


@dataclass(frozen=True)
class Size:
    """A network in three numbers."""

    parameters: int
    receptive_field: int  # side of what the last layer sees, in input pixels
    multiply_adds: int  # for one image


@dataclass(frozen=True)
class Difference:
    """What changes from one network to another; numbers are the second's minus the first's."""

    pairs: tuple[Pair, ...]  # in the order of both networks
    before: Size
    after: Size

    @property
    def parameters(self) -> int:
        """More parameters."""
        return self.after.parameters - self.before.parameters

    @property
    def receptive_field(self) -> int:
        """A wider receptive field of the last layer, in input pixels."""
        return self.after.receptive_field - self.before.receptive_field

    @property
    def multiply_adds(self) -> int:
        """More multiply-adds for one image."""
        return self.after.multiply_adds - self.before.multiply_adds

    def count(self, mark: Mark) -> int:
        """How many pairs bear that mark."""
        return sum(pair.mark == mark for pair in self.pairs)


@dataclass(frozen=True)
class Check:
    """One of the three bounds of the exercise, and how a result stands to it."""

    bound: Bound
    reached: str  # the figure in words
    met: bool


@dataclass(frozen=True)
class Standing:
    """A figure to be placed among the others."""

    name: str  # of the step, or the repository of what was published elsewhere
    source: Source
    parameters: int
    accuracy: float  # in percent; of the best epoch where it was reported for a step, else of the last
    deviation: float | None = None  # over our seeds
    seeds: int | None = None  # None where the source does not say


@dataclass(frozen=True)
class CurvePoint:
    """A step after an epoch, over its seeds; accuracies in percent."""

    epoch: int  # from 1
    train: float  # mean
    validation: float  # mean
    lowest: float  # validation accuracy of the worst seed
    highest: float  # and of the best


def compare_networks(before: Sequence[Layer], after: Sequence[Layer]) -> Difference:
    """Lay two networks side by side. Raises NetworkError for one that cannot be built."""
    left, right = layer_table(before, every=True), layer_table(after, every=True)
    return Difference(tuple(_align(left, right)), _size(left), _size(right))


def _size(rows: Sequence[Row]) -> Size:
    return Size(
        parameters=sum(row.parameters for row in rows),
        receptive_field=rows[-1].receptive_field if rows else 1,
        multiply_adds=sum(row.multiply_adds for row in rows),
    )


def _align(left: Sequence[Row], right: Sequence[Row]) -> list[Pair]:
    """The alignment of greatest likeness, by dynamic programming (Needleman and Wunsch,
    doi 10.1016/0022-2836(70)90057-4). Where several are as good, removed comes before added."""
    best = [[0.0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        for j in reversed(range(len(right))):
            paired = best[i + 1][j + 1] + _likeness(left[i], right[j])
            best[i][j] = max(paired, best[i + 1][j], best[i][j + 1])
    pairs = []
    i = j = 0
    while i < len(left) or j < len(right):
        inside = i < len(left) and j < len(right)
        likeness = _likeness(left[i], right[j]) if inside else 0
        if likeness and best[i][j] == best[i + 1][j + 1] + likeness:
            pairs.append(Pair(_mark(left[i], right[j]), left[i], right[j]))
            i, j = i + 1, j + 1
        elif j == len(right) or (i < len(left) and best[i][j] == best[i + 1][j]):
            pairs.append(Pair("removed", left[i], None))
            i += 1
        else:
            pairs.append(Pair("added", None, right[j]))
            j += 1
    return pairs


def _likeness(left: Row, right: Row) -> float:
    """How well two layers fit together; 0 for layers of different kinds."""
    if type(left.layer) is not type(right.layer):
        return 0
    if left.layer.role not in ("convolution", "pool"):
        return 0.5  # the others follow the skeleton, which convolutions and pools make
    if left.layer.role == "convolution" and left.layer != right.layer:
        # A 3x3 in place of a 1x1 is rather another layer than the same one changed.
        return 2 if left.kernel == right.kernel else 0.25
    return 3


def _mark(left: Row, right: Row) -> Mark:
    same = left.layer == right.layer and left.parameters == right.parameters
    return "same" if same else "changed"


def shape_of(row: Row) -> str:
    """What a layer gives out: `12×26×26`, maps first."""
    return "×".join(f"{side:,}" for side in row.output_shape)


def against_target(result: Result) -> tuple[Check, Check, Check]:
    """How a result stands to accuracy, parameters and epochs of the exercise."""
    return (
        Check(target.ACCURACY, str(result), target.ACCURACY.met_by(result.last)),
        Check(target.PARAMETERS, f"{result.parameters:,}", target.PARAMETERS.met_by(result.parameters)),
        Check(target.EPOCHS, f"{result.epochs}", target.EPOCHS.met_by(result.epochs)),
    )


def standings(reached: Mapping[str, Result]) -> list[Standing]:
    """Every figure there is of the steps: ours from `reached`, what was reported of the same
    network (a step that we changed has no reported figure of its own), and what was published
    elsewhere."""
    ours = [
        Standing(name, "ours", result.parameters, result.last, result.deviation, result.seeds)
        for name, result in reached.items()
        if name in STEPS
    ]
    reported = [
        Standing(step.name, "reported", step.reported.parameters, step.reported.test)
        for step in STEPS.values()
        if step.reported is not None
        and step.reported.test is not None
        and step.reported.parameters == count_parameters(step.layers)
    ]
    elsewhere = [Standing(one.repository, "elsewhere", one.parameters, one.accuracy) for one in PUBLISHED]
    return ours + reported + elsewhere


def curve(entry: dict[str, Any]) -> list[CurvePoint]:
    """A step's training, from its entry in results.json (`results.read()["steps"][name]`).

    An epoch that only some of the seeds reached is the mean of those.
    """
    runs = [seed["epochs"] for seed in entry["seeds"]]
    points = []
    for epoch in range(1, max(map(len, runs), default=0) + 1):
        here = [run[epoch - 1] for run in runs if len(run) >= epoch]
        validation = [metrics["validation"] for metrics in here]
        points.append(
            CurvePoint(
                epoch=epoch,
                train=statistics.mean(metrics["train"] for metrics in here),
                validation=statistics.mean(validation),
                lowest=min(validation),
                highest=max(validation),
            )
        )
    return points
