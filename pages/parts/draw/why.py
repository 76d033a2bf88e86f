"""Why a network reads this digit and not another: what each pixel of ink contributes."""

from __future__ import annotations

from functools import partial

import streamlit as st
from torch import Tensor, nn

from pages.parts import keys, legend, widget
from s5core.drawing.reading import Reading
from s5core.inside import attribution
from s5core.inside.attribution import Verdict
from s5core.layers import CLASSES
from s5core.views import gallery, picture
from s5core.words import digit as a_digit
from s5core.words import number, signed

WIDTH = "clamp(150px, 31%, 300px)"  # of a picture: three in a row, two on a phone


def show(model: nn.Sequential, answer: Reading, digit: Tensor) -> None:
    """The section below a network's answer to a digit, (1, 1, 28, 28) uint8."""
    heading = st.empty()  # the rival is chosen below it
    rival = _choose_rival(answer)
    heading.subheader(
        f"Why {a_digit(answer.answer)} and not {a_digit(rival)}?",
        help="A logit is the network's score for a class, and the class with the highest logit is the "
        "answer. The pictures show what each pixel of ink contributes to a logit. The method is called "
        "Integrated Gradients: the digit fades in on an empty picture, and each pixel is credited with its "
        "part in the change of the logit.",
    )
    verdict = attribution.contrast(model, digit, answer.answer, rival)
    _show_ink(verdict, answer.answer, rival, digit)
    _show_logits(verdict, answer.answer, rival)


def _choose_rival(answer: Reading) -> int:
    """The class to compare the answer with: the second most probable, until another is chosen. The
    page remembers a choice for each answer."""
    chosen: dict[int, int] = st.session_state.setdefault(keys.DRAW_RIVALS, {})  # by answer
    # The runner-up changes with every stroke, and a widget's default would not.
    key, rival = widget.put(keys.draw_rival(answer.answer), chosen.get(answer.answer, answer.runner_up))
    st.segmented_control(
        "Compare with",
        [label for label in range(CLASSES) if label != answer.answer],
        default=rival,
        required=True,
        wrap=True,
        key=key,
        on_change=_keep_rival,
        args=(answer.answer,),
        help="Any other digit. At first it is the network's second choice.",
    )
    return rival


def _keep_rival(answer: int) -> None:
    """Remember the rival that was chosen for this answer."""
    st.session_state[keys.DRAW_RIVALS][answer] = widget.shown(keys.draw_rival(answer))


def _show_ink(verdict: Verdict, answer: int, rival: int, digit: Tensor) -> None:
    """What the ink contributes to the answer, to the rival, and to the difference between them."""
    for_answer, for_rival = a_digit(answer), a_digit(rival)
    words = (
        (f"For {for_answer}", f"Orange ink raises the logit of the {answer}, blue ink lowers it."),
        (f"For {for_rival}", f"Orange ink raises the logit of the {rival}, blue ink lowers it."),
        (f"What decides: {answer} or {rival}", f"Orange ink favours the {answer}, blue ink the {rival}."),
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
        "All three pictures have the same colour scale: how much a pixel of ink adds to a logit or takes "
        f"from it. The strongest colour means {number(verdict.strongest, 1)}. Empty paper has no colour, "
        "because the digit is compared with an empty picture. Erase a part of the digit, and see how the "
        "contributions change.",
    )


def _show_logits(verdict: Verdict, answer: int, rival: int) -> None:
    """How the contributions add up to the logits."""
    logits, empty = ([*pair, pair[0] - pair[1]] for pair in (verdict.scores, verdict.empty))
    with st.expander("How the contributions add up"):
        st.table(
            {
                "Logit of": [a_digit(answer), a_digit(rival), "the difference"],
                "Empty picture": [signed(value, 1) for value in empty],
                "This ink adds": [
                    signed(logit - value, 1) for logit, value in zip(logits, empty, strict=True)
                ],
                "Together": [f"**{signed(logit, 1)}**" for logit in logits],
            },
            border="horizontal",
            hide_index=True,
        )
        st.caption(
            "The network reads the class with the highest logit. In each picture the pixels sum to what "
            "the ink adds. The sum is off by some tenths, because the method takes a limited number of "
            "steps from the empty picture to the digit."
        )
