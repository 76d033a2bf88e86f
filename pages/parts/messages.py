"""Messages of callbacks: a callback runs before the page is drawn, so it leaves its message for a
place on the page, which shows it once."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys


def leave(place: keys.Place, text: str) -> None:
    """Leave a message, one or more sentences, for a place."""
    st.session_state[keys.message(place)] = text


def show(place: keys.Place) -> bool:
    """Show the message that was left for this place, and forget it. Returns whether there was one."""
    text = st.session_state.pop(keys.message(place), None)
    if text is not None:
        st.error(text)
    return text is not None
