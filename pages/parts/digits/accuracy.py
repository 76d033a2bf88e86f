"""Which network reads the class set best, and whether its lead can be luck."""

from __future__ import annotations

import streamlit as st

from pages.parts import server
from s5core.evaluate import Evaluation, compare_answers
from s5core.runs.catalogue import NamedNetwork
from s5core.views.answers import accuracy_intervals
from s5core.words import NO_BREAK, count, percent

Answers = dict[NamedNetwork, Evaluation]


def show(answers: Answers, chosen: NamedNetwork) -> None:
    """The accuracy of each network on the class set, in words, as a chart and as a table."""
    st.header("Which network reads us best?")
    st.write(_verdict(answers))
    st.vega_lite_chart(
        accuracy_intervals({network.label: each for network, each in answers.items()}, chosen.label),
        width="stretch",
        alt="; ".join(f"{network.short}: {percent(each.accuracy, 1)}" for network, each in answers.items())
        + " of our digits read right.",
    )
    digits = len(next(iter(answers.values())).labels)
    st.caption(
        "A point is the share of our digits that a network reads right. The line through it is the 95 % "
        "confidence interval (Wilson): the share that it would read of very many digits like these lies "
        f"probably within it, as far as {count(digits, 'digit')} can tell. If two lines overlap much, they "
        "show no difference between the networks. The filled point is the chosen network, "
        f"{chosen.marked_short}."
    )
    st.table(
        {
            "Network": [
                f"**{each.marked_label}** (chosen)" if each == chosen else each.marked_label
                for each in answers
            ],
            "Read right": [
                f"{_right(each):,} of {digits:,}".replace(" ", NO_BREAK) for each in answers.values()
            ],
            "Accuracy": [percent(each.accuracy, 1) for each in answers.values()],
            "95 % interval": [
                f"{each.interval[0]:.1f} to {percent(each.interval[1], 1)}" for each in answers.values()
            ],
            "MNIST's test digits": [percent(_on_mnist(network)) for network in answers],
        },
        border="horizontal",
        hide_index=True,
    )
    st.caption(
        "The last column is the accuracy of the same network on MNIST's test digits. Those were written "
        "with pens on paper, cleaned and sorted. Ours were drawn with mice and fingers by other people, and "
        "some are meant to be hard. No network has trained on them."
    )


def _right(answers: Evaluation) -> int:
    return len(answers.labels) - answers.errors


def _on_mnist(network: NamedNetwork) -> float | None:
    """A network's accuracy on MNIST's test digits in percent, where it was measured on them."""
    trained = server.trained(network)
    return trained.checkpoint.accuracy if trained and trained.checkpoint.data == "MNIST" else None


def _verdict(answers: Answers) -> str:
    """The best network and its lead over the next, in words as Markdown."""
    ranking = sorted(answers, key=lambda network: answers[network].errors)
    best, *others = ranking
    first = answers[best]
    digits = count(len(first.labels), "digit")
    level = [network for network in ranking if answers[network].errors == first.errors]
    if len(level) == len(ranking):
        return f"There is no difference yet: each network reads {_right(first):,} of {digits} right."
    if len(level) > 1:
        names = " and ".join(f"**{network.marked_short}**" for network in level)
        return f"{names} read most digits right: {_right(first):,} of {digits} each."
    second = answers[others[0]]
    lead, luck = second.errors - first.errors, compare_answers(first, second).luck
    return (
        f"**{best.marked_short}** reads most digits right: {_right(first):,} of {digits}. "
        f"**{others[0].marked_short}** comes next with {_right(second):,}. Two equally good networks would "
        f"differ by up to about {luck:,} by luck alone: a lead of {lead:,} is "
        f"{'more than that.' if lead > luck else 'no more than that.'}"
    )
