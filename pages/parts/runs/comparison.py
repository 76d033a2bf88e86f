"""Several runs side by side: their validation curves, and the fields in which their recipes differ."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from s5core.recipe import differing
from s5core.runs import folder
from s5core.runs.catalogue import NamedNetwork
from s5core.target import ACCURACY
from s5core.views import live
from s5core.views.live import Curve
from s5core.words import percent


def show(networks: Sequence[NamedNetwork]) -> None:
    """The chart and the table of the selected runs."""
    curves, recipes = st.columns([3, 2], gap="large")
    with curves:
        _show_curves(networks)
    with recipes:
        _show_recipes(networks)


def _show_curves(networks: Sequence[NamedNetwork]) -> None:
    histories = {network.label: folder.open_run(network.id).log().epochs for network in networks}
    lines = [
        Curve(label, [(metrics.epoch, metrics.validation_accuracy) for metrics in history])
        for label, history in histories.items()
        if history
    ]
    st.markdown("**Validation accuracy**")
    if not lines:
        st.info("None of these runs has finished an epoch yet.")
        return
    lowest = min(line.points[-1][1] for line in lines)
    floor = next(floor for floor in (98.0, 90.0, 0.0) if floor <= lowest)
    epochs = max(len(line.points) for line in lines)
    st.vega_lite_chart(
        live.curves(lines, "accuracy, %", epochs, (floor, 100.0), ACCURACY.limit), width="stretch"
    )
    st.caption(f"After each epoch. The dashed line is the target, {percent(ACCURACY.limit, 1)}.")


def _show_recipes(networks: Sequence[NamedNetwork]) -> None:
    st.markdown("**What differs**")
    recipes = [network.recipe for network in networks]
    fields = differing(recipes)
    rows = {name.replace("_", " "): [str(getattr(recipe, name)) for recipe in recipes] for name in fields}
    if not rows:
        st.info("These runs have the same recipe.")
        return
    st.table(pd.DataFrame.from_dict(rows, "index", columns=[network.label for network in networks]))
