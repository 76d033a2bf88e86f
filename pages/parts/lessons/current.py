"""The lesson that this session has open, which the address names."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, navigation

PARAMETER, PAGE = "lesson", "lessons"  # `lessons?lesson=3-the-pool`, or all of a lesson


def text() -> str:
    """What the link to the open lesson carries (see `lesson.from_text`); empty while there is none."""
    found: str = st.session_state.get(keys.LESSON, "")
    return found


def choose(text: str) -> None:
    """Open the lesson of a link; an empty text closes it. Call it in a callback."""
    st.session_state[keys.LESSON] = text


def address() -> dict[str, str]:
    """What the address has to say of it."""
    return {PARAMETER: text()} if navigation.is_shown(PAGE) and text() else {}


def read_address() -> None:
    """Open the lesson that the address names."""
    if navigation.is_shown(PAGE):
        choose(st.query_params.get(PARAMETER, ""))
