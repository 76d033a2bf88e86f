"""The board of shared results, and the picture in which they stand beside the steps."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from pages.parts import keys, messages, server, visitor
from s5core import compare
from s5core.errors import UserError
from s5core.runs import board, people
from s5core.runs.board import Entry
from s5core.views.steps import BADGES, LETTERS, steps_accuracy
from s5core.words import escape, percent

FLOOR = 98.5  # percent, where the axis of the picture begins


def show() -> None:
    """The board; drawn when it is opened."""
    place = st.expander("Board: what people share", key=keys.RUNS_BOARD, on_change="rerun")
    if not place.open:
        return
    with place:
        try:
            digits = server.digits().name
        except UserError as error:
            messages.complain(error)
            return
        found = board.entries(digits)
        if not found:
            st.info("Nobody shares a result yet. Tick a finished run of yours above, and press **Share**.")
            return
        st.table(_table(found), hide_index=True)
        st.caption(
            "First who passes most surely: by the lower end of the 95 % interval of the pass rate, so that "
            "one lucky run is not before nine of ten. Then fewer parameters, then less time. All seeds of a "
            f"result count, not the shared run alone. Digits: {digits}."
        )
        _show_picture(found)


def _table(found: list[Entry]) -> pd.DataFrame:
    me = visitor.person().id
    rows = [
        {
            "Place": f"#{place}",
            "Result": escape(entry.name),
            "Whose": "you" if entry.owner == me else escape(people.name(entry.owner)),
            "Pass": f"{entry.group.passes} of {entry.group.over}",
            "Surely": f"≥ {percent(entry.surely, 0)}",
            "Accuracy": str(entry.sample),
            "Parameters": f"{entry.parameters:,}",
            "Seconds": f"{entry.seconds:,.0f}",
        }
        for place, entry in enumerate(found, start=1)
    ]
    table = pd.DataFrame(rows)
    return table if table["Whose"].any() else table.drop(columns="Whose")


def _show_picture(found: list[Entry]) -> None:
    standings = [*compare.standings(server.reached()), *board.standings(found)]
    words = "; ".join(
        f"#{place}: {entry.sample} with {entry.parameters:,} parameters"
        for place, entry in enumerate(found, 1)
    )
    st.altair_chart(
        steps_accuracy(standings, BADGES | LETTERS, FLOOR),
        width="stretch",
        alt=f"Validation accuracy against the number of parameters. Shared: {words}.",
    )
    st.caption(
        "Triangles: the board, by place. Circles: our steps. Diamonds: reported with the published solution. "
        "Small squares: published elsewhere; the page The five steps names them. The green corner is the "
        "target."
    )
