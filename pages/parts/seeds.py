"""A run with several seeds: what its group has reached, and the button that repeats it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import keys, messages, server, visitor
from s5core import compare, evidence
from s5core.compare import TEST_DIGITS
from s5core.runs import group
from s5core.runs.folder import Run
from s5core.runs.group import Group
from s5core.steps import STEPS
from s5core.words import count, estimate

CHOICES = [3, 5, 10]  # seeds of a group


def show(run: Run, place: keys.Place, after: Callable[[bool], None]) -> None:
    """What the group of a run has reached, and the control that adds seeds to it.

    `place`: of the message, where the runs are refused; `after`: is called after a click with whether all
    went well.
    """
    if reason := group.why_alone(run):
        st.caption(reason)
        return
    found = group.of(run)
    st.markdown(found.describe())
    if words := beside_shipped(found):
        st.markdown(words)
    if visitor.person().may_change(run):
        _show_repeat(run, found, place, after)


def beside_shipped(found: Group) -> str:
    """The group beside the seeds of its step as shipped; empty where they cannot be compared."""
    first, digits = found.runs[0], found.data
    shipped = server.reached().get(first.step)
    if found.sample is None or shipped is None or digits != "MNIST" or found.sample.digits != TEST_DIGITS:
        return ""
    theirs = compare.sample(shipped)
    verdict = evidence.compare(theirs, found.sample)
    rate = evidence.pass_rate(theirs.passes, shipped.seeds)
    keeps = all(check.met for check in compare.against_target(shipped)[1:])
    return (
        f"The recipe of {STEPS[first.step].short.lower()} as shipped: **{theirs}** over "
        f"{count(shipped.seeds, 'seed')}{f', {rate}' if keeps else ''}. Your result is "
        f"{evidence.step_apart(verdict.points)} against it. {verdict.words}"
    )


def _show_repeat(run: Run, found: Group, place: keys.Place, after: Callable[[bool], None]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        seeds = st.selectbox(
            "Seeds",
            CHOICES,
            index=1,
            key=keys.seeds(run.id),
            width=90,
            help="A seed fixes the first weights, the order of the digits and their augmentation. Runs that "
            "differ in their seed alone are one group, and count as one result.",
        )
        missing = found.missing_seeds(seeds)
        st.button(
            f"Repeat with {seeds} seeds", on_click=_repeat, args=(run, seeds, place, after),
            disabled=not missing,
            help=f"Trains the same network with the same recipe {count(len(missing), 'more time')}. Each run "
            "takes its own turn in line."
            if missing
            else "The group has as many seeds already.",
        )  # fmt: skip
        if missing and (seconds := server.expected_seconds(run.layers, run.recipe)):
            st.caption(f"{count(len(missing), 'more run')}, about {estimate(len(missing) * seconds)} in all")


def _repeat(run: Run, seeds: int, place: keys.Place, after: Callable[[bool], None]) -> None:
    person = visitor.person()
    after(messages.attempt(place, lambda: server.classroom().repeat(person, run.id, seeds)))
