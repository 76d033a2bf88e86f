"""The numbers of the network on the page Design: parameters, receptive field, output, time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import streamlit as st

from pages.parts import choice, clock, keys, server
from s5core.advice import DIGIT
from s5core.errors import UserError
from s5core.layers import CLASSES, GlobalAvgPool, Network
from s5core.runs.catalogue import NamedNetwork
from s5core.summary import Row, count_parameters
from s5core.target import ACCURACY, EPOCHS, PARAMETERS
from s5core.words import NO_BREAK, count, estimate, signed

MISSING = "–"
LOOK = 1.0  # seconds between two questions whether the machine is measured


def show(layers: Network, rows: Sequence[Row], origin: NamedNetwork, possible: bool) -> None:
    """The numbers side by side. `rows`: of the layers that are possible, up to the first that is not;
    `possible`: whether the whole network can be trained."""
    whole = len(rows) == len(layers)
    with st.container(horizontal=True, gap="medium", key=keys.DESIGN_NUMBERS):
        _show_parameters(rows, whole, count_parameters(origin.layers))
        _show_field(rows)
        _show_output(rows, whole)
        _show_time(layers if possible else ())


def _show_parameters(rows: Sequence[Row], whole: bool, before: int) -> None:
    total = sum(row.parameters for row in rows)
    kept = PARAMETERS.met_by(total)
    st.metric(
        f"Parameters, {PARAMETERS.words}",
        f"{total:,}{'' if whole else ' so far'}",
        ("met" if kept else "too many")
        + (f", {signed(total - before)}" if whole and total != before else ""),
        delta_color="green" if kept else "red",
        delta_arrow="off",
        width="content",
        help="Numbers that training sets, and the change from the network that you began from. Only training "
        f"can tell about the other two bounds: an accuracy of {ACCURACY.words} in {EPOCHS.words} epochs.",
    )


def _show_field(rows: Sequence[Row]) -> None:
    seeing = seen_before_average(rows)
    field = seeing.receptive_field if seeing else 1
    st.metric(
        "A cell sees",
        f"{field} × {field} px",
        "a whole digit" if field >= DIGIT else f"a digit has {DIGIT}",
        delta_color="green" if field >= DIGIT else "orange",
        delta_arrow="off",
        width="content",
        help="The receptive field where the last feature maps are: before the average, or at the end.",
    )


def seen_before_average(rows: Sequence[Row]) -> Row | None:
    """The layer before the average; where there is none, the last one whose maps have more than one cell,
    else the last of all; None without layers."""
    for before, row in pairwise(rows):
        if isinstance(row.layer, GlobalAvgPool):
            return before
    maps = [row for row in rows if row.output_shape[1] > 1]
    return next(reversed(maps or rows), None)


def _show_output(rows: Sequence[Row], whole: bool) -> None:
    shape = rows[-1].output_shape if rows else (1, 28, 28)
    right = shape == (CLASSES, 1, 1)
    done = whole and right
    needed = "not the last layer" if right else f"{CLASSES}×1×1 is needed"
    st.metric(
        "Output",
        "×".join(map(str, shape)),
        "a score for each class" if done else needed,
        delta_color="green" if done else "red",
        delta_arrow="off",
        width="content",
        help="Maps, height and width of what the last possible layer gives.",
    )


def _show_time(layers: Network) -> None:
    """How long an epoch takes here. Until the machine is measured the page's fragment is drawn again each
    second. A fragment of this number's own would be quicker, but where one fragment runs right after another
    Streamlit can leave what the first has removed, such as a button, until that one runs again (in 3 to 6 of
    20 changes with a run each 0.15 s, Streamlit 1.67)."""
    waits = bool(layers) and server.jobs().unit is None
    chosen = choice.network()
    value, note = MISSING, "measuring …" if waits else "not known" if layers else "not yet possible"
    try:
        seconds = server.expected_seconds(layers, chosen.recipe) if layers else None
    except UserError:  # no digits here: training says so
        seconds = None
    if seconds is not None:
        epochs = chosen.recipe.epochs
        value = f"{seconds / epochs:.1f}{NO_BREAK}s"
        note = f"{count(epochs, 'epoch')}: {estimate(seconds)}"
    st.metric(
        "An epoch takes about",
        value,
        note,
        delta_color="off",
        delta_arrow="off",
        width="content",
        help=f"On this machine, with the digits in use; and a run with the recipe of {chosen.marked_short}.",
    )
    clock.show("design", LOOK if waits else None, lambda: None)
