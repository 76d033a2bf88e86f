"""Runs: a table of all runs, to find, compare, name and delete them."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, messages, navigation, server
from pages.parts.runs import actions, board, comparison, result, table, trash, upload
from s5core import configuration, data, words
from s5core.errors import UserError
from s5core.files import ROOT
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.runs.space import GB
from s5core.steps import STEPS

ALL = "all steps"
DAMAGED = 20  # damaged runs that are named
REFRESH = 4.0  # seconds between two looks while a run is in training


def show_toolbar(runs: list[Run]) -> list[Run]:
    """The filter, the uploader and the download. Returns the runs that the filter lets through."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        present = {run.step for run in runs}
        names = [name for name in STEPS if name in present]
        step = st.selectbox(
            "Show the runs of",
            [ALL, *names],
            format_func=lambda name: STEPS[name].label if name in STEPS else name,
            key=keys.RUNS_STEP,
            persist_state="session",
            width=300,
            help="A run belongs to the step whose network it trained.",
        )
        shown = [run for run in runs if step in (ALL, run.step)]
        upload.show()
        trash.show(actions.restore)
        st.download_button(
            "Download the table",
            lambda: table.to_csv(table.rows(shown)),  # made after the click
            "runs.csv",
            "text/csv",
            on_click="ignore",
            disabled=not shown,
            help="A CSV file of these runs, with all fields of their recipes.",
        )
    return shown


def announce_removal() -> None:
    """Say which runs will go when the disk space is used up, as long as it is short."""
    space = server.classroom().space()
    if not space.is_short:
        return
    oldest = ", ".join(words.escape(run.title) for run in space.next[:3])
    rest = f" and {len(space.next) - 3:,} more" if len(space.next) > 3 else ""
    goes = f"the oldest runs will be removed: {oldest}{rest}. Pin what you want to keep."
    st.warning(
        f"The runs take {space.used / GB:.2g} of the {space.limit / GB:.2g} GB that they may. When it is "
        f"used up, {goes if space.next else 'no more runs can be started, because all are pinned.'}"
    )


def show_runs(runs: list[Run]) -> None:
    """The table, and what can be done with the runs that are selected in it."""
    shown = show_toolbar(runs)
    messages.show("runs")
    announce_removal()
    actions.show_undo()
    if not shown:
        st.info("There are no runs yet. Train a network on the page **Train**, or open a checkpoint.")
        return
    rows = table.rows(shown[: table.LISTED])
    chosen = table.show(rows, len(shown))
    active = any(row.active for row in rows)
    # It stays when nothing is active: the browser may still ask for it once more.
    st.fragment(watch, run_every=REFRESH if active else None)(runs, rows if active else [])
    if not chosen:
        st.caption("Tick a run to open it, or several to compare them. ★: pinned.")
        return
    actions.show(chosen)
    if len(chosen) > 1:
        comparison.show([row.network for row in chosen])
    else:
        result.show(chosen[0].run)


def watch(runs: list[Run], rows: list[table.Row]) -> None:
    """Draw the page again when there is another run, or one of these rows of the table has changed. The
    sidebar lists runs as well."""
    if rows and (table.read()[0] != runs or table.rows([row.run for row in rows]) != rows):
        st.rerun()


def show_damaged(damaged: list[str]) -> None:
    """The folders among the runs that hold no run."""
    if damaged:
        with st.expander(f"{words.count(len(damaged), 'damaged run')}"):
            st.caption("\n".join(f"- {words.escape(sentence)}" for sentence in damaged[:DAMAGED]))


def show_places() -> None:
    """Where runs and digits are, unless that is beside the app, where everybody looks first."""
    runs, digits = folder.home(), configuration.value("data_dir") or data.HOME
    if runs != ROOT / "runs":
        places = [words.escape(str(place)) for place in (runs, digits)]
        st.caption(f"The runs are kept in {places[0]}, and MNIST is looked for in {places[1]}.")


navigation.require_router()
st.title("Runs")
runs, damaged = table.read()
try:
    show_runs(runs)
except UserError as error:
    messages.complain(error)
board.show()
show_damaged(damaged)
show_places()
