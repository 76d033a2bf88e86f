"""Charts of a run that is training: its curves and its learning rate.

Both are Vega-Lite specifications. A page draws them every few seconds, so everything but the points is
made only once: Altair takes a hundred times as long as the points do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from typing import Any

import altair as alt

from s5core.views.palette import GREEN, GREY, ORANGE, OURS
from s5core.views.style import TARGET_LINE, layered, readable

Specification = dict[str, Any]  # a Vega-Lite chart as JSON data


def _epochs(last: int) -> alt.X:
    """The axis of epochs. It has its full length before the first epoch is finished."""
    return alt.X("epoch:Q", scale=alt.Scale(domain=[0, last], nice=False), axis=alt.Axis(tickMinStep=1))


def rates(points: Sequence[tuple[float, float]], epochs: int, peak: float) -> Specification:
    """The learning rate over a run, as a stepped line on scales that never change during the run.

    `points`: the epoch, 0 to `epochs`, and the rate, 0 to `peak`.
    """
    rows = [{"epoch": epoch, "rate": rate} for epoch, rate in points]
    return _empty_rates(epochs, peak) | {"datasets": {"rates": rows}}


@lru_cache
def _empty_rates(epochs: int, peak: float) -> Specification:
    scale = alt.Scale(domain=[0, peak])
    chart = (
        alt.Chart(alt.NamedData("rates"))
        .mark_line(interpolate="step-after", color=OURS, strokeWidth=3)
        .encode(
            x=_epochs(epochs),
            y=alt.Y("rate:Q", title="learning rate", scale=scale, axis=alt.Axis(tickCount=4)),
            tooltip=[alt.Tooltip("epoch:Q", format=".1f"), alt.Tooltip("rate:Q", format=".4g")],
        )
        .properties(height=160)
    )
    specification: Specification = readable(chart).to_dict()
    return specification


@dataclass(frozen=True)
class Curve:
    """One line of a chart of curves."""

    name: str  # in the legend
    points: Sequence[tuple[float, float]]  # epoch, value
    faint: bool = False  # an earlier run, for comparison


def curves(
    lines: Sequence[Curve],
    title: str,
    epochs: int,
    domain: tuple[float, float],
    target: float | None = None,
    logarithmic: bool = False,
) -> Specification:
    """Values over the epochs of a run, on scales that never change during the run.

    `domain`: the lowest and the highest value of the axis; a point beyond them is drawn at the edge.
    `epochs`: of this run; a longer curve of another run is cut off there. `target`: the height of a
    dashed line.
    """
    points = [
        {"epoch": x, "value": min(max(y, domain[0]), domain[1]), "exact": y, "line": line.name}
        for line in lines
        for x, y in line.points
        if x <= epochs
    ]
    ends = list({point["line"]: point for point in points}.values())  # as dots: a single point makes no line
    empty = _empty_curves(
        tuple((line.name, line.faint) for line in lines),
        title,
        epochs,
        domain,
        target is not None,
        logarithmic,
    )
    return empty | {"datasets": {"points": points, "ends": ends, "target": [{"target": target}]}}


@lru_cache
def _empty_curves(
    lines: tuple[tuple[str, bool], ...],
    title: str,
    epochs: int,
    domain: tuple[float, float],
    has_target: bool,
    logarithmic: bool,
) -> Specification:
    """The chart of `curves` without its points. `lines`: name of each, and whether it is faint."""
    names = [name for name, _ in lines]
    strong, dashed = cycle([OURS, ORANGE, GREEN]), cycle([[6, 3], [2, 2], [10, 3, 2, 3]])
    colours = [GREY if faint else next(strong) for _, faint in lines]
    dashes = [next(dashed) if faint else [1, 0] for _, faint in lines]
    scale = alt.Scale(domain=list(domain), nice=False, type="log" if logarithmic else "linear", clamp=True)
    columns = 1 if any(faint for _, faint in lines) else 2  # the names of runs are long
    legend = alt.Legend(
        title=None, orient="bottom", labelLimit=300, columns=columns,
        symbolType="stroke", symbolSize=500, symbolStrokeWidth=2.5,
    )  # fmt: skip
    base = alt.Chart(alt.NamedData("points")).encode(
        x=_epochs(epochs),
        y=alt.Y("value:Q", title=title, scale=scale, axis=alt.Axis(tickCount=6)),
        color=alt.Color("line:N", scale=alt.Scale(domain=names, range=colours), legend=legend),
        strokeDash=alt.StrokeDash("line:N", scale=alt.Scale(domain=names, range=dashes), legend=legend),
        tooltip=[
            alt.Tooltip("line:N", title="curve"),
            alt.Tooltip("epoch:Q", format=".1f"),
            alt.Tooltip("exact:Q", title=title, format=".4g" if logarithmic else ".2f"),
        ],
    )
    layers: list[alt.Chart] = [
        base.mark_line(strokeWidth=2.5),
        alt.Chart(alt.NamedData("ends"))
        .mark_point(filled=True, size=70, opacity=1)
        .encode(x="epoch:Q", y="value:Q", color=alt.Color("line:N", legend=legend)),
    ]
    if has_target:
        layers.append(
            alt.Chart(alt.NamedData("target"))
            .mark_rule(**TARGET_LINE)
            .encode(y="target:Q", tooltip=alt.Tooltip("target:Q", format=".1f"))
        )
    height = 300 + 24 * math.ceil(len(names) / columns)  # the legend's lines included
    specification: Specification = layered(layers, height).to_dict()
    return specification
