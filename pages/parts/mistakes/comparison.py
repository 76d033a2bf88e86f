"""Two networks on the same validation digits: what only one of them misreads, and what both do."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import choice, keys, messages, server, wait, widget
from pages.parts.mistakes import tiles
from pages.parts.server import Trained
from s5core.ahead.desk import Pending
from s5core.errors import UserError
from s5core.evaluate import Evaluation, compare_answers
from s5core.runs import catalogue
from s5core.runs.catalogue import NamedNetwork
from s5core.steps import STEPS


@st.fragment
def show(trained: Trained, answers: Evaluation) -> None:
    """The chosen network and another one on the same digits. `answers`: of the chosen network."""
    st.header("Two networks, the same digits")
    chosen = choice.network()
    others = {
        each.id: each
        for each in catalogue.networks()
        if each.is_trained and not each.is_sealed and each.id != chosen.id
    }
    if not others:
        st.info("There is no other trained network yet. Train one on the page **Train**, and choose it here.")
        return
    ids = list(others)
    kept = widget.shown(keys.MISTAKES_OTHER)  # it may be the chosen network by now, or deleted
    key, shown = widget.put(keys.MISTAKES_OTHER, kept if kept in others else _nearest(ids, chosen))
    other = others[
        st.selectbox(
            "Compare with",
            ids,
            index=ids.index(shown),
            format_func=lambda id: others[id].label if id in others else id,
            key=key,
            persist_state="session",
            help="The network that reads the same digits: a step as shipped, or a run that was trained here.",
        )
    ]
    try:
        found = server.trained(other)
    except UserError as error:
        messages.complain(error)
        return
    if found is None:
        st.info("This network has been deleted. Choose another.")
        return
    digits = server.digits()
    if trained.checkpoint.has_seen(digits.name) != found.checkpoint.has_seen(digits.name):
        st.caption(
            "One of the two networks was trained on these digits and the other was not. The first has an "
            "advantage."
        )
    second = server.answers(found)
    if isinstance(second, Pending):
        wait.show(lambda: server.answers(found), tiles.reading())
        return
    _show_differences(answers, second, chosen.marked_short, other.marked_short)


def _nearest(ids: Sequence[str], chosen: NamedNetwork) -> str:
    """The one that a lesson compares first: for a run its step as shipped, for a step the step before it."""
    order = list(STEPS)
    before = order[: order.index(chosen.step.name) + chosen.is_run]
    nearest = [id for id in before if id in ids]
    return nearest[-1] if nearest else ids[0]


def _show_differences(first: Evaluation, second: Evaluation, name: str, other: str) -> None:
    """Counts and pictures of the digits that only one network misreads, and of those that both do.
    `name`, `other`: of the networks, as Markdown."""
    found = compare_answers(first, second)
    counts = [len(found.only_first), len(found.both), len(found.only_second)]
    titles = [f"Only {name}", "Both", f"Only {other}"]
    for column, title, count in zip(st.columns(3), titles, counts, strict=True):
        column.metric(f"{title} wrong", f"{count:,}", border=True, help="Digits that are read wrong.")
    st.write(_verdict(first, second, found.luck, name, other))
    tabs = st.tabs([f"{title} ({count:,})" for title, count in zip(titles, counts, strict=True)])
    with tabs[0]:
        tiles.show(found.only_first.tolist(), first.describe)
    with tabs[1]:
        st.caption(f"First the answer of {name}, then that of {other}.")
        tiles.show(found.both.tolist(), lambda index: f"{first.describe(index)} and {second.answer(index)}")
    with tabs[2]:
        tiles.show(found.only_second.tolist(), second.describe)


def _verdict(first: Evaluation, second: Evaluation, luck: int, name: str, other: str) -> str:
    """Whether the difference between the two is more than luck, in words."""
    difference = abs(first.errors - second.errors)
    if not difference:
        return f"Both read {first.errors:,} wrong."
    better, worse = (name, other) if first.errors < second.errors else (other, name)
    return (
        f"**{better}** reads {difference:,} fewer wrong than **{worse}**. Two equally good networks that "
        f"disagree on as many digits would differ by up to about {luck:,} by luck alone: this is "
        f"{'more than that.' if difference > luck else 'no more than that.'}"
    )
