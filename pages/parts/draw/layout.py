"""The layout of the page Draw: the tools stay where they are, however long an answer is."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import keys
from s5core.drawing import sketch

COLUMNS = (keys.DRAW_LEFT, keys.DRAW_RIGHT)
ORDER = (keys.DRAW_PAPER, keys.DRAW_ANSWER, keys.DRAW_TOOLS, keys.DRAW_COMPARED)  # on a phone
WRAPPER = "[data-testid='stLayoutWrapper']"


def parts() -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """The places of the canvas, the answer, the tools and all answers. The tools are below the canvas; on a
    phone the answer comes between them."""
    st.html(_style())
    with st.container(horizontal=True, gap="medium"):
        left = st.container(width=sketch.SIDE, key=keys.DRAW_LEFT)
        right = st.container(key=keys.DRAW_RIGHT)
    paper, tools = left.container(key=keys.DRAW_PAPER), left.container(key=keys.DRAW_TOOLS)
    answered, compared = right.container(key=keys.DRAW_ANSWER), right.container(key=keys.DRAW_COMPARED)
    return paper, answered, tools, compared


def _style() -> str:
    """On a phone the columns are no boxes of their own, and their parts stand in an order of their own."""
    boxes = ", ".join(f"{WRAPPER}:has(> .st-key-{key}), .st-key-{key}" for key in COLUMNS)
    order = "".join(
        f"{WRAPPER}:has(> .st-key-{key}) {{ order: {place}; flex-basis: 100% }} "
        for place, key in enumerate(ORDER)
    )
    return f"<style>@media (max-width: 640px) {{ {boxes} {{ display: contents }} {order} }}</style>"
