"""A confusion matrix whose cells can be clicked."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from s5core.evaluate import Evaluation
from s5core.views.answers import confusion_matrix

Cell = tuple[int, int]  # the true class, and what the network said


def show(answers: Evaluation, framed: Cell, take: Callable[[Cell], None], alt: str) -> None:
    """The matrix of these answers with a frame around one cell; a click gives its cell to `take`,
    which is to choose the next frame. `alt`: what a screen reader says of it."""
    # A new key for each cell and set of digits: the frame is where it was put, however that was.
    key = f"matrix {framed} {len(answers.labels)}"

    def clicked() -> None:
        for cell in st.session_state[key].selection.cell:
            take((cell["true"], cell["said"]))

    chart = confusion_matrix(answers.confusion(), framed)
    st.altair_chart(chart, width="stretch", key=key, on_select=clicked, alt=alt)
