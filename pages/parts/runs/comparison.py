"""Several runs side by side: their validation curves, and the fields in which their recipes differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from pages.parts import difference
from pages.parts.runs import noise
from s5core import compare
from s5core.recipe import differing
from s5core.runs import outcome
from s5core.runs.catalogue import NamedNetwork
from s5core.target import ACCURACY
from s5core.views import live
from s5core.views.live import Curve
from s5core.views.steps import steps_curves
from s5core.words import count, escape, percent


def show(networks: Sequence[NamedNetwork]) -> None:
    """The chart and the table of the selected runs."""
    one_step = len({network.step.name for network in networks}) == 1
    named = {network.title if one_step else network.label: network for network in networks}
    _show_curves(named)
    noise.show(networks)
    st.markdown(_how_many_things(networks))
    _show_recipes(named)
    _show_layers(networks)


def _show_curves(networks: Mapping[str, NamedNetwork]) -> None:
    groups = noise.distinct(list(networks.values()))
    bands = {
        f"{name}, {count(len(each.runs), 'seed')}": points
        for name, each in groups.items()
        if (points := compare.band(each.curves))
    }
    if len(bands) == 2 and any(len(each.runs) > 1 for each in groups.values()):
        st.markdown("**Accuracy, mean over the seeds**")
        words = "; ".join(f"{name}: {percent(points[-1].validation)}" for name, points in bands.items())
        st.altair_chart(steps_curves(bands), width="stretch", alt=f"Mean validation accuracy: {words}.")
        st.caption(
            "After each epoch. The bands reach from the worst seed to the best. Solid: validation digits. "
            "Dashed: training digits. Epochs below the axis are not shown."
        )
        return
    histories = {name: outcome.history(network.run) for name, network in networks.items() if network.run}
    lines = [
        Curve(name, [(metrics.epoch, metrics.validation_accuracy) for metrics in history])
        for name, history in histories.items()
        if history
    ]
    st.markdown("**Validation accuracy**")
    if not lines:
        st.info("None of these runs has finished an epoch yet.")
        return
    epochs = max(len(line.points) for line in lines)
    st.vega_lite_chart(
        live.curves(lines, live.BY_ERRORS, epochs, ACCURACY.limit),
        width="stretch",
        alt="; ".join(
            f"{line.name}: validation accuracy {percent(line.points[-1][1])} after epoch {len(line.points)}"
            for line in lines
        ),
    )
    st.caption(
        f"After each epoch. The dashed line is the target, {percent(ACCURACY.limit, 1)}. Equal steps of the "
        "axis divide the errors by equal factors."
    )


def _how_many_things(networks: Sequence[NamedNetwork]) -> str:
    """Whether a difference of the results has one cause; their seeds count as none."""
    fields = [name for name in differing([network.recipe for network in networks]) if name != "seed"]
    things = [name.replace("_", " ") for name in fields]
    if len({network.layers for network in networks}) > 1:
        things.append("layers")
    if not things:
        return "Nothing differs but the seeds."
    if len(things) == 1:
        return f"**One thing differs: {things[0]}.** A difference beyond noise is its effect."
    return (
        f"**{len(things)} things differ: {', '.join(things)}.** Nobody can tell which of them made the "
        "difference. Change one thing at a time."
    )


def _show_layers(networks: Sequence[NamedNetwork]) -> None:
    """The layers of two networks side by side, where they are not the same."""
    if len(networks) == 2 and networks[0].layers != networks[1].layers:
        found = compare.compare_networks(networks[0].layers, networks[1].layers)
        difference.show_layers(networks[0].label, networks[1].label, found)


def _show_recipes(networks: Mapping[str, NamedNetwork]) -> None:
    st.markdown("**What differs between the recipes**")
    recipes = {name: network.recipe for name, network in networks.items()}
    fields = differing(list(recipes.values()))
    if not fields:
        st.info("These runs have the same recipe.")
        return
    rows = {
        field.replace("_", " "): [str(getattr(recipe, field)) for recipe in recipes.values()]
        for field in fields
    }
    st.table(pd.DataFrame.from_dict(rows, "index", columns=[escape(name) for name in recipes]))
