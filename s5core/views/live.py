"""Charts of a run that is training: its curves and its learning rate.

Both are Vega-Lite specifications. A page draws them every second, so everything but the points is made
only once: Altair takes a hundred times as long as the points do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import cycle
from typing import Any

import altair as alt

from s5core.events import Log, Metrics, Progress
from s5core.target import ACCURACY
from s5core.views.palette import GREEN, GREY, ORANGE, OURS, PURPLE, RED, SKY, TARGET
from s5core.views.style import TARGET_LINE, TEXT, Specification, layered, named, readable, written
from s5core.words import percent

FEWEST = 1000  # digits that make a point of a training curve, but for the first: fewer are noise

Point = tuple[float, float]  # epoch and value


@dataclass(frozen=True)
class Axis:
    """A vertical axis. It has the same ends and labels for all runs."""

    title: str
    low: float
    high: float
    scale: dict[str, Any] = field(hash=False)  # of Vega-Lite, apart from the domain
    labels: dict[str, Any] = field(hash=False)  # of Vega-Lite: properties of the axis
    digits: str = ".2f"  # how a tooltip writes a value
    by_errors: bool = False  # an accuracy is drawn at the height of its error rate, 100 less the accuracy

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def place(self, value: float) -> float:
        """Where a value is drawn, in the units of the scale."""
        return 100 - value if self.by_errors else value


SHORT = 24  # letters of a name: two such names fit side by side in a legend

# Vega's symlog is linear in log(1 + x / constant). It is nearly logarithmic for errors above 0.05 %, and
# gives an accuracy of 100 %, an error of zero, a place at the top.
_BY_ERRORS = {"type": "symlog", "constant": 0.05, "reverse": True}
_ACCURACIES = [0, 50, 90, 99, ACCURACY.limit, 99.9, 100]


def linear(low: float) -> Axis:
    """Accuracies from `low` to 100 percent, evenly spaced."""
    return Axis("accuracy, %", low, 100, {"type": "linear"}, {"tickCount": 6})


BY_ERRORS = Axis(
    "accuracy, %", 0, 100, _BY_ERRORS,
    {
        "values": [100 - accuracy for accuracy in _ACCURACIES],
        "labelExpr": "format(100 - datum.value, '.1~f')",
        "labelOverlap": False,
    },
    by_errors=True,
)  # fmt: skip
LOSS = Axis("loss", 0.01, 10, {"type": "log"}, {"values": [0.01, 0.1, 1, 10]}, ".4g")


@dataclass(frozen=True)
class Curve:
    """One line of a chart of curves."""

    name: str  # in the legend
    points: Sequence[Point]
    faint: bool = False  # another run, for comparison; it is drawn below the others
    dots: bool = False  # a dot for each point


def training_accuracy(log: Log, batch_size: int) -> list[Point]:
    """The accuracy on augmented digits during training, in percent: see `_training`."""
    looks = [(look, look.accuracy) for look in log.progress]
    points = _training(log, batch_size, looks, {end.epoch: end.train_accuracy for end in log.epochs})
    return [(x, min(100.0, max(0.0, y))) for x, y in points]  # rounding may leave the range


def training_loss(log: Log, batch_size: int) -> list[Point]:
    """The loss on augmented digits during training: see `_training`."""
    looks = [(look, look.loss) for look in log.progress]
    return _training(log, batch_size, looks, {end.epoch: end.train_loss for end in log.epochs})


def _training(
    log: Log, batch_size: int, looks: Iterable[tuple[Progress, float]], ends: dict[int, float]
) -> list[Point]:
    """A mean over the digits of the epoch so far, as one over the digits since the point before: the
    mean of an epoch would fall back at each new one. `ends`: the mean of each finished epoch."""
    if log.started is None:
        return []
    by_epoch: dict[int, list[tuple[int, float]]] = {epoch: [] for epoch in ends}
    for look, mean in looks:
        if look.batch < log.started.batches:  # the end of the epoch tells of its last batch
            by_epoch.setdefault(look.epoch, []).append((look.batch * batch_size, mean))
    digits = log.started.train_digits
    found: list[Point] = []
    for epoch, points in sorted(by_epoch.items()):
        before, former = 0, 0.0
        if epoch in ends:
            points.append((digits, ends[epoch]))
        for seen, mean in points:
            if (before + FEWEST <= seen <= digits - FEWEST) or not found or seen == digits:
                found.append((epoch - 1 + seen / digits, (mean * seen - former * before) / (seen - before)))
                before, former = seen, mean
    return found


def validation_accuracy(history: Iterable[Metrics]) -> list[Point]:
    """The accuracy on the validation digits after each epoch."""
    return [(metrics.epoch, metrics.validation_accuracy) for metrics in history]


def summary(log: Log, epochs: int) -> str:
    """What the chart of accuracies shows now, for those who do not see it."""
    if log.epochs:
        last = log.epochs[-1]
        return (
            f"Validation accuracy {percent(last.validation_accuracy)} after {last.epoch} of {epochs} epochs, "
            f"training accuracy {percent(last.train_accuracy)}. The target is {percent(ACCURACY.limit, 1)}."
        )
    if log.progress:
        return f"Epoch 1 of {epochs}: training accuracy {percent(log.progress[-1].accuracy)} so far."
    return "No accuracy yet: the run has not begun."


def outside(lines: Iterable[Curve], axis: Axis, epochs: int) -> int:
    """How many points of the curves lie beyond the axis, so that they are not drawn."""
    return sum(y not in axis for line in lines for x, y in line.points if x <= epochs)


def rates(points: Sequence[Point], epochs: int, peak: float, height: int = 160) -> Specification:
    """The learning rate over a run, as a stepped line on scales that never change during the run.

    `points`: the epoch, 0 to `epochs`, and the rate, 0 to `peak`. `height`: in pixels.
    """
    rows = [{"epoch": epoch, "rate": rate} for epoch, rate in points]
    return _empty_rates(epochs, peak, height) | {"datasets": {"rates": rows}}


@lru_cache
def _empty_rates(epochs: int, peak: float, height: int) -> Specification:
    scale = alt.Scale(domain=[0, peak])
    chart = (
        named("rates")
        .mark_line(interpolate="step-after", color=OURS, strokeWidth=3)
        .encode(
            x=_epochs(epochs),
            y=alt.Y("rate:Q", title="learning rate", scale=scale, axis=alt.Axis(tickCount=3)),
            tooltip=[alt.Tooltip("epoch:Q", format=".1f"), alt.Tooltip("rate:Q", format=".4g")],
        )
        .properties(height=height)
    )
    return written(readable(chart))


def _epochs(last: int) -> alt.X:
    """The axis of epochs. It has its full length before the first epoch is finished."""
    return alt.X("epoch:Q", scale=alt.Scale(domain=[0, last], nice=False), axis=alt.Axis(tickMinStep=1))


def curves(
    lines: Sequence[Curve], axis: Axis, epochs: int, target: float | None = None, height: int = 350
) -> Specification:
    """Values over the epochs of a run, on scales that never change during the run.

    A point beyond the axis is not drawn, and its line breaks there. `epochs`: of this run; a longer
    curve of another run is cut off there. `target`: the height of a dashed line. `height`: in pixels,
    the legend included.
    """
    rows = {line.name: _rows(line, axis, epochs) for line in lines}
    ours = [line for line in lines if not line.faint]
    empty = _empty_curves(
        tuple((line.name, line.faint) for line in lines), axis, epochs, target is not None, height
    )
    datasets = {
        "others": [row for line in lines if line.faint for row in rows[line.name]],
        "points": [row for line in ours for row in rows[line.name]],
        # A single point makes no line, so that each line ends in a dot.
        "dots": [row for line in ours for row in (rows[line.name] if line.dots else rows[line.name][-1:])],
        "target": [] if target is None else [{"y": axis.place(target), "words": f"target {target:g} %"}],
    }
    return empty | {"datasets": datasets}


def _rows(line: Curve, axis: Axis, epochs: int) -> list[dict[str, Any]]:
    """The points of a curve that are drawn. A new part begins after each point that is not."""
    rows: list[dict[str, Any]] = []
    part = 0
    for x, value in line.points:
        if x <= epochs and value in axis:
            y = axis.place(value)
            rows.append({"epoch": x, "y": y, "value": value, "line": line.name, "part": part})
        else:
            part += 1
    return rows


@lru_cache
def _empty_curves(
    lines: tuple[tuple[str, bool], ...], axis: Axis, epochs: int, has_target: bool, height: int
) -> Specification:
    """The chart of `curves` without its points. `lines`: name of each, and whether it is faint."""
    names = [name for name, _ in lines]
    strong, dashed = cycle([OURS, ORANGE, GREEN, RED, PURPLE, SKY]), cycle([[6, 3], [2, 2], [10, 3, 2, 3]])
    colours = [GREY if faint else next(strong) for _, faint in lines]
    dashes = [next(dashed) if faint else [1, 0] for _, faint in lines]
    legend = alt.Legend(
        title=None,
        orient="bottom",
        labelLimit=400,
        columns=2 if max(map(len, names)) < SHORT else 1,
        symbolType="stroke",
        symbolSize=500,
        symbolStrokeWidth=2.5,
    )
    scale = alt.Scale(domain=[axis.low, axis.high], nice=False, **axis.scale)
    place = {
        "x": _epochs(epochs),
        "y": alt.Y("y:Q", title=axis.title, scale=scale, axis=alt.Axis(**axis.labels)),
    }
    colour = alt.Color("line:N", scale=alt.Scale(domain=names, range=colours), legend=legend)
    tooltip = [
        alt.Tooltip("line:N", title="curve"),
        alt.Tooltip("epoch:Q", format=".1f"),
        alt.Tooltip("value:Q", title=axis.title, format=axis.digits),
    ]

    def line(rows: str, width: float) -> alt.Chart:
        chart: alt.Chart = (
            named(rows)
            .mark_line(strokeWidth=width)
            .encode(
                **place,
                color=colour,
                detail="part:N",
                strokeDash=alt.StrokeDash(
                    "line:N", scale=alt.Scale(domain=names, range=dashes), legend=legend
                ),
                tooltip=tooltip,
            )
        )
        return chart

    dots = named("dots").mark_point(filled=True, size=60, opacity=1)
    layers = [line("others", 2), line("points", 2.5), dots.encode(**place, color=colour, tooltip=tooltip)]
    if has_target:
        target = named("target")
        words = target.mark_text(
            align="left", baseline="bottom", dx=6, dy=-3, fontSize=TEXT, fontWeight="bold", color=TARGET
        )
        at_left = alt.X(datum=0, type="quantitative")
        layers[1:1] = [
            target.mark_rule(**TARGET_LINE).encode(y=place["y"]),
            words.encode(x=at_left, y=place["y"], text="words:N"),
        ]
    return written(layered(layers, height))
