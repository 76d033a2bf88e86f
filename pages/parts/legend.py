"""A colour bar with its words."""

from __future__ import annotations

import streamlit as st

from s5core.views import picture


def show(palette: picture.Picture, low: str, high: str, meaning: str) -> None:
    """A colour bar with the words for its two ends, and its meaning below it."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(low, width="content")
        st.image(picture.data_url(picture.color_bar(palette)), width=200, alt=f"Colours from {low} to {high}")
        st.markdown(high, width="content")
    st.caption(meaning)
