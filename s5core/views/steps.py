"""Charts that compare the steps: accuracy against parameters, and the training curves."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from string import ascii_lowercase
from typing import Any, get_args

import altair as alt

from s5core import words
from s5core.compare import CurvePoint, Source, Standing
from s5core.published import PUBLISHED
from s5core.target import PARAMETER_BUDGET, TARGET_ACCURACY
from s5core.views.palette import BLUE, ELSEWHERE, GREY, OURS, RED, REPORTED, SHARED, TARGET
from s5core.views.style import TARGET_LINE, TEXT, chart_of, layered

# What is written at the marks of the steps, and at those of what was published elsewhere.
BADGES = {f"step{n}": str(n) for n in range(1, 6)} | {
    "base": "Base",
    "step5_small": "Small",
    "step5_fast": "Fast",
    "step5_published": "As published",
}
LETTERS = {one.repository: letter for one, letter in zip(PUBLISHED, ascii_lowercase, strict=False)}

_SOURCES: tuple[Source, ...] = get_args(Source)
_FEWEST, _BREAK = 2_500, 20_000  # parameters where the axis begins, and from where on it is shortened
_PARAMETER_TICKS = {
    700: "700",
    1_500: "1.5k",
    3_000: "3k",
    5_000: "5k",
    7_000: "7k",
    10_000: "10k",
    14_000: "14k",
    20_000: "20k",
    1_000_000: "1M",
    10_000_000: "10M",
}
_WIDTHS = 300, 720  # pixels of the chart of steps, on a phone and on a desktop screen
# Of the marks of the chart of steps, in pixels.
_RADII: dict[Source, int] = {"ours": 14, "reported": 19, "elsewhere": 6, "shared": 12}
_NUDGED: dict[Source, int] = {"elsewhere": 7, "shared": 11}  # of the writing that goes where there is room
_AROUND = [  # places around a mark, in pixels: near ones before far ones, then right before left
    (round(radius * math.cos(angle)), round(radius * math.sin(angle)))
    for radius in (14, 20, 27, 35, 45)
    for angle in (math.pi / 4 * turn for turn in (0, 7, 1, 6, 2, 5, 3, 4))
]
_TARGET_TEXT: dict[str, Any] = {
    "color": TARGET, "align": "left", "dx": 6, "fontSize": TEXT, "fontWeight": "bold"
}  # fmt: skip
_CURVE_FLOORS = (98.0, 97.0, 95.0, 90.0, 50.0, 0.0)  # percent


def steps_accuracy(
    standings: Sequence[Standing],
    badges: Mapping[str, str],
    floor: float = 98.5,
    height: int = 440,
) -> alt.LayerChart:
    """Accuracy against parameters on a log axis, with the target region shaded.

    `badges`: by the name of a network, one character for its mark, or a short name below it. `floor`:
    the accuracy in percent where the axis begins; a network below it is an arrow with its accuracy, under
    the axis.
    """
    counts = [standing.parameters for standing in standings]
    low, high = min([_FEWEST, *counts]) * 0.95, max([_BREAK, *(count * 2 for count in counts)]) * 1.15
    ticks = [tick for tick in _PARAMETER_TICKS if low <= tick <= high]
    names = {f"{_place(tick):.3f}": name for tick, name in _PARAMETER_TICKS.items()}
    x = alt.X(
        "place:Q",
        title="parameters (log scale)",
        scale=alt.Scale(domain=[_place(low), _place(high)], nice=False, zero=False),
        axis=alt.Axis(
            values=[_place(tick) for tick in ticks],
            labelExpr=f"{json.dumps(names)}[format(datum.value, '.3f')]",
            grid=False,
            labelOverlap="greedy",
        ),
    )
    rows = _standing_rows(standings, badges, floor)
    inside = [row for row in rows if row["accuracy"] >= floor]
    below, bottom = _below_axis([row for row in rows if row["accuracy"] < floor], floor)

    def y(field: str) -> alt.Y:
        return _accuracy_axis(field, floor, "validation accuracy", bottom)

    inside = _nudge(inside, 1 / (_place(high) - _place(low)), height / (100 - bottom))
    layers = [
        *_target_region(low, x, y),
        *(_axis_break(x) if max(counts, default=0) > _BREAK else []),
        *_error_bars([row for row in inside if row["high"] is not None], x, y),
        *_badges(inside, x, y),
        *(_arrows(below, floor, bottom, x, y) if below else []),
    ]
    return layered(layers, height)


def _place(parameters: float) -> float:
    """The place of a number of parameters on the axis: its log10. Beyond `_BREAK` the axis is ten times
    shorter, or the base net would push all other steps into one corner."""
    bend = math.log10(_BREAK)
    place = math.log10(parameters)
    return place if place <= bend else bend + (place - bend) / 10


def _axis_break(x: alt.X) -> list[alt.Chart]:
    base = chart_of([{"place": _place(_BREAK)}]).encode(x=x)
    text = base.mark_text(
        text="axis shortened", angle=270, align="left", dx=8, dy=12, fontSize=TEXT, color=GREY
    ).encode(y=alt.value("height"))
    return [base.mark_rule(color=GREY, strokeDash=[2, 4], strokeWidth=2), text]


def _accuracy_axis(field: str, floor: float, title: str, bottom: float | None = None) -> alt.Y:
    """Percent from `floor` to 100. Below `floor` the axis goes on to `bottom`, without ticks."""
    step = next(step for step in (0.2, 0.5, 1, 2, 5, 10, 20) if (100 - floor) / step <= 6)
    ticks = [round(floor + step * i, 1) for i in range(round((100 - floor) / step) + 1)]
    return alt.Y(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(domain=[floor if bottom is None else bottom, 100], nice=False, zero=False),
        axis=alt.Axis(values=ticks, labelFlush=False, labelExpr="format(datum.value, '.1~f') + ' %'"),
    )


def _standing_rows(
    standings: Sequence[Standing], badges: Mapping[str, str], floor: float
) -> list[dict[str, Any]]:
    rows = []
    for standing in standings:
        spread = standing.deviation
        rows.append(
            {
                "badge": badges.get(standing.name, standing.name),
                "name": standing.name,
                "source": standing.source,
                "parameters": standing.parameters,
                "place": _place(standing.parameters),
                "accuracy": standing.accuracy,
                "low": None if spread is None else max(floor, standing.accuracy - spread),
                "high": None if spread is None else min(100, standing.accuracy + spread),
                "figure": words.percent(standing.accuracy)
                if spread is None
                else f"{standing.accuracy:.2f} ± {words.percent(spread)}",
                "seeds": "not reported" if standing.seeds is None else str(standing.seeds),
            }
        )
    return rows


def _target_region(low: float, x: alt.X, y: Callable[[str], alt.Y]) -> list[alt.Chart]:
    corner = {
        "place": _place(low),
        "budget": _place(PARAMETER_BUDGET),
        "accuracy": TARGET_ACCURACY,
        "top": 100,
    }
    base = chart_of([corner])
    word = base.mark_text(text="Target", baseline="top", dy=6, **_TARGET_TEXT)
    return [
        base.mark_rect(color=TARGET, opacity=0.18).encode(x=x, x2="budget:Q", y=y("accuracy"), y2="top:Q"),
        base.mark_rule(**TARGET_LINE).encode(x=x, x2="budget:Q", y=y("accuracy")),
        base.mark_rule(**TARGET_LINE).encode(x=alt.X("budget:Q"), y=y("accuracy"), y2="top:Q"),
        word.encode(x=x, y=y("top")),
    ]


def _error_bars(rows: list[dict[str, Any]], x: alt.X, y: Callable[[str], alt.Y]) -> list[alt.Chart]:
    base = chart_of(rows).encode(x=x)
    caps = [base.mark_tick(color=OURS, thickness=3, size=18).encode(y=y(end)) for end in ("low", "high")]
    return [base.mark_rule(color=OURS, strokeWidth=3).encode(y=y("low"), y2="high:Q"), *caps] if rows else []


def _nudge(rows: list[dict[str, Any]], breadth: float, height: float) -> list[dict[str, Any]]:
    """The rows with "dx" and "dy", the pixels from a small square to its letter, and from a triangle to
    its number.

    They go to the nearest place that covers no mark and no other writing, on a phone and on a desktop
    screen. `breadth`: the share of the chart's width that a unit of the x axis takes. `height`:
    the pixels that a unit of the y axis takes.
    """

    def far(row: dict[str, Any], dx: float, dy: float, other: dict[str, Any], du: float, dv: float) -> float:
        """Pixels between two places, each beside its mark, on the screen where they are closer."""
        across, down = row["place"] - other["place"], other["accuracy"] - row["accuracy"]
        return min(
            math.hypot(across * breadth * width + dx - du, down * height + dy - dv) for width in _WIDTHS
        )

    taken = [(row, 0, 0, _RADII[row["source"]]) for row in rows]
    taken += [(row, 28, 0, 10) for row in rows if row["source"] == "reported"]  # its number
    taken += [
        (row, 0, 25, 16) for row in rows if row["source"] == "ours" and len(row["badge"]) > 1
    ]  # its name
    placed = []
    for row in rows:
        spot = 0, 0
        if own := _NUDGED.get(row["source"]):
            free = (
                (dx, dy)
                for dx, dy in _AROUND
                if all(far(row, dx, dy, other, du, dv) >= radius + own for other, du, dv, radius in taken)
            )
            spot = next(free, _AROUND[-1])
            taken.append((row, *spot, own))
        placed.append(row | {"dx": spot[0], "dy": spot[1]})
    return placed


def _standing_tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("name:N", title="network"),
        alt.Tooltip("source:N", title="source"),
        alt.Tooltip("figure:N", title="validation accuracy"),
        alt.Tooltip("parameters:Q", title="parameters", format=","),
        alt.Tooltip("seeds:N", title="seeds"),
    ]


def _badges(rows: list[dict[str, Any]], x: alt.X, y: Callable[[str], alt.Y]) -> list[alt.Chart]:
    """Filled circles for our networks, hollow diamonds for the reported ones, small squares for those
    that others published, and triangles for those that people share."""
    legend = alt.Legend(title=None, orient="top", symbolSize=220, labelLimit=0)
    present = [source for source in _SOURCES if any(row["source"] == source for row in rows)]
    base = chart_of(rows).encode(x=x, y=y("accuracy"))

    def by_source(values: list[str]) -> dict[str, Any]:
        known = dict(zip(_SOURCES, values, strict=True))
        scale = alt.Scale(domain=present, range=[known[source] for source in present])
        return {"scale": scale, "legend": legend}

    look = base.encode(
        shape=alt.Shape("source:N", **by_source(["circle", "diamond", "square", "triangle-up"])),
        stroke=alt.Stroke("source:N", **by_source([OURS, REPORTED, ELSEWHERE, SHARED])),
        fill=alt.Fill("source:N", **by_source([OURS, "transparent", ELSEWHERE, SHARED])),
        tooltip=_standing_tooltip(),
    )
    ours, reported, elsewhere, shared = (alt.datum.source == source for source in _SOURCES)
    number = base.encode(text="badge:N")
    nudged: dict[str, Any] = {
        "color": "currentColor",
        "dx": alt.ExprRef("datum.dx"),
        "dy": alt.ExprRef("datum.dy + 1"),
        "fontSize": TEXT,
    }
    shared_marks = [  # on top, because a shared result often lies where a step does
        look.transform_filter(shared).mark_point(size=200, strokeWidth=2, opacity=1),
        number.transform_filter(shared).mark_text(fontWeight="bold", **nudged),
    ]
    beside: dict[str, Any] = {"color": "currentColor", "align": "left", "dx": 20}
    return [
        look.transform_filter(elsewhere).mark_point(size=80, strokeWidth=2, opacity=1),
        number.transform_filter(elsewhere).mark_text(**nudged),
        # A diamond is larger than a circle and lies below it, so that it can be seen around the circle.
        look.transform_filter(reported).mark_point(size=1100, strokeWidth=3, opacity=1),
        look.transform_filter(ours).mark_point(size=560, strokeWidth=3, opacity=1),
        number.transform_filter(ours)
        .transform_filter("length(datum.badge) == 1")
        .mark_text(color="white", fontSize=TEXT, fontWeight="bold", dy=1),
        # Where the reported figure has the same name, that is beside its diamond, around the circle.
        number.transform_filter(ours)
        .transform_filter(alt.FieldOneOfPredicate("name", _named_once(rows)))
        .mark_text(fontSize=TEXT, fontWeight="bold", dy=25, color="currentColor"),
        number.transform_filter(reported).mark_text(fontSize=TEXT, fontWeight="bold", dy=1, **beside),
        *(shared_marks if "shared" in present else []),
    ]


def _named_once(rows: list[dict[str, Any]]) -> list[str]:
    """Our networks with a name to be written below their mark."""
    reported = {row["name"] for row in rows if row["source"] == "reported"}
    ours = [row for row in rows if row["source"] == "ours" and row["name"] not in reported]
    return [row["name"] for row in ours if len(row["badge"]) > 1]


def _below_axis(rows: list[dict[str, Any]], floor: float) -> tuple[list[dict[str, Any]], float]:
    """The places of the arrows, in lines under the axis so that none covers another; and the lower end
    of the last line, in percent on the axis."""
    line_height = 0.1 * (100 - floor)
    width = 0.12  # of an arrow and its text, in units of the x axis
    ends: list[float] = []  # of each line so far
    placed = []
    for row in sorted(rows, key=lambda row: (row["place"], -row["accuracy"])):
        line = next((i for i, end in enumerate(ends) if end <= row["place"]), len(ends))
        ends[line : line + 1] = [row["place"] + width]
        text = f"{row['badge']}: {words.percent(row['accuracy'], 1)}"
        placed.append(row | {"line": floor - line_height * (line + 0.7), "text": text})
    return placed, floor - line_height * (len(ends) + 0.2 if ends else 0)


def _arrows(
    rows: list[dict[str, Any]], floor: float, bottom: float, x: alt.X, y: Callable[[str], alt.Y]
) -> list[alt.Chart]:
    strip = chart_of([{"floor": floor, "bottom": bottom}])
    ground = strip.mark_rect(color=GREY, opacity=0.15).encode(y=y("floor"), y2="bottom:Q")
    base = chart_of(rows).encode(x=x, y=y("line"), tooltip=_standing_tooltip())
    marks = [
        # A colour scale without a legend would remove the legend of the marks above.
        base.transform_filter(alt.datum.source == source).mark_point(
            shape="triangle-down", size=160, filled=True, opacity=1, color=colour
        )
        for source, colour in zip(_SOURCES, (OURS, REPORTED, ELSEWHERE, SHARED), strict=True)
    ]
    texts = base.mark_text(color="currentColor", align="left", dx=12, fontSize=TEXT)
    return [ground, *marks, texts.encode(text="text:N")]


def steps_curves(curves: Mapping[str, Sequence[CurvePoint]], height: int = 360) -> alt.LayerChart:
    """Accuracy over the epochs of one or two steps, given by their labels; no list may be empty.

    Validation is a solid line with a band for the range over the seeds; training is dashed. The axis
    begins below every last epoch; earlier epochs may lie below the axis.
    """
    last = [end for points in curves.values() for end in (points[-1].lowest, points[-1].train)]
    floor = next((value for value in _CURVE_FLOORS if value <= min(last) - 0.5), 0.0)
    rows: list[dict[str, Any]] = [
        {"step": label, "digits": digits, "epoch": point.epoch, "accuracy": accuracy}
        | {"lowest": point.lowest, "highest": point.highest}
        for label, points in curves.items()
        for point in points
        for digits, accuracy in (("validation", point.validation), ("training", point.train))
    ]
    x = alt.X(
        "epoch:Q",
        title="epoch",
        scale=alt.Scale(domain=[0.8, max([2, *(row["epoch"] for row in rows)]) + 0.2], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d", grid=False),
    )
    y = _accuracy_axis("accuracy", floor, "accuracy")
    colour = alt.Color(
        "step:N",
        scale=alt.Scale(domain=list(curves), range=[BLUE, RED]),
        legend=alt.Legend(
            title=None, orient="top", labelLimit=400, columns=1, symbolType="square", symbolOpacity=1
        ),
    )
    dash = alt.StrokeDash(
        "digits:N",
        scale=alt.Scale(domain=["validation", "training"], range=[[1, 0], [5, 5]]),
        legend=alt.Legend(title=None, orient="top", columns=1, symbolSize=500),
    )
    base = chart_of(rows).encode(x=x, color=colour)
    band = base.transform_filter(alt.datum.digits == "validation").mark_area(opacity=0.2, clip=True)
    # Points as well, because a run of one epoch makes no line.
    dots = base.transform_filter(alt.datum.digits == "validation").mark_point(
        size=45, filled=True, opacity=1, clip=True
    )
    lines = base.mark_line(strokeWidth=3, clip=True).encode(
        y=y,
        strokeDash=dash,
        tooltip=[
            "step:N",
            "digits:N",
            "epoch:Q",
            alt.Tooltip("accuracy:Q", title="accuracy, %", format=".2f"),
        ],
    )
    layers = [
        band.encode(y=_accuracy_axis("lowest", floor, "accuracy"), y2="highest:Q"),
        dots.encode(y=y),
        lines,
        *_target_line(x, y),
    ]
    return layered(layers, height)


def _target_line(x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """The target accuracy as a line across the chart."""
    base = chart_of([{"epoch": 1, "accuracy": TARGET_ACCURACY}]).encode(y=y)
    text = base.mark_text(text=words.percent(TARGET_ACCURACY, 1), dy=-10, **_TARGET_TEXT)
    return [base.mark_rule(**TARGET_LINE), text.encode(x=x)]
