"""Whether the selected runs differ by more than noise, as groups of seeds."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import server, wait
from s5core import evidence
from s5core.ahead.desk import Pending
from s5core.errors import UserError
from s5core.evaluate import compare_answers
from s5core.runs import catalogue, group
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.group import Group
from s5core.words import escape


def show(networks: Sequence[NamedNetwork]) -> None:
    """The verdict on the two groups of the selected runs; where there are more, on the best two."""
    found = distinct(networks)
    st.markdown("**Is the difference more than noise?**")
    if len(found) == 1:
        (only,) = found.values()
        st.markdown(f"These runs differ in their seed alone, so they are one result. {only.describe()}")
        return
    done = {name: each for name, each in found.items() if each.sample is not None}
    if len(done) < 2:
        st.caption("Two of the runs must have been trained here to their end before they can be judged.")
        return
    if len({(each.data, each.runs[0].recipe.split) for each in done.values()}) > 1:
        st.caption("These runs were validated on different digits, so their accuracies cannot be compared.")
        return
    best = sorted(done, key=lambda name: _mean(done[name]))[-2:]
    first, second = (name for name in done if name in best)
    if len(done) > 2:
        st.caption("Between the two with the highest accuracies:")
    _judge(first, second, done[first], done[second])


def distinct(networks: Sequence[NamedNetwork]) -> dict[str, Group]:
    """The groups of some runs by their names, each group once."""
    found: dict[str, Group] = {}
    for network in networks:
        if network.run is None:
            continue
        made = group.of(network.run)
        seen = {run.id for each in found.values() for run in each.runs}
        if not any(run.id in seen for run in made.runs):
            alone = len(made.runs) == 1
            found[network.short if alone else f"{network.step.short}, {made.title}"] = made
    return found


def _mean(found: Group) -> float:
    return found.sample.mean if found.sample else 0.0


def _judge(first: str, second: str, before: Group, after: Group) -> None:
    assert before.sample is not None and after.sample is not None
    single = len(before.sample.accuracies) == len(after.sample.accuracies) == 1
    disagreements = _disagreements(before, after) if single else None
    if isinstance(disagreements, Pending):
        wait.show(lambda: _disagreements(before, after), "Reading the digits with both networks …")
        return
    verdict = evidence.compare(before.sample, after.sample, disagreements)
    st.markdown(
        f"{escape(first)}: **{before.sample}**. {escape(second)}: **{after.sample}**, "
        f"{evidence.step_apart(verdict.points)}. {verdict.words}"
    )


def _disagreements(before: Group, after: Group) -> tuple[int, int] | Pending | None:
    """How many digits only one of two single runs reads wrong; None where that cannot be found out."""
    try:
        if before.runs[0].recipe.split != "test" or before.data != server.digits().name:
            return None
        both = [server.trained(catalogue.of_run(each.runs[0])) for each in (before, after)]
        if None in both:
            return None
        answers = [server.answers(each) for each in both if each is not None]
    except UserError:
        return None
    first, second = answers
    for each in answers:
        if isinstance(each, Pending):
            return None if each.trouble else each
    assert not isinstance(first, Pending) and not isinstance(second, Pending)
    found = compare_answers(first, second)
    return len(found.only_first), len(found.only_second)
