"""Comparisons: two networks, a result with the target, our figures with those of others.

>>> compare_networks(STEPS["step3"].layers, STEPS["step4"].layers).parameters
184
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from s5core import target
from s5core.evidence import Sample
from s5core.layers import Layer
from s5core.published import PUBLISHED
from s5core.results import Result
from s5core.steps import STEPS
from s5core.summary import Row, count_parameters, layer_table
from s5core.target import Bound

Mark = Literal["same", "changed", "added", "removed"]
Source = Literal["ours", "reported", "elsewhere", "shared"]

TEST_DIGITS = 10_000  # MNIST's test digits, which every accuracy of a step is measured on


@dataclass(frozen=True)
class Pair:
    """Two layers in the same place of two networks, or a layer that has no counterpart."""

    mark: Mark
    before: Row | None  # None for an added layer
    after: Row | None  # None for a removed one


@dataclass(frozen=True)
class Size:
    """A network in three numbers."""

    parameters: int
    receptive_field: int  # of the last layer: side in pixels of the digit
    multiply_adds: int  # for one image


@dataclass(frozen=True)
class Difference:
    """What changes from one network to another. Numbers are those of the second less the first's."""

    pairs: tuple[Pair, ...]  # in the order of both networks
    before: Size
    after: Size

    @property
    def parameters(self) -> int:
        """Change in parameters."""
        return self.after.parameters - self.before.parameters

    @property
    def receptive_field(self) -> int:
        """Change in the receptive field of the last layer, in pixels of the digit."""
        return self.after.receptive_field - self.before.receptive_field

    @property
    def multiply_adds(self) -> int:
        """Change in multiply-adds for one image."""
        return self.after.multiply_adds - self.before.multiply_adds

    def count(self, mark: Mark) -> int:
        """How many pairs have that mark."""
        return sum(pair.mark == mark for pair in self.pairs)


@dataclass(frozen=True)
class Check:
    """One of the three bounds of the exercise, and how a result stands to it."""

    bound: Bound
    reached: str  # the figure in words
    met: bool


@dataclass(frozen=True)
class Standing:
    """A network's accuracy and size, and where the figures come from."""

    name: str  # of the step, the repository of what was published elsewhere, or the place on the board
    source: Source
    parameters: int
    accuracy: float  # in percent; of the best epoch where it was reported for a step, else of the last
    deviation: float | None = None  # over our seeds, or those of a shared result
    seeds: int | None = None  # None where the source does not say


@dataclass(frozen=True)
class CurvePoint:
    """The accuracy of a step after an epoch, over its seeds; in percent."""

    epoch: int  # from 1
    train: float  # mean
    validation: float  # mean
    lowest: float  # validation accuracy of the worst seed
    highest: float  # and of the best


def compare_networks(before: Sequence[Layer], after: Sequence[Layer]) -> Difference:
    """Compare two networks layer by layer. Raises NetworkError for one that cannot be built."""
    left, right = layer_table(before, every=True), layer_table(after, every=True)
    return Difference(tuple(_align(left, right)), _size(left), _size(right))


def _size(rows: Sequence[Row]) -> Size:
    return Size(
        parameters=sum(row.parameters for row in rows),
        receptive_field=rows[-1].receptive_field if rows else 1,
        multiply_adds=sum(row.multiply_adds for row in rows),
    )


def _align(left: Sequence[Row], right: Sequence[Row]) -> list[Pair]:
    """The alignment with the greatest likeness, by dynamic programming (Needleman and Wunsch,
    doi 10.1016/0022-2836(70)90057-4). Where several are equally good, removed comes before added."""
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
    """The shape of a layer's output: `12×26×26`, maps first."""
    return "×".join(f"{side:,}" for side in row.output_shape)


def against_target(result: Result) -> tuple[Check, Check, Check]:
    """Whether a result keeps the exercise's bounds on accuracy, parameters and epochs."""
    return (
        Check(target.ACCURACY, str(result), target.ACCURACY.met_by(result.last)),
        Check(target.PARAMETERS, f"{result.parameters:,}", target.PARAMETERS.met_by(result.parameters)),
        Check(target.EPOCHS, f"{result.epochs}", target.EPOCHS.met_by(result.epochs)),
    )


def standings(reached: Mapping[str, Result]) -> list[Standing]:
    """All figures: ours from `reached`, those that were reported for the same network (a step that we
    changed has no reported figure), and those that others published."""
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


def sample(result: Result) -> Sample:
    """The accuracies that a step has reached over its seeds."""
    return Sample(tuple(result.last_by_seed.values()), TEST_DIGITS)


def curve(entry: dict[str, Any]) -> list[CurvePoint]:
    """A step's training, from its entry in results.json (`results.read()["steps"][name]`)."""
    return band([[(m["train"], m["validation"]) for m in seed["epochs"]] for seed in entry["seeds"]])


def band(runs: Sequence[Sequence[tuple[float, float]]]) -> list[CurvePoint]:
    """Runs with several seeds as one curve. `runs`: of each, the training and the validation accuracy
    after every epoch, in percent.

    An epoch that only some of the runs have reached is the mean of those.
    """
    points = []
    for epoch in range(1, max(map(len, runs), default=0) + 1):
        here = [run[epoch - 1] for run in runs if len(run) >= epoch]
        validation = [accuracy for _, accuracy in here]
        points.append(
            CurvePoint(
                epoch=epoch,
                train=statistics.mean(accuracy for accuracy, _ in here),
                validation=statistics.mean(validation),
                lowest=min(validation),
                highest=max(validation),
            )
        )
    return points
