"""The table of runs: what it shows of each, which of them are selected, and its CSV."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from pages.parts import keys, server, visitor
from s5core.runs import catalogue, folder, outcome, people
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.folder import Run
from s5core.runs.outcome import Outcome
from s5core.steps import STEPS
from s5core.words import cell, count

HEAD = 38  # height of the head in pixels, its border included
ROW, LINE = 34, 19  # height of a row with one line of text, and of each line more
MOST = 420  # height of the rows that are shown without scrolling
LISTED = 1000  # rows in the table: more of them take the server's time, and nobody scrolls so far
# Widths in pixels. All columns together fit a screen of 1280.
WIDTHS = {"Name": 248, "Step": 84, "Whose": 84, "State": 118}
LETTER, MARGIN = 6.2, 18  # width of a letter on average, and what a cell leaves empty, in pixels


@dataclass(frozen=True)
class Row:
    """A run in the table."""

    run: Run
    network: NamedNetwork
    outcome: Outcome
    state: str
    active: bool  # in training or in line
    whose: str  # "you", the nickname of another person, or nothing where nobody owns it
    is_mine: bool  # whether this person may change it


def read() -> tuple[list[Run], list[str]]:
    """All runs of known steps, the pinned ones first, then the newest; and a sentence on each that cannot
    be read."""
    found = folder.listing()
    return [run for run in found.runs if run.step in STEPS], list(found.damaged.values())


def rows(runs: Sequence[Run]) -> list[Row]:
    """What is known of runs at this moment. Raises UserError when the queue of the server cannot be made."""
    jobs, person = server.jobs(), visitor.person()
    training = {run.id for run in jobs.training()}
    waiting = {run.id: place for place, run in enumerate(jobs.waiting(), start=1)}
    names = {owner: people.name(owner) for owner in {run.owner for run in runs}} | {person.id: "you"}
    found = []
    for run in runs:
        reached = outcome.of(run)
        # A worker keeps a run for a moment after its end.
        over = reached.state in ("finished", "diverged", "failed")
        active = run.id in waiting or (run.id in training and not over)
        now = f"waiting, place {waiting[run.id]}" if run.id in waiting else "training"
        state = now if active else reached.state
        is_mine = person.may_change(run)
        found.append(Row(run, catalogue.of_run(run), reached, state, active, names[run.owner], is_mine))
    return found


def _data(rows: Sequence[Row]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Name": [row.run.title for row in rows],
            "Accuracy, %": [row.outcome.accuracy for row in rows],  # a phone shows no more than these two
            "Errors": pd.array([row.outcome.errors for row in rows], dtype="Int64"),
            "State": [row.state for row in rows],
            "Step": [row.network.step.short for row in rows],
            "Whose": [row.whose for row in rows],
            "Seconds": [row.outcome.seconds or None for row in rows],
            "When": [datetime.fromisoformat(row.run.created) for row in rows],
            "Parameters": [row.run.parameters for row in rows],
        }
    )


def to_csv(rows: Sequence[Row]) -> bytes:
    """The table and the recipes as CSV, with the ids that links carry."""
    data = _data(rows)
    data.insert(0, "Id", [row.run.id for row in rows])
    recipes = pd.DataFrame([row.run.recipe.to_json() for row in rows])
    # Spreadsheets recognise UTF-8 only by the mark that utf-8-sig puts first.
    table = pd.concat([data, recipes], axis=1).map(lambda each: cell(each) if isinstance(each, str) else each)
    content: str = table.to_csv(index=False)
    return content.encode("utf-8-sig")


def show(rows: Sequence[Row], found: int) -> list[Row]:
    """The table of the first LISTED of `found` runs. Returns the rows that are selected.

    A browser reports a selection by the places of the rows. When runs come, go or move, these places
    mean other runs, so the table begins with a new key and with the same runs selected.
    """
    ids = [row.run.id for row in rows]
    before = set(st.session_state.get(keys.RUNS_CHOSEN, []))
    chosen = [i for i, id in enumerate(ids) if id in before]
    data = _data(rows)
    # Not in a column of its own: from the width of a first text so short, the table would conclude that
    # the names need no second line.
    data["Name"] = ["★ " * row.run.pinned + row.run.title for row in rows]
    if all(row.whose in ("", "you") for row in rows):
        data = data.drop(columns="Whose")  # there is nobody else
    height = ROW + LINE * (_lines(data) - 1)
    event = st.dataframe(
        data,
        hide_index=True,
        height=HEAD + height * min(len(rows), max(1, MOST // height)),
        row_height=height,
        column_config=_columns(),
        placeholder="–",
        key=keys.runs_table(hashlib.sha256(" ".join(ids).encode()).hexdigest()[:16]),
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": chosen}},
        alt=f"Table of {count(len(rows), 'run')}: the newest is {rows[0].network.label}, {rows[0].state}.",
    )
    if found > len(rows):
        st.caption(f"The first {len(rows):,} of {found:,} runs. The downloaded table has them all.")
    picked = [rows[i] for i in event["selection"]["rows"] if i < len(rows)]
    st.session_state[keys.RUNS_CHOSEN] = [row.run.id for row in picked]
    return picked


def _lines(data: pd.DataFrame) -> int:
    """How many lines the longest text needs. Where a name were cut, what differs might be hidden."""
    most = 1
    for column, width in WIDTHS.items():
        fits = int((width - MARGIN) / LETTER)
        longer = {text for text in data.get(column, []) if len(text) > fits}
        most = max(most, *(len(textwrap.wrap(text, fits)) for text in longer), 1)
    return most


def _columns() -> dict[str, Any]:
    make = st.column_config
    return {
        "Name": make.TextColumn(
            width=WIDTHS["Name"], help="What differs from the recipe of the step. ★: pinned."
        ),
        "Step": make.TextColumn(width=WIDTHS["Step"]),
        "Whose": make.TextColumn(width=WIDTHS["Whose"], help="Who started it."),
        "State": make.TextColumn(width=WIDTHS["State"]),
        "Accuracy, %": make.NumberColumn(
            format="%.2f", width=84, help="Of the last finished epoch, on the validation digits."
        ),
        "Errors": make.NumberColumn(width=58, help="Validation digits that are read wrong."),
        "Seconds": make.NumberColumn(format="%.0f", width=68, help="Training and validation together."),
        "When": make.DatetimeColumn(
            format="D MMM, HH:mm", timezone=st.context.timezone, width=98, help="When it was made."
        ),
        "Parameters": make.NumberColumn(format="localized", width=86),
    }
