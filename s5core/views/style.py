"""What all charts have in common: text that can be read from the back of a room, and the target line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import altair as alt
import pandas  # noqa: F401 (Altair looks whether it is loaded, and breaks where another thread is half done)

from s5core.views.palette import TARGET

# A chart as Vega-Lite reads it. Altair takes a tenth of a second of the interpreter to write one: each is
# written once, without its rows, which then go into `datasets`.
Specification = dict[str, Any]

TEXT = 14  # pixels, of everything that is written on a chart

TARGET_LINE: dict[str, Any] = {"color": TARGET, "strokeDash": [6, 4], "strokeWidth": 3}

AnyChart = TypeVar("AnyChart", alt.Chart, alt.LayerChart)


def named(rows: str) -> alt.Chart:
    """A chart of the rows that will be in `datasets` under a name, still without marks."""
    return alt.Chart(alt.NamedData(rows))


def chart_of(rows: Sequence[dict[str, Any]]) -> alt.Chart:
    """A chart of these rows, still without marks."""
    return alt.Chart(alt.InlineData(values=list(rows)))


def layered(layers: Sequence[alt.Chart], height: int) -> alt.LayerChart:
    """The layers as one chart, the first of them at the bottom. `height`: in pixels."""
    return readable(alt.LayerChart(layer=list(layers), height=height))


def readable(chart: AnyChart) -> AnyChart:
    """The chart with large, upright text on its axes and in its legend."""
    large: AnyChart = (
        chart.configure_axis(labelFontSize=TEXT, titleFontSize=TEXT, labelAngle=0, titlePadding=6)
        .configure_legend(labelFontSize=TEXT, offset=6, padding=0)
        .properties(padding={"left": 4, "right": 4, "top": 4, "bottom": 4})
    )
    return large


def written(chart: alt.Chart | alt.LayerChart) -> Specification:
    """The chart as Vega-Lite reads it."""
    specification: Specification = chart.to_dict()
    return specification
