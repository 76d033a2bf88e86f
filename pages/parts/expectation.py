"""Say first: what somebody expects of a run, written before it begins, and later beside its result."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys
from s5core.evidence import standard_error, step_apart
from s5core.runs import outcome
from s5core.runs.folder import LONGEST_TEXT, Expectation, Run
from s5core.words import escape, percent


def ask() -> None:
    """The place where one may write down what one expects of the next run."""
    with st.expander("Say first: what do you expect?", key=keys.EXPECTATION, on_change="rerun") as place:
        if not place.open:
            return
        st.text_input(
            "I change … and expect …",
            key=keys.EXPECTED_TEXT,
            max_chars=LONGEST_TEXT,
            persist_state="session",
            help="It is kept with the run that you start next, and stands beside its result.",
        )
        st.number_input(
            "Accuracy of the last epoch, %",
            0.0,
            100.0,
            None,
            step=0.1,
            format="%.2f",
            key=keys.EXPECTED_ACCURACY,
            persist_state="session",
            placeholder="your guess, or nothing",
        )


def given() -> Expectation | None:
    """What was written; None where nothing was."""
    text: str = st.session_state.get(keys.EXPECTED_TEXT) or ""
    accuracy: float | None = st.session_state.get(keys.EXPECTED_ACCURACY)
    return Expectation(text.strip(), accuracy) if text.strip() or accuracy is not None else None


def forget() -> None:
    """It was about one run. Call it in a callback."""
    st.session_state[keys.EXPECTED_TEXT] = ""
    st.session_state[keys.EXPECTED_ACCURACY] = None


def show(run: Run) -> None:
    """What was expected of a run, beside what it has reached; nothing where nothing was."""
    if run.expected is None:
        return
    found, words = outcome.of(run), []
    if run.expected.text:
        words.append(f"“{escape(run.expected.text)}”")
    if run.expected.accuracy is not None:
        words.append(f"Expected: **{percent(run.expected.accuracy)}**.")
        if found.state == "finished" and found.accuracy is not None:
            away = found.accuracy - run.expected.accuracy
            chance = 2 * standard_error(found.accuracy, found.digits or 10_000)
            close = ", as close as chance allows" if abs(away) <= chance else ""
            words.append(f"Reached: **{percent(found.accuracy)}**, {step_apart(away)}{close}.")
    st.markdown(f"**Said first:** {' '.join(words)}")
