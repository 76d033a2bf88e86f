"""Charts of a layer's feature maps: cells that can be clicked, and maps of a single cell."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
from torch import Tensor

from s5core.views.palette import BLUE, ORANGE

FRAME = 3  # pixels of the frame around a cell on either side of its edge


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
