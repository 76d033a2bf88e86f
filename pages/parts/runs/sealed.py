"""The test accuracy of a run that was validated on held-out training digits: sealed, and opened once."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st

from pages.parts import messages, server, visitor, wait
from s5core.ahead.desk import Pending
from s5core.errors import UserError
from s5core.runs import catalogue, outcome
from s5core.runs.folder import Run
from s5core.words import percent


def show(run: Run) -> None:
    """The seal and the button that opens it, or what was found when it was opened; nothing for a run that is
    validated on the test digits."""
    if run.recipe.split != "holdout" or outcome.of(run).state != "finished":
        return
    opened = run.test_opened()
    if opened is None:
        _show_seal(run)
    else:
        _show_test(run, opened)


def _show_seal(run: Run) -> None:
    found = outcome.of(run)
    st.markdown(
        f"**Test accuracy: sealed.** This run was validated on {found.digits:,} training digits that were "
        "held out. Choose among your runs by that accuracy, and open the test accuracy once, of the run "
        "that you have chosen: whoever looks at it while choosing fits the choice to the test digits."
    )
    if visitor.person().may_change(run):
        st.button(
            "Open its test accuracy", on_click=_open, args=(run,),
            help="That it was opened, and when, is kept with the run. It cannot be sealed again.",
        )  # fmt: skip


def _open(run: Run) -> None:
    person = visitor.person()
    messages.attempt("runs", lambda: server.classroom().open_test(person, run.id))


def _show_test(run: Run, opened: str) -> None:
    when = datetime.fromisoformat(opened).astimezone(_zone())
    try:
        trained = server.trained(catalogue.of_run(run))
        if trained is None:
            return
        found = server.answers(trained)
    except UserError as error:
        messages.complain(error)
        return
    if isinstance(found, Pending):
        wait.show(lambda: server.answers(trained), "Reading the test digits …")
        return
    held_out = outcome.of(run).accuracy
    st.markdown(
        f"**Test accuracy: {percent(found.accuracy)}** of {len(found.labels):,} digits, opened on "
        f"{when:%d %b %Y, %H:%M}. On the held-out digits it was {percent(held_out)}."
    )


def _zone() -> tzinfo:
    """The time zone of the browser."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError):  # a browser can send anything
        return UTC
