"""Below a drawing on the page Draw: which ink spoke for the answer, and which for a rival."""

from __future__ import annotations

import streamlit as st
from torch import Tensor, nn

from pages.parts.legend import show_legend
from s5core import explain, picture
from s5core.layers import CLASSES
from s5core.reading import Reading

SIZE = 196  # CSS pixels of a picture: 7 for one


@st.fragment
def show(model: nn.Module, field: Tensor, answer: Reading) -> None:
    """Answer and rival side by side, and what decides between them. A choice in it reruns
    nothing else."""
    heading = st.empty()
    rival = st.segmented_control(
        "Rival",
        [digit for digit in range(CLASSES) if digit != answer.answer],
        default=answer.runner_up,
        required=True,
        key=f"rival of {answer.answer} before {answer.runner_up}",
        help="The digit to compare the answer with; at first the second likeliest.",
    )
    heading.subheader(
        f"Why a {answer.answer} and not a {rival}?",
        help="How much the ink of each pixel speaks for a digit: integrated gradients.",
    )
    for_answer, for_rival = explain.attribute(model, field, [answer.answer, rival])
    pictures = {
        f"What speaks for a **{answer.answer}**": for_answer,
        f"What speaks for a **{rival}**": for_rival,
        f"What decides: **{answer.answer}** minus **{rival}**": for_answer - for_rival,
    }
    high = max(float(shown.abs().max()) for shown in pictures.values())
    with st.container(horizontal=True):
        for caption, shown in pictures.items():
            with st.container(width=SIZE):
                coloured = picture.enlarge(picture.paint(shown, picture.WEIGHTS, -high, high), 2 * SIZE)
                words = caption.replace("*", "")
                st.image(picture.data_url(coloured), width=SIZE, alt=f"{words}, pixel by pixel")
                st.caption(caption)
    show_legend(
        picture.WEIGHTS,
        "against it",
        "for it",
        "Orange ink speaks for the digit, blue ink against it; white is paper, or ink that does not matter. "
        "All three pictures have one scale. Wipe a part out with the eraser and see what changes.",
    )
