"""Two networks side by side on the page The five steps: their sizes, layers and training curves."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import difference, keys, messages, server
from s5core import compare, results
from s5core.compare import CurvePoint
from s5core.errors import UserError
from s5core.runs import catalogue
from s5core.runs.catalogue import NamedNetwork
from s5core.views.steps import steps_curves
from s5core.words import count, escape, percent


def show() -> None:
    """The choice of two networks, and what differs between them; drawn when it is opened."""
    expander = st.expander("Compare two networks", key=keys.STEPS_COMPARISON, on_change="rerun")
    if expander.open:
        with expander:
            _compare()


def _compare() -> None:
    st.markdown(
        "Which layers were removed, added and changed from one network to the other, and how both learned."
    )
    networks = {network.id: network for network in catalogue.networks()}
    left, right = st.columns(2)
    with left:
        before = networks[_choose("From", networks, "step3", keys.STEPS_FROM, "The network to start from.")]
    with right:
        after = networks[_choose("To", networks, "step4", keys.STEPS_TO, "The network to compare with it.")]
    if before == after:
        st.info("You have chosen the same network twice. Choose two different ones to see what differs.")
        return
    found = compare.compare_networks(before.layers, after.layers)
    difference.show_numbers(found)
    difference.show_layers(before.short, after.short, found)
    _show_curves([before, after])


def _choose(label: str, networks: dict[str, NamedNetwork], default: str, key: str, help: str) -> str:
    """The id of one of the networks."""
    ids = list(networks)
    return st.selectbox(
        label,
        ids,
        index=ids.index(default),
        format_func=lambda id: networks[id].label if id in networks else id,
        key=key,
        persist_state="session",
        help=help,
    )


def _show_curves(networks: Sequence[NamedNetwork]) -> None:
    st.markdown("**Training curves**")
    try:
        found = {network.short: _curve(network) for network in networks}
    except UserError as error:
        messages.complain(error)
        return
    curves = {name: curve for name, curve in found.items() if curve}
    if missing := [name for name, curve in found.items() if not curve]:
        names = " and ".join(map(escape, missing))
        st.info(f"There is no training curve yet of {names}: it has not been trained.")
    if not curves:
        return
    words = "; ".join(
        f"{name} {percent(points[-1].validation)} after {count(points[-1].epoch, 'epoch')}"
        for name, points in curves.items()
    )
    st.altair_chart(steps_curves(curves), width="stretch", alt=f"Validation accuracy: {words}.")
    st.caption(
        "Accuracy after each epoch. Solid lines: validation digits. Dashed lines: training digits, counted "
        "while the network learned from them. Where a step was trained several times, the line is the mean "
        "and the band reaches from the worst run to the best. Epochs below the axis are not shown."
    )
    for network in networks:
        if network.is_run and (trained := server.trained(network)):
            st.caption(
                f"{network.marked_short} was trained and validated on these digits: "
                f"{escape(trained.checkpoint.data)}."
            )


def _curve(network: NamedNetwork) -> list[CurvePoint]:
    """How a network learned: a step over all its seeds, a run as far as it has come; empty for a
    network that has not been trained."""
    if not network.is_run:
        entry = results.read()["steps"].get(network.id)
        return compare.curve(entry) if entry else []
    trained = server.trained(network)
    return [
        CurvePoint(
            epoch=metrics.epoch,
            train=metrics.train_accuracy,
            validation=metrics.validation_accuracy,
            lowest=metrics.validation_accuracy,
            highest=metrics.validation_accuracy,
        )
        for metrics in (trained.checkpoint.history if trained else ())
    ]
