"""Tables in, Altair charts out.

Colours are those of Okabe and Ito ("Color Universal Design", 2008), which colour-blind
people can tell apart. Text and axes take the page's theme; only data gets a colour here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import cycle
from typing import Any, get_args

import altair as alt
from torch import Tensor

from s5core.compare import CurvePoint, Origin, Standing
from s5core.evaluate import ClassResult, Evaluation
from s5core.steps import PARAMETER_BUDGET, TARGET_ACCURACY

BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#F0E442",
    "#8A9099",
)

OURS, REPORTED, TARGET = BLUE, ORANGE, GREEN  # our results, those of the exercise's source, the aim
ELSEWHERE = PURPLE  # results of others
GROUND = alt.ExprRef("background")  # the page's own colour, whatever its theme
FRAME = 3  # pixels of the frame around a cell on either side of its edge

# A Vega-Lite chart as JSON data. Charts that a page draws anew every few seconds come as such: all
# but their points is made once, since Altair takes a hundred times as long as the points do.
Specification = dict[str, Any]


def confusion_matrix(counts: Tensor, chosen: tuple[int, int] | None = None) -> alt.LayerChart:
    """Which classes are taken for which; a click on a cell selects it.

    `counts`: (10, 10), rows true, columns said. `chosen`: (true, said) of the cell that is
    framed at first. The selection is named "cell", its fields "true" and "said".
    """
    rows = [
        {"true": true, "said": said, "count": count, "right": true == said}
        for true, line in enumerate(counts.tolist())
        for said, count in enumerate(line)
    ]
    cell = alt.selection_point(
        name="cell",
        fields=["true", "said"],
        toggle=False,
        clear=False,
        empty=False,
        value=[{"true": chosen[0], "said": chosen[1]}] if chosen else alt.Undefined,
    )
    most = max([row["count"] for row in rows if not row["right"]] + [1])
    axis = alt.Axis(
        labelFontSize=15, titleFontSize=15, labelAngle=0, labelPadding=6, titlePadding=8, labelFlush=False
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("said:O", title="said", axis=axis, scale=alt.Scale(paddingInner=0.04, paddingOuter=0.02)),
        y=alt.Y("true:O", title="true", axis=axis, scale=alt.Scale(paddingInner=0.04, paddingOuter=0.02)),
        tooltip=[
            alt.Tooltip("true:O", title="true"),
            alt.Tooltip("said:O", title="said"),
            alt.Tooltip("count:Q", title="digits", format=","),
        ],
    )
    # The errors are shades of one colour over the page's own ground, so that more is stronger
    # in the light theme and in the dark one; the diagonal has no shade, or it would be all one saw.
    cells = base.mark_rect(cursor="pointer", cornerRadius=3).encode(
        color=alt.condition("datum.right || !datum.count", alt.value(GREY), alt.value(RED)),
        fillOpacity=alt.condition(
            "datum.right || !datum.count",
            alt.value(0.12),
            alt.Opacity(
                "count:Q", scale=alt.Scale(type="sqrt", domain=[0, most], range=[0.12, 0.95]), legend=None
            ),
        ),
        stroke=alt.condition(cell, alt.value("currentColor"), alt.value("transparent")),
        strokeWidth=alt.value(3),
    )
    numbers = (
        base.transform_filter("datum.count > 0")
        .mark_text(fontSize=14, color="currentColor")
        .encode(
            text=alt.Text("count:Q"),
            opacity=alt.condition("datum.right", alt.value(0.55), alt.value(1)),
        )
    )
    return alt.LayerChart(layer=[cells.add_params(cell), numbers], height=460)


def feature_map(field: Tensor, chosen: tuple[int, int], side: int) -> alt.LayerChart:
    """A map of a layer as squares, the brighter, the higher; a click on a cell selects it.

    `field`: (height, width). `chosen`: row and column of the cell that is framed, from 0. `side`:
    of the map in pixels, or a little less, so that all cells are whole pixels; FRAME pixels come
    on each side. The selection is named "cell", its fields "row" and "column" count from 1.
    """
    height, width = field.shape
    step = max(1, side // max(height, width))
    rows = [
        {"row": y, "column": x, "value": round(value, 4), "chosen": (y - 1, x - 1) == chosen}
        for y, line in enumerate(field.tolist(), 1)
        for x, value in enumerate(line, 1)
    ]
    low, high = float(field.min()), float(field.max())
    colours = alt.Scale(scheme="viridis", domain=[low, high if high > low else low + 1])
    cell = alt.selection_point(name="cell", fields=["row", "column"], toggle=False, clear=False, empty=False)
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(padding=0)),
        y=alt.Y("row:O", axis=None, scale=alt.Scale(padding=0)),
        tooltip=[alt.Tooltip("row:O"), alt.Tooltip("column:O"), alt.Tooltip("value:Q", format=".2f")],
    )
    cells = base.mark_rect(cursor="pointer").encode(color=alt.Color("value:Q", scale=colours, legend=None))
    # Orange between two lines of black stands out from every colour.
    frames = [
        base.transform_filter("datum.chosen").mark_rect(filled=False, stroke=colour, strokeWidth=thick)
        for colour, thick in (("black", 2 * FRAME), (ORANGE, FRAME))
    ]
    chart = alt.LayerChart(
        layer=[cells.add_params(cell), *frames],
        width=step * width,
        height=step * height,
        autosize="pad",  # the theme's own would take the room for the padding from the cells
        padding={"left": FRAME, "top": FRAME, "right": FRAME},
    )
    bare: alt.LayerChart = chart.configure_view(stroke=None)
    return bare


def class_accuracy(classes: Sequence[ClassResult], target: float) -> alt.LayerChart:
    """Accuracy of each class as a bar, with its errors in figures, and the target as a line.

    The axis does not begin at zero: it is zoomed to the worst class and the target (percent).
    """
    lowest = min([result.accuracy for result in classes] + [target])
    # From twice as far below 100 % as the worst class, rounded outwards to a number that reads well.
    start = max(0.0, 100 - _round_up(2 * (100 - lowest)))
    rows = [
        {
            "digit": result.digit,
            "accuracy": result.accuracy,
            "start": start,
            "words": f"{result.errors:,} of {result.digits:,} wrong",
        }
        for result in classes
    ]
    x = alt.X(
        "accuracy:Q",
        title=f"accuracy, % (the axis begins at {start:g} %)",
        scale=alt.Scale(domain=[start, 100], nice=False),
        axis=alt.Axis(labelFontSize=13, titleFontSize=14, tickCount=5),
    )
    y = alt.Y("digit:O", title="true", axis=alt.Axis(labelFontSize=15, titleFontSize=15))
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=y,
        tooltip=[
            alt.Tooltip("digit:O", title="digit"),
            alt.Tooltip("accuracy:Q", title="accuracy, %", format=".2f"),
            alt.Tooltip("words:N", title="errors"),
        ],
    )
    bars = base.mark_bar(color=OURS, height={"band": 0.72}).encode(x=x, x2="start:Q")
    words = base.mark_text(align="left", dx=8, fontSize=13, color="currentColor").encode(
        x=alt.value("width"), text="words:N"
    )
    line = (
        alt.Chart(alt.InlineData(values=[{"target": target}]))
        .mark_rule(color=TARGET, strokeWidth=3, strokeDash=[6, 4])
        .encode(x="target:Q", tooltip=alt.Tooltip("target:Q", title="target, %"))
    )
    return alt.LayerChart(layer=[bars, words, line], height=380)


def accuracy_intervals(networks: Mapping[str, Evaluation], chosen: str) -> alt.LayerChart:
    """The accuracy of each network as a point in its 95 % interval, its name and count above it;
    that of the chosen one is filled.

    The axis ends at 100 % and begins at the ten below the lowest end of an interval.
    """
    rows = [
        {
            "row": i,
            "words": f"{name}: {len(answers.labels) - answers.errors:,} of {len(answers.labels):,} right",
            "accuracy": answers.accuracy,
            "low": answers.interval[0],
            "high": answers.interval[1],
            "range": f"{answers.interval[0]:.1f} to {answers.interval[1]:.1f} %",
            "chosen": name == chosen,
        }
        for i, (name, answers) in enumerate(networks.items())
    ]
    start = min(math.floor(answers.interval[0] / 10) * 10 for answers in networks.values())

    def x(field: str) -> alt.X:
        return alt.X(
            f"{field}:Q",
            title="read right, %" + (f" (the axis begins at {start} %)" if start else ""),
            scale=alt.Scale(domain=[start, 100], nice=False),
            axis=alt.Axis(labelFontSize=13, titleFontSize=14, tickCount=5),
        )

    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("row:O", axis=None),
        tooltip=[
            alt.Tooltip("words:N", title="network"),
            alt.Tooltip("accuracy:Q", title="read right, %", format=".1f"),
            alt.Tooltip("range:N", title="95 % interval"),
        ],
    )
    intervals = base.mark_rule(color=OURS, strokeWidth=3, yOffset=5).encode(x=x("low"), x2="high:Q")
    points = base.mark_point(size=170, strokeWidth=3, color=OURS, opacity=1, yOffset=5).encode(
        x=x("accuracy"), fill=alt.condition("datum.chosen", alt.value(OURS), alt.value(GROUND))
    )
    words = base.mark_text(align="left", dy=-13, fontSize=14, color="currentColor").encode(
        x=alt.value(4), text="words:N"
    )
    return alt.LayerChart(layer=[intervals, points, words], height=56 * len(rows) + 50)


def _round_up(number: float) -> float:
    """The next of …, 1, 2, 5, 10, 20, … at or above a positive number."""
    power = 10 ** math.floor(math.log10(number))
    return next(float(step * power) for step in (1, 2, 5, 10) if step * power >= number - 1e-9)


def class_probabilities(
    probabilities: Sequence[float], true_class: int | None = None, height: int = 260
) -> alt.LayerChart:
    """A bar a class with its probability in percent; the network's answer stands out, and the
    true class, where it is known and another, has a colour of its own."""
    answer = max(range(len(probabilities)), key=lambda label: probabilities[label])
    meanings = {answer: "its answer"} | ({true_class: "the true class"} if true_class is not None else {})
    meanings[answer] = "its answer"
    table = alt.InlineData(
        [
            {
                "class": label,
                "percent": 100 * p,
                "is": meanings.get(label, "other"),
                "text": f"{100 * p:.1f}" if p >= 0.0005 else "",
            }
            for label, p in enumerate(probabilities)
        ]
    )
    base = alt.Chart(table).encode(
        x=alt.X("class:O", title="digit", axis=alt.Axis(labelAngle=0, labelFontSize=15, titleFontSize=14)),
        y=alt.Y(
            "percent:Q",
            title="probability in %",
            scale=alt.Scale(domain=[0, 112], nice=False),
            axis=alt.Axis(values=[0, 25, 50, 75, 100], labelFontSize=13, titleFontSize=14),
        ),
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "is:N",
            scale=alt.Scale(domain=["its answer", "the true class", "other"], range=[BLUE, ORANGE, GREY]),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("class:O", title="class"),
            alt.Tooltip("percent:Q", title="probability in %", format=".2f"),
        ],
    )
    figures = base.mark_text(dy=-8, fontSize=13, color=GREY).encode(text="text:N")
    return alt.LayerChart(layer=[bars, figures], height=height)


def cell_values(values: Sequence[float], title: str, first: int = 1) -> alt.Chart:
    """A bar for each map that has a single cell, numbered from `first`; `title` names the axis
    of the numbers."""
    rows = [{"map": i, "value": v} for i, v in enumerate(values, first)]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(rows), height=260)
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("map:O", title=title, axis=alt.Axis(labelAngle=0, labelFontSize=14, titleFontSize=14)),
            y=alt.Y("value:Q", title="value", axis=alt.Axis(labelFontSize=13, titleFontSize=14)),
            tooltip=[alt.Tooltip("map:O", title=title), alt.Tooltip("value:Q", format=".2f")],
        )
    )
    return chart


_SOURCES: tuple[Origin, ...] = get_args(Origin)
_FEWEST, _BREAK = 2_500, 20_000  # parameters where the axis begins and where it is shortened
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
_WIDTHS = 300, 720  # pixels of the chart of steps on a phone and on a desk
_RADII = {"ours": 14, "reported": 19, "elsewhere": 6}  # of the marks of the chart of steps, in pixels
_AROUND = [  # a mark, in pixels: nearer places first, and of those on the right
    (round(radius * math.cos(angle)), round(radius * math.sin(angle)))
    for radius in (14, 20, 27, 35)
    for angle in (math.pi / 4 * turn for turn in (0, 7, 1, 6, 2, 5, 3, 4))
]
_CURVE_FLOORS = (98.0, 97.0, 95.0, 90.0, 50.0, 0.0)  # percent


def steps_accuracy(
    standings: Sequence[Standing],
    badges: Mapping[str, str],
    floor: float = 98.5,
    height: int = 440,
) -> alt.LayerChart:
    """Accuracy against parameters on a log axis, the target region shaded.

    `badges`: what stands on the mark of each step or beside it, one or two characters. Figures
    below `floor` percent are arrows in a strip under the axis that name the accuracy.
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
    return _large(layers, height)


def _place(parameters: float) -> float:
    """Where a number of parameters stands on the axis: log10, and from `_BREAK` on a tenth of
    it, or the base net would push all other steps into one corner."""
    bend = math.log10(_BREAK)
    place = math.log10(parameters)
    return place if place <= bend else bend + (place - bend) / 10


def _axis_break(x: alt.X) -> list[alt.Chart]:
    base = alt.Chart(alt.InlineData(values=[{"place": _place(_BREAK)}])).encode(x=x)
    text = base.mark_text(
        text="axis shortened", angle=270, align="left", dx=8, dy=12, fontSize=13, color=GREY
    ).encode(y=alt.value("height"))
    return [base.mark_rule(color=GREY, strokeDash=[2, 4], strokeWidth=2), text]


def _accuracy_axis(field: str, floor: float, title: str, bottom: float | None = None) -> alt.Y:
    """Percent from `floor` to 100; the axis reaches down to `bottom`, without ticks there."""
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
                "source": standing.origin,
                "parameters": standing.parameters,
                "place": _place(standing.parameters),
                "accuracy": standing.accuracy,
                "low": None if spread is None else max(floor, standing.accuracy - spread),
                "high": None if spread is None else min(100, standing.accuracy + spread),
                "figure": f"{standing.accuracy:.2f}" + ("" if spread is None else f" ± {spread:.2f}") + " %",
                "seeds": "not said" if standing.seeds is None else str(standing.seeds),
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
    base = alt.Chart(alt.InlineData(values=[corner]))
    edge: dict[str, Any] = {"color": TARGET, "strokeDash": [6, 4], "strokeWidth": 2}
    word = base.mark_text(
        text="Target", color=TARGET, align="left", baseline="top", dx=6, dy=6, fontSize=15, fontWeight="bold"
    )
    return [
        base.mark_rect(color=TARGET, opacity=0.18).encode(x=x, x2="budget:Q", y=y("accuracy"), y2="top:Q"),
        base.mark_rule(**edge).encode(x=x, x2="budget:Q", y=y("accuracy")),
        base.mark_rule(**edge).encode(x=alt.X("budget:Q"), y=y("accuracy"), y2="top:Q"),
        word.encode(x=x, y=y("top")),
    ]


def _error_bars(rows: list[dict[str, Any]], x: alt.X, y: Callable[[str], alt.Y]) -> list[alt.Chart]:
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x)
    caps = [base.mark_tick(color=OURS, thickness=3, size=18).encode(y=y(end)) for end in ("low", "high")]
    return [base.mark_rule(color=OURS, strokeWidth=3).encode(y=y("low"), y2="high:Q"), *caps] if rows else []


def _nudge(rows: list[dict[str, Any]], breadth: float, height: float) -> list[dict[str, Any]]:
    """The rows with "dx" and "dy": for the letter of a small square how many pixels beside it
    there is room, on a phone and on a desk: the nearest place on no mark and no other letter.

    `breadth`: what a unit of the x axis takes of the chart's width. `height`: pixels that a unit
    of the y axis takes.
    """

    def far(row: dict[str, Any], dx: float, dy: float, other: dict[str, Any], du: float, dv: float) -> float:
        """Pixels from a place beside a mark to one beside another, on the worse of the two screens."""
        across, down = row["place"] - other["place"], other["accuracy"] - row["accuracy"]
        return min(
            math.hypot(across * breadth * width + dx - du, down * height + dy - dv) for width in _WIDTHS
        )

    taken = [(row, 0, 0, _RADII[row["source"]]) for row in rows]
    taken += [(row, 28, 0, 10) for row in rows if row["source"] == "reported"]  # its number
    placed = []
    for row in rows:
        spot = 0, 0
        if row["source"] == "elsewhere":
            free = (
                (dx, dy)
                for dx, dy in _AROUND
                if all(far(row, dx, dy, other, du, dv) >= radius + 7 for other, du, dv, radius in taken)
            )
            spot = next(free, _AROUND[0])
            taken.append((row, *spot, 7))
        placed.append(row | {"dx": spot[0], "dy": spot[1]})
    return placed


def _standing_tooltip() -> list[alt.Tooltip]:
    return [
        alt.Tooltip("name:N", title="network"),
        alt.Tooltip("source:N", title="figure"),
        alt.Tooltip("figure:N", title="validation accuracy"),
        alt.Tooltip("parameters:Q", title="parameters", format=","),
        alt.Tooltip("seeds:N", title="seeds"),
    ]


def _badges(rows: list[dict[str, Any]], x: alt.X, y: Callable[[str], alt.Y]) -> list[alt.Chart]:
    """Filled circles for our figures, hollow diamonds for the reported ones, small squares for
    those of others."""
    legend = alt.Legend(title=None, orient="top", symbolSize=220, labelLimit=0)
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, y=y("accuracy"))

    def by_source(values: list[str]) -> dict[str, Any]:
        return {"scale": alt.Scale(domain=list(_SOURCES), range=values), "legend": legend}

    look = base.encode(
        shape=alt.Shape("source:N", **by_source(["circle", "diamond", "square"])),
        stroke=alt.Stroke("source:N", **by_source([OURS, REPORTED, ELSEWHERE])),
        fill=alt.Fill("source:N", **by_source([OURS, "transparent", ELSEWHERE])),
        tooltip=_standing_tooltip(),
    )
    ours, reported, elsewhere = (alt.datum.source == source for source in _SOURCES)
    number = base.encode(text="badge:N")
    beside: dict[str, Any] = {"color": "currentColor", "align": "left", "dx": 20}
    return [
        look.transform_filter(elsewhere).mark_point(size=80, strokeWidth=2, opacity=1),
        number.transform_filter(elsewhere).mark_text(
            color="currentColor", dx=alt.ExprRef("datum.dx"), dy=alt.ExprRef("datum.dy + 1"), fontSize=13
        ),
        # Diamonds are larger and lie below, so that one around a circle shows on all sides.
        look.transform_filter(reported).mark_point(size=1100, strokeWidth=3, opacity=1),
        look.transform_filter(ours).mark_point(size=560, strokeWidth=3, opacity=1),
        number.transform_filter(ours).mark_text(color="white", fontSize=15, fontWeight="bold", dy=1),
        number.transform_filter(reported).mark_text(fontSize=14, fontWeight="bold", dy=1, **beside),
    ]


def _below_axis(rows: list[dict[str, Any]], floor: float) -> tuple[list[dict[str, Any]], float]:
    """Where the arrows go, in lines under the axis so that none hides another; and where the
    last line ends, in percent as the axis counts."""
    line_height = 0.1 * (100 - floor)
    width = 0.12  # of an arrow and its words, on the axis of places
    ends: list[float] = []  # of each line so far
    placed = []
    for row in sorted(rows, key=lambda row: (row["place"], -row["accuracy"])):
        line = next((i for i, end in enumerate(ends) if end <= row["place"]), len(ends))
        ends[line : line + 1] = [row["place"] + width]
        words = f"{row['badge']}: {row['accuracy']:.1f} %"
        placed.append(row | {"line": floor - line_height * (line + 0.7), "words": words})
    return placed, floor - line_height * (len(ends) + 0.2 if ends else 0)


def _arrows(
    rows: list[dict[str, Any]], floor: float, bottom: float, x: alt.X, y: Callable[[str], alt.Y]
) -> list[alt.Chart]:
    strip = alt.Chart(alt.InlineData(values=[{"floor": floor, "bottom": bottom}]))
    ground = strip.mark_rect(color=GREY, opacity=0.15).encode(y=y("floor"), y2="bottom:Q")
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, y=y("line"), tooltip=_standing_tooltip())
    marks = [
        # A colour scale without a legend would take the legend from the marks on the axis.
        base.transform_filter(alt.datum.source == source).mark_point(
            shape="triangle-down", size=160, filled=True, opacity=1, color=colour
        )
        for source, colour in zip(_SOURCES, (OURS, REPORTED, ELSEWHERE), strict=True)
    ]
    words = base.mark_text(color="currentColor", align="left", dx=12, fontSize=14)
    return [ground, *marks, words.encode(text="words:N")]


def steps_curves(curves: Mapping[str, Sequence[CurvePoint]], height: int = 360) -> alt.LayerChart:
    """Accuracy over the epochs of up to two steps, by their labels: validation drawn through,
    training dashed, the range over the seeds as a band; no list may be empty.
    The axis begins so low that every last epoch is on it; earlier ones may come in from below."""
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
    base = alt.Chart(alt.InlineData(values=rows)).encode(x=x, color=colour)
    band = base.transform_filter(alt.datum.digits == "validation").mark_area(opacity=0.2, clip=True)
    # Points as well, since a run of a single epoch makes no line.
    dots = base.transform_filter(alt.datum.digits == "validation").mark_point(
        size=45, filled=True, opacity=1, clip=True
    )
    lines = base.mark_line(strokeWidth=3, clip=True).encode(
        y=y,
        strokeDash=dash,
        tooltip=["step:N", "digits:N", "epoch:Q", alt.Tooltip("accuracy:Q", format=".2f")],
    )
    layers = [
        band.encode(y=_accuracy_axis("lowest", floor, "accuracy"), y2="highest:Q"),
        dots.encode(y=y),
        lines,
        *_target_line(x, y),
    ]
    return _large(layers, height)


def _target_line(x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """The accuracy that is wanted, as a line across the chart."""
    base = alt.Chart(alt.InlineData(values=[{"epoch": 1, "accuracy": TARGET_ACCURACY}])).encode(y=y)
    text = base.mark_text(
        text=f"{TARGET_ACCURACY:.1f} %",
        color=TARGET,
        align="left",
        dx=6,
        dy=-10,
        fontSize=14,
        fontWeight="bold",
    )
    return [base.mark_rule(color=TARGET, strokeDash=[6, 4], strokeWidth=2), text.encode(x=x)]


def _large(layers: list[alt.Chart], height: int) -> alt.LayerChart:
    """The layers as a chart whose text can be read from the back of a room."""
    chart = alt.LayerChart(layer=layers, height=height)
    large: alt.LayerChart = chart.configure_axis(labelFontSize=14, titleFontSize=14).configure_legend(
        labelFontSize=14
    )
    return large


_LABELS: dict[str, Any] = {"labelFontSize": 14, "titleFontSize": 14}


def _epochs(last: int) -> alt.X:
    """Whole epochs from left to right; the frame is there before the first is finished."""
    scale = alt.Scale(domain=[0, last], nice=False)
    return alt.X("epoch:Q", scale=scale, axis=alt.Axis(**_LABELS, tickMinStep=1))


def rates(points: Sequence[tuple[float, float]], epochs: int, peak: float) -> Specification:
    """The learning rate over a run, as steps. `points`: epoch (0 to `epochs`) and rate, which is
    `peak` at the most: the scale stays put while a run goes on."""
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
            y=alt.Y("rate:Q", title="learning rate", scale=scale, axis=alt.Axis(**_LABELS, tickCount=4)),
            tooltip=[alt.Tooltip("epoch:Q", format=".1f"), alt.Tooltip("rate:Q", format=".4g")],
        )
        .properties(height=160)
    )
    specification: Specification = chart.to_dict()
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
    """Values over the epochs of a run, on scales that stay put while it goes on.

    `domain`: lowest and highest value shown; what lies outside stands at the edge. A longer
    curve of another run ends where this one does. `target`: a dashed line to reach.
    """
    points = [
        {"epoch": x, "value": min(max(y, domain[0]), domain[1]), "exact": y, "line": line.name}
        for line in lines
        for x, y in line.points
        if x <= epochs
    ]
    ends = list({point["line"]: point for point in points}.values())  # a dot each: all of a first epoch
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
    """`lines`: the name of each, and whether it is faint."""
    names = [name for name, _ in lines]
    strong, dashed = cycle([OURS, ORANGE, GREEN]), cycle([[6, 3], [2, 2], [10, 3, 2, 3]])
    colours = [GREY if faint else next(strong) for _, faint in lines]
    dashes = [next(dashed) if faint else [1, 0] for _, faint in lines]
    scale = alt.Scale(domain=list(domain), nice=False, type="log" if logarithmic else "linear", clamp=True)
    columns = 1 if any(faint for _, faint in lines) else 2  # the names of runs are long
    legend = alt.Legend(
        title=None, orient="bottom", labelFontSize=14, labelLimit=300, columns=columns,
        symbolType="stroke", symbolSize=500, symbolStrokeWidth=2.5,
    )  # fmt: skip
    base = alt.Chart(alt.NamedData("points")).encode(
        x=_epochs(epochs),
        y=alt.Y("value:Q", title=title, scale=scale, axis=alt.Axis(**_LABELS, tickCount=6)),
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
            .mark_rule(color=TARGET, strokeWidth=2, strokeDash=[8, 4])
            .encode(y="target:Q", tooltip=alt.Tooltip("target:Q", format=".1f"))
        )
    height = 300 + 24 * math.ceil(len(names) / columns)  # the legend's lines are part of it
    specification: Specification = alt.LayerChart(layer=layers, height=height).to_dict()
    return specification
