"""The deleted runs that a person may bring back."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import keys, visitor, widget
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.steps import STEPS


def show(restore: Callable[[list[str]], None]) -> None:
    """The button that opens the trash; nothing while that is empty. `restore` brings back runs by ids."""
    person = visitor.person()
    runs = {run.id: run for run in folder.deleted() if run.step in STEPS and person.may_change(run)}
    if not runs:
        return
    with st.popover(f"Deleted runs ({len(runs)})"):
        st.caption(f"A deleted run is kept for {folder.DAYS_IN_TRASH} days.")
        kept = [id for id in widget.shown(keys.RUNS_TRASH, []) if id in runs]
        key, kept = widget.put(keys.RUNS_TRASH, kept)  # somebody else may have brought back some of them
        chosen = st.multiselect(
            "Runs to bring back",
            list(runs),
            default=kept,
            format_func=lambda id: _label(runs[id]) if id in runs else id,
            key=key,
            placeholder="Choose runs",
        )
        st.button("Bring back", on_click=restore, args=(chosen,), disabled=not chosen)


def _label(run: Run) -> str:
    return f"{STEPS[run.step].short}, {run.title}"
