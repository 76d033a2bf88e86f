"""Charts of slow motion: the loss from step to step, and a bar for each layer."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import altair as alt

from s5core.views.palette import GREY, OURS
from s5core.views.style import TEXT, Specification, layered, named, written

ROW = 26  # pixels, of a layer's bar
MARK = 90  # area of a dot


def losses(values: Sequence[float], chosen: int, height: int = 150) -> Specification:
    """The mean loss of the batch at each step, with a dot on the chosen one. `chosen`: from 1. `height`: in
    pixels."""
    rows = [{"step": number, "loss": value} for number, value in enumerate(values, 1)]
    return _empty_losses(height) | {"datasets": {"losses": rows, "chosen": [rows[chosen - 1]]}}


@lru_cache
def _empty_losses(height: int) -> Specification:
    x = alt.X("step:Q", title="step of the optimiser", axis=alt.Axis(tickMinStep=1, format="d", grid=False))
    y = alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4))
    tooltip = [alt.Tooltip("step:Q"), alt.Tooltip("loss:Q", format=".3f")]
    line = named("losses").mark_line(color=GREY, strokeWidth=2).encode(x=x, y=y)
    dots = named("losses").mark_circle(color=GREY, size=MARK / 2, opacity=1)
    chosen = named("chosen").mark_circle(color=OURS, size=2 * MARK, opacity=1)
    return written(
        layered(
            [line, dots.encode(x=x, y=y, tooltip=tooltip), chosen.encode(x=x, y=y, tooltip=tooltip)], height
        )
    )


def layer_bars(names: Sequence[str], values: Sequence[float], title: str, most: float) -> Specification:
    """A bar for each layer, with its value beside it. `names`: of the layers, the first one at the top.
    `most`: where the axis ends, so that bars of several steps can be compared."""
    rows = [
        {"layer": name, "value": value, "words": f"{value:.2g}"}
        for name, value in zip(names, values, strict=True)
    ]
    return _empty_bars(tuple(names), title, most) | {"datasets": {"layers": rows}}


@lru_cache(maxsize=64)
def _empty_bars(names: tuple[str, ...], title: str, most: float) -> Specification:
    # The words beside the longest bar need room.
    x = alt.X("value:Q", title=title, scale=alt.Scale(domain=[0, 1.25 * most]), axis=alt.Axis(tickCount=4))
    y = alt.Y("layer:N", title=None, sort=list(names), axis=alt.Axis(labelLimit=220))
    bars = named("layers").mark_bar(color=OURS)
    words = named("layers").mark_text(align="left", dx=4, fontSize=TEXT, color=GREY)
    height = ROW * len(names)
    return written(layered([bars.encode(x=x, y=y), words.encode(x=x, y=y, text="words:N")], height))
