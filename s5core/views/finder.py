"""The chart of the learning-rate finder: the loss over the rate."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import altair as alt

from s5core.finder import HIGH, LOW, Trial
from s5core.views.palette import OURS, TARGET
from s5core.views.style import TARGET_LINE, TEXT, Specification, layered, named, written


def range_test(trials: Sequence[Trial], rate: float | None, height: int = 220) -> Specification:
    """The smoothed loss at each rate, on a logarithmic axis. `rate`: the suggested one, as a dashed line, if
    there is one. `height`: in pixels."""
    return _empty(height) | {
        "datasets": {
            "trials": [{"rate": each.rate, "loss": each.loss} for each in trials],
            "suggested": [] if rate is None else [{"rate": rate, "words": f"{rate:g}"}],
        }
    }


@lru_cache
def _empty(height: int) -> Specification:
    x = alt.X(
        "rate:Q",
        title="learning rate",
        scale=alt.Scale(type="log", domain=[LOW, HIGH], nice=False),
        axis=alt.Axis(values=[10.0**power for power in range(-4, 2)], format="~g", grid=False),
    )
    y = alt.Y("loss:Q", title="loss", scale=alt.Scale(zero=False), axis=alt.Axis(tickCount=4))
    line = named("trials").mark_line(color=OURS, strokeWidth=2.5)
    suggested = named("suggested")
    words = suggested.mark_text(
        align="left", baseline="top", dx=6, fontSize=TEXT, fontWeight="bold", color=TARGET
    )
    tooltip = [alt.Tooltip("rate:Q", format=".3g"), alt.Tooltip("loss:Q", format=".3f")]
    return written(
        layered(
            [
                suggested.mark_rule(**TARGET_LINE).encode(x=x),
                words.encode(x=x, y=alt.value(0), text="words:N"),
                line.encode(x=x, y=y, tooltip=tooltip),
            ],
            height,
        )
    )
