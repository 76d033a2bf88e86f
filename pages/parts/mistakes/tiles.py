"""Validation digits as small pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from pages.parts import server
from s5core.views.gallery import gallery

FEW = 24  # digits that are shown unless more are asked for


def reading() -> str:
    """That a network reads all of them."""
    return f"Reading {len(server.digits().validation_labels):,} digits …"


def show(indices: Sequence[int], caption: Callable[[int], str], count: int = FEW, scale: int = 4) -> None:
    """The first `count` of some validation digits, by their indices; a sentence where there is none."""
    if not indices:
        st.info("There is no such digit.")
        return
    shown = list(indices[:count])
    images = server.digits().validation_images[shown]
    st.html(gallery(images, [caption(index) for index in shown], scale))
    if len(indices) > count:
        st.caption(f"The first {count} of {len(indices):,}.")
