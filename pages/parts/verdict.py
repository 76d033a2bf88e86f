"""What networks read in a digit, and one network's answer in large type, on The five steps and on Draw."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from pages.parts.server import Trained
from s5core.drawing import detector, reading
from s5core.drawing.reading import Kind, Reading
from s5core.runs.catalogue import NamedNetwork
from s5core.words import probability

DOUBTS: dict[Kind, str] = {
    "no digit": "This looks like no digit.",
    "close": "Two digits are close.",
    "disagree": "The networks disagree.",
    "no answer": "There is no answer.",
}  # how each kind of doubt begins

Readers = Mapping[NamedNetwork, Trained]
Answers = dict[NamedNetwork, Reading]


def read(readers: Readers, field: Tensor) -> Answers:
    """The answer of each network to a digit, (1, 1, 28, 28) uint8."""
    found = reading.read_digit({network.id: trained.model for network, trained in readers.items()}, field)
    return {network: found[network.id] for network in readers}


def show(
    network: NamedNetwork,
    name: str,
    readers: Readers,
    answers: Answers,
    field: Tensor,
    doubts: DeltaGenerator,
) -> None:
    """One network's answer, to be read from the back of the room, and in `doubts` why it may be wrong.

    `name`: of the network, as the page calls it. The other answers help to tell whether it is in doubt.
    """
    known = bool(detector.is_digit(field))
    doubt = reading.doubt(
        {each.marked_short: answer for each, answer in answers.items()}, network.marked_short, known
    )
    verb, mark = ("guesses", "?") if doubt else ("reads", "")
    answer = answers[network]
    condition = ", if it is a digit" if doubt and doubt.kind == "no digit" else ""
    st.html(
        f'<div role="status">{escape(name)} {verb}<br>'
        f'<span style="font-size: 7rem; font-weight: 700; line-height: 1.1">{answer.answer}{mark}</span><br>'
        f'<span style="font-size: 1.5rem">{probability(answer.confidence)} sure{condition}</span></div>'
    )
    if doubt:
        doubts.warning(f"**Not sure. {DOUBTS[doubt.kind]}** {doubt.why}")
