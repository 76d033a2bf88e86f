"""The table of runs: what it shows of each, which of them are selected, and its CSV."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts import keys, server
from s5core.layers import Network
from s5core.runs import catalogue, folder, outcome
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.folder import Run
from s5core.runs.outcome import Outcome
from s5core.steps import STEPS
from s5core.summary import count_parameters
from s5core.words import cell, count

HEAD, ROW = 38, 34  # heights of the head, its border included, and of a row, in pixels
MOST = 8  # rows that are shown without scrolling
LISTED = 1000  # rows in the table: more of them take the server's time, and nobody scrolls so far


@dataclass(frozen=True)
class Row:
    """A run in the table."""

    run: Run
    network: NamedNetwork
    outcome: Outcome
    state: str
    active: bool  # in training or in line


def read() -> tuple[list[Row], list[str]]:
    """All runs of known steps, the pinned ones first, then the newest; and a sentence on each that cannot
    be read. Raises UserError when the queue of the server cannot be made."""
    jobs = server.jobs()
    training = {run.id for run in jobs.training()}
    waiting = {run.id for run in jobs.waiting()}
    rows = []
    found_runs = folder.listing()
    for run in found_runs.runs:
        if run.step not in STEPS:
            continue
        found = outcome.of(run)
        # A worker keeps a run for a moment after its end.
        over = found.state in ("finished", "diverged", "failed")
        active = run.id in waiting or (run.id in training and not over)
        state = ("waiting" if run.id in waiting else "training") if active else found.state
        rows.append(Row(run, catalogue.of_run(run), found, state, active))
    return rows, list(found_runs.damaged.values())


@lru_cache(maxsize=256)
def _parameters(layers: Network) -> int:
    return count_parameters(layers)


def _data(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "★": ["★" if row.run.pinned else "" for row in rows],
            "Name": [row.run.title for row in rows],
            "Step": [row.network.step.short for row in rows],
            "State": [row.state for row in rows],
            "Accuracy, %": [row.outcome.accuracy for row in rows],
            "Errors": pd.array([row.outcome.errors for row in rows], dtype="Int64"),
            "Seconds": [row.outcome.seconds or None for row in rows],
            "When": [datetime.fromisoformat(row.run.created) for row in rows],
            "Parameters": [_parameters(row.run.layers) for row in rows],
        }
    )


def to_csv(rows: Sequence[Row]) -> bytes:
    """The table and the recipes as CSV, with the ids that links carry."""
    data = _data(rows).drop(columns="★")
    data["Name"] = data["Name"].map(cell)
    data.insert(0, "Id", [row.run.id for row in rows])
    recipes = pd.DataFrame([row.run.recipe.to_json() for row in rows])
    # Spreadsheets recognise UTF-8 only by the mark that utf-8-sig puts first.
    content: str = pd.concat([data, recipes], axis=1).to_csv(index=False)
    return content.encode("utf-8-sig")


def show(rows: Sequence[Row]) -> list[Row]:
    """The table. Returns the rows that are selected.

    A browser reports a selection by the places of the rows. When runs come, go or move, these places
    mean other runs, so the table begins with a new key and with the same runs selected.
    """
    found, rows = len(rows), rows[:LISTED]
    ids = [row.run.id for row in rows]
    chosen = [i for i, id in enumerate(ids) if id in st.session_state.get(keys.RUNS_CHOSEN, [])]
    event = st.dataframe(
        _data(rows),
        hide_index=True,
        height=HEAD + ROW * min(len(rows), MOST),
        row_height=ROW,
        column_config=_columns(),
        placeholder="–",
        key=keys.runs_table(hashlib.sha256(" ".join(ids).encode()).hexdigest()[:16]),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": chosen}},
        alt=f"Table of {count(len(rows), 'run')}: the newest is {rows[0].network.label}, {rows[0].state}.",
    )
    if found > LISTED:
        st.caption(f"The first {LISTED:,} of {found:,} runs. The downloaded table has them all.")
    picked = [rows[i] for i in event["selection"]["rows"] if i < len(rows)]
    st.session_state[keys.RUNS_CHOSEN] = [row.run.id for row in picked]
    return picked


def _columns() -> dict[str, Any]:
    make = st.column_config
    return {
        "★": make.TextColumn(width=30, help="Pinned runs come first."),
        "Name": make.TextColumn(width=235, help="What differs from the recipe of the step."),
        "Step": make.TextColumn(width=65),
        "State": make.TextColumn(width=130),
        "Accuracy, %": make.NumberColumn(
            format="%.2f", width=85, help="Of the last finished epoch, on the validation digits."
        ),
        "Errors": make.NumberColumn(width=60, help="Validation digits that are read wrong."),
        "Seconds": make.NumberColumn(format="%.0f", width=75, help="Training and validation together."),
        "When": make.DatetimeColumn(
            format="D MMM, HH:mm", timezone=st.context.timezone, width=110, help="When it was made."
        ),
        "Parameters": make.NumberColumn(format="localized", width=90),
    }
