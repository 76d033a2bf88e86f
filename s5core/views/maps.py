"""Charts of a layer's feature maps: one map with cells to click, and maps that have a single cell."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import altair as alt
from torch import Tensor

from s5core.views.palette import BLUE, ORANGE
from s5core.views.picture import WEIGHT_COLORS
from s5core.views.style import Specification, named, readable, written

FRAME = 3  # pixels that the frame of a cell takes on either side of the cell's edge


def feature_map(field: Tensor, chosen: tuple[int, int], side: int, signed: bool = False) -> Specification:
    """A feature map as squares: the higher a value, the brighter; a click on a cell selects it.

    `field`: (height, width). `chosen`: row and column of the cell with the frame, counted from 0.
    `side`: of the whole map in pixels. The map is a little smaller where its cells would not be whole
    pixels otherwise, and FRAME pixels are added at its edges. The selection is named "cell"; its fields
    "row" and "column" count from 1. `signed`: values above zero are orange, those below it blue.
    """
    height, width = field.shape
    step = max(1, side // max(height, width))
    low, high = float(field.min()), float(field.max())
    zero, reach = (0.0, max(-low, high) or 1.0) if signed else (low, high - low or 1.0)
    rows = [
        {
            "row": y,
            "column": x,
            "value": round(value, 4),
            "shade": round((value - zero) / reach, 4),  # from 0 or -1 to 1
            "chosen": (y - 1, x - 1) == chosen,
        }
        for y, line in enumerate(field.tolist(), 1)
        for x, value in enumerate(line, 1)
    ]
    return _empty_map(step * width, step * height, signed) | {"datasets": {"cells": rows}}


@lru_cache
def _empty_map(width: int, height: int, signed: bool) -> Specification:
    """`width`, `height`: in pixels."""
    if signed:
        middle = len(WEIGHT_COLORS) // 2
        stops = [(i - middle) / middle for i in range(len(WEIGHT_COLORS))]
        colours = alt.Scale(domain=stops, range=list(WEIGHT_COLORS))
    else:
        colours = alt.Scale(scheme="viridis", domain=[0, 1])
    cell = alt.selection_point(name="cell", fields=["row", "column"], toggle=False, clear=False, empty=False)
    base = named("cells").encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(padding=0)),
        y=alt.Y("row:O", axis=None, scale=alt.Scale(padding=0)),
        tooltip=[alt.Tooltip("row:O"), alt.Tooltip("column:O"), alt.Tooltip("value:Q", format=".2f")],
    )
    cells = base.mark_rect(cursor="pointer").encode(color=alt.Color("shade:Q", scale=colours, legend=None))
    # An orange line between two black ones can be seen on every colour.
    frames = [
        base.transform_filter("datum.chosen").mark_rect(filled=False, stroke=colour, strokeWidth=thick)
        for colour, thick in (("black", 2 * FRAME), (ORANGE, FRAME))
    ]
    chart = alt.LayerChart(
        layer=[cells.add_params(cell), *frames],
        width=width,
        height=height,
        autosize="pad",  # the theme's own value would make the cells smaller to fit the padding in
        padding={"left": FRAME, "top": FRAME, "right": FRAME},
    )
    return written(chart.configure_view(stroke=None))


def cell_values(values: Sequence[float], title: str, first: int = 1) -> Specification:
    """The values of maps that have a single cell, as a bar for each.

    `title`: names the horizontal axis. `first`: the number of the first map.
    """
    rows = [{"map": i, "value": value} for i, value in enumerate(values, first)]
    return _empty_cell_values(title) | {"datasets": {"maps": rows}}


@lru_cache
def _empty_cell_values(title: str) -> Specification:
    chart: alt.Chart = (
        named("maps")
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("map:O", title=title),
            y=alt.Y("value:Q"),
            tooltip=[alt.Tooltip("map:O", title=title), alt.Tooltip("value:Q", format=".2f")],
        )
        .properties(height=260)
    )
    return written(readable(chart))
