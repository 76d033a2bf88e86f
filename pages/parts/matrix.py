"""A confusion matrix whose cells can be clicked."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import keys
from s5core.evaluate import Evaluation
from s5core.views.answers import confusion_matrix

Cell = tuple[int, int]  # the true class, and the class that the network read


def show(answers: Evaluation, framed: Cell, take: Callable[[Cell], None], alt: str) -> None:
    """The matrix of these answers with a frame around one cell. A click passes its cell to `take`,
    which moves the frame there. `alt`: the words for a screen reader."""
    # A new key for each cell and set of digits: the page chooses the framed cell, not the browser.
    key = keys.matrix(*framed, len(answers.labels))

    def clicked() -> None:
        for cell in st.session_state[key].selection.cell:
            take((cell["true"], cell["said"]))

    chart = confusion_matrix(answers.confusion(), framed)
    st.vega_lite_chart(chart, width="stretch", key=key, on_select=clicked, alt=alt)
