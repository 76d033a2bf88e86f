"""Two networks side by side on the page The five steps: their sizes, layers and training curves."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from pages.parts import keys, server
from s5core import compare, results
from s5core.compare import CurvePoint, Difference, Mark, Pair
from s5core.errors import UserError
from s5core.runs import catalogue
from s5core.runs.catalogue import NamedNetwork
from s5core.summary import Row
from s5core.target import PARAMETERS
from s5core.views import palette
from s5core.views.steps import steps_curves
from s5core.words import NO_BREAK, count, percent, signed

SIGNS: dict[Mark, str] = {"same": "", "changed": "**~**", "added": "**+**", "removed": "**−**"}  # Markdown
TINTS: dict[Mark, str] = {
    "same": "",
    "changed": f"{palette.ORANGE}33",
    "added": f"{palette.GREEN}33",
    "removed": f"{palette.RED}33",
}


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
    difference = compare.compare_networks(before.layers, after.layers)
    _show_numbers(difference)
    _show_layers(before, after, difference)
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


def _show_numbers(difference: Difference) -> None:
    one, other = difference.before, difference.after
    cells = (
        (
            "Parameters",
            one.parameters,
            other.parameters,
            f"Numbers that training sets. The exercise allows {PARAMETERS.words}.",
        ),
        (
            "Receptive field, px",
            one.receptive_field,
            other.receptive_field,
            "The side of the square of the digit that a cell of the last layer sees.",
        ),
        (
            "Multiply-adds",
            one.multiply_adds,
            other.multiply_adds,
            "Multiplications by a weight for one digit, each with an addition.",
        ),
    )
    for column, (name, old, new, help) in zip(st.columns(3), cells, strict=True):
        column.metric(
            name,
            signed(new - old) if new != old else "no change",
            f"{old:,} → {new:,}" if new != old else f"{new:,} in both",
            delta_color="off",
            delta_arrow="off",
            help=help,
        )


def _show_layers(before: NamedNetwork, after: NamedNetwork, difference: Difference) -> None:
    st.markdown(
        f"Layers: **+ {difference.count('added')}** added, **− {difference.count('removed')}** removed, "
        f"**~ {difference.count('changed')}** changed, {difference.count('same')} the same."
    )
    heads = ["output", "parameters", "sees"]
    # The names of columns must differ, so those of the second network end in a space.
    columns = ["mark", before.short, *heads, after.short, *(f"{head} " for head in heads)]
    table = pd.DataFrame([_layer_cells(pair) for pair in difference.pairs], columns=columns)
    st.table(_tinted(table, difference), hide_index=True, border="horizontal")
    st.caption(
        "Layers in the same line correspond to each other. Output: maps × height × width. Sees: the "
        "receptive field, which is the square of the digit, in pixels, that one cell of the output sees. A "
        "layer also counts as changed when it has other parameters only because its input has more or "
        "fewer maps. On a narrow screen the table scrolls sideways."
    )


def _tinted(table: pd.DataFrame, difference: Difference) -> Styler:
    """The table with a background colour for each line that is not the same in both networks."""
    tints = [TINTS[pair.mark] for pair in difference.pairs]
    styles = [[f"background-color: {tint}" if tint else ""] * len(table.columns) for tint in tints]
    colours = pd.DataFrame(styles, index=table.index, columns=table.columns)
    return table.style.apply(lambda _: colours, axis=None)


def _layer_cells(pair: Pair) -> list[str]:
    return [SIGNS[pair.mark], *_row_cells(pair.before), *_row_cells(pair.after)]


def _row_cells(row: Row | None) -> list[str]:
    if row is None:
        return [""] * 4
    # Lines break between the parts of a description only.
    words = ", ".join(part.replace(" ", NO_BREAK) for part in row.layer.describe().split(", "))
    return [
        words,
        compare.shape_of(row),
        f"{row.parameters:,}",
        f"{row.receptive_field}×{row.receptive_field}",
    ]


def _show_curves(networks: Sequence[NamedNetwork]) -> None:
    st.markdown("**Training curves**")
    try:
        found = {network.short: _curve(network) for network in networks}
    except UserError as error:
        st.error(str(error))
        return
    curves = {name: curve for name, curve in found.items() if curve}
    if missing := [name for name, curve in found.items() if not curve]:
        st.info(f"There is no training curve yet of {' and '.join(missing)}: it has not been trained.")
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
                f"{network.short} was trained and validated on these digits: {trained.checkpoint.data}."
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
