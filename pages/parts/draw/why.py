"""Why a network reads this digit and not another: which ink speaks for which."""

from __future__ import annotations

from functools import partial

import streamlit as st
from torch import Tensor, nn

from pages.parts import legend
from s5core.drawing.reading import Reading, noun
from s5core.inside import attribution
from s5core.inside.attribution import Verdict
from s5core.views import gallery, picture

WIDTH = "clamp(150px, 31%, 300px)"  # of a picture: three in a row, two on a phone


def show(model: nn.Sequential, answer: Reading, digit: Tensor) -> None:
    """The section below a network's answer to a digit, (1, 1, 28, 28) uint8."""
    heading = st.empty()  # the rival is chosen below it
    rival = choose_rival(answer)
    heading.subheader(
        f"Why {noun(answer.answer)} and not {noun(rival)}?",
        help="What each pixel of ink adds to a digit's score, by Integrated Gradients: the network watches "
        "the digit appear on an empty picture, and each pixel is credited with the scores' change.",
    )
    verdict = attribution.contrast(model, digit, answer.answer, rival)
    show_ink(verdict, answer.answer, rival, digit)
    show_scores(verdict, answer.answer, rival)


def choose_rival(answer: Reading) -> int:
    """The digit to compare the answer with: the runner-up, until another one is chosen. A choice
    is kept for its answer, and comes back with it."""
    chosen: dict[int, int] = st.session_state.setdefault("rivals", {})  # by answer
    key = f"rival_of_{answer.answer}"
    # Set each time: the runner-up changes with every stroke, and a widget's default would not.
    st.session_state[key] = chosen.get(answer.answer, answer.runner_up)
    st.segmented_control(
        "Compare with",
        [label for label in range(10) if label != answer.answer],
        required=True,
        wrap=True,
        key=key,
        on_change=keep_rival,
        args=(answer.answer, key),
        help="Any other digit; at first it is the second best.",
    )
    return st.session_state[key]


def keep_rival(answer: int, key: str) -> None:
    """Remember the rival that was chosen for this answer."""
    st.session_state.rivals[answer] = st.session_state[key]


def show_ink(verdict: Verdict, answer: int, rival: int, digit: Tensor) -> None:
    """What counts for the answer, what for the rival, and what decides between them."""
    for_answer, for_rival = noun(answer), noun(rival)
    words = (
        (f"For {for_answer}", f"Orange ink speaks for {for_answer}, blue against it."),
        (f"For {for_rival}", f"Orange ink speaks for {for_rival}, blue against it."),
        (f"What decides: {answer} or {rival}", f"Orange ink favours the {answer}, blue the {rival}."),
    )
    paint = partial(picture.outlined, digit=digit, high=verdict.strongest)
    st.html(
        gallery.exhibition(
            [
                gallery.Exhibit(((paint(field), title),), title, (meaning,))
                for field, (title, meaning) in zip(verdict.ink, words, strict=True)
            ],
            WIDTH,
        )
    )
    legend.show(
        picture.WEIGHTS,
        "against",
        "for",
        "One scale for all three: what a pixel adds to a digit's score or takes from it, "
        f"{verdict.strongest:.1f} where the colour is strongest. Empty paper has no colour, as it is what "
        "the digit is compared with. Wipe a part of the digit out with the eraser, and see how the "
        "reasons change.",
    )


def show_scores(verdict: Verdict, answer: int, rival: int) -> None:
    """How the ink adds up to the scores."""
    scores, empty = ([*pair, pair[0] - pair[1]] for pair in (verdict.scores, verdict.empty))
    with st.expander("How the scores add up"):
        st.table(
            {
                "Score of": [noun(answer), noun(rival), "the difference"],
                "Empty picture": [signed(value) for value in empty],
                "This ink adds": [signed(score - value) for score, value in zip(scores, empty, strict=True)],
                "Together": [f"**{signed(score)}**" for score in scores],
            },
            border="horizontal",
            hide_index=True,
        )
        st.caption(
            "A network reads the digit with the highest score (its logit). The pixels of each picture sum "
            "to what the ink adds; the method is exact only with infinitely many steps, and misses it by "
            "some tenths."
        )


def signed(value: float) -> str:
    """A value with its sign and one digit behind the point."""
    return f"{round(value, 1) + 0:+.1f}".replace("-", "−")  # the sum makes a zero of minus zero
