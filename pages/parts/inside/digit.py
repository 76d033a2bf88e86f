"""The digit that the page Look inside follows: one that was drawn, or a validation digit."""

from __future__ import annotations

import streamlit as st
import torch
from torch import Tensor

from pages.parts import choice, keys, server, small, widget
from s5core.data import Digits, indices_of_class
from s5core.inside.activations import Inside
from s5core.layers import CLASSES
from s5core.views.answers import class_probabilities
from s5core.words import digit as a_digit
from s5core.words import probability

DRAWN, VALIDATION = "the digit that I drew", "a validation digit"
CHART_HEIGHT = 170  # so low that the way through the network begins on the first screen


def choose() -> tuple[Tensor, int | None]:
    """The digit to look at, (1, 1, 28, 28) uint8, and its true class if that is known. Ends the page
    where there is none."""
    drawn = choice.drawing()
    if _is_new(drawn):  # who has just drawn a digit wants to see it
        st.session_state[keys.INSIDE_DRAWING] = drawn
        st.session_state[keys.INSIDE_SOURCE] = VALIDATION if drawn is None else DRAWN
    sources = [DRAWN, VALIDATION]
    source = st.radio(
        "Digit",
        sources,
        index=sources.index(widget.first(keys.INSIDE_SOURCE, VALIDATION)),
        horizontal=True,
        key=keys.INSIDE_SOURCE,
        persist_state="session",
        help="Your digit comes from the page Draw. Validation digits are set aside: a training run measures "
        "its accuracy on them.",
    )
    if source == VALIDATION:
        return _choose_validation_digit(server.digits_or_stop())
    if drawn is None:
        st.info("You have not drawn a digit yet. Draw one, and it will be here when you come back.")
        st.page_link("pages/draw.py", label="Go and draw a digit")
        st.stop()
    return drawn, None


def _is_new(drawn: Tensor | None) -> bool:
    """Whether this drawing is another than the one that the page showed last."""
    before: Tensor | None = st.session_state.get(keys.INSIDE_DRAWING)
    if drawn is None or before is None:
        return drawn is not before
    return not torch.equal(drawn, before)


def _choose_validation_digit(digits: Digits) -> tuple[Tensor, int]:
    """A validation digit by its class and its number within the class."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        return _by_class_and_number(digits)


def _by_class_and_number(digits: Digits) -> tuple[Tensor, int]:
    label: int = st.selectbox(
        "Class",
        range(CLASSES),
        index=4,
        key=keys.INSIDE_CLASS,
        persist_state="session",
        width=110,
        help="The digit that was written.",
    )
    found = indices_of_class(digits.validation_labels, label)
    number = st.number_input(
        "Number",
        1,
        len(found),
        key=keys.inside_number(len(found)),  # another class may have more digits or fewer
        persist_state="session",
        width=160,
        help=f"Which of the {len(found):,} validation digits of this class. Digits in use: {digits.name}.",
    )
    if choice.drawing() is None:
        st.page_link("pages/draw.py", label="Draw your own")
    return digits.validation_images[found[number - 1]][None], label


def show_answer(inside: Inside, true_class: int | None) -> None:
    """What the network reads, and the probability that it gives to each class."""
    verdict = f"**It reads {inside.answer}**, {probability(inside.confidence)} sure."
    if true_class is not None:
        right = inside.answer == true_class
        verdict += " That is right." if right else f" In truth it is {a_digit(true_class)}."
    st.markdown(
        verdict,
        help="The bars show the probability that the network gives to each class. The class with the "
        "highest bar is its answer.",
    )
    chart = class_probabilities(inside.probabilities.tolist(), true_class, CHART_HEIGHT)
    with small.chart("answer"):
        st.vega_lite_chart(
            chart,
            width="stretch",
            alt=f"Bars: the probability of each digit. The answer {inside.answer} has "
            f"{probability(inside.confidence)}.",
        )
    if true_class not in (None, inside.answer):
        st.caption("Blue: its answer. Orange: the true class.")
