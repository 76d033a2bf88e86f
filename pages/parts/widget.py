"""Widgets whose value the app sets, too."""

from __future__ import annotations

import streamlit as st

_NOTHING = object()


def put(key: str, value: object) -> None:
    """Let the widget of a key show a value; call it before the widget is drawn.

    Where it does already, nothing is set: the browser would take the value for a new one, and undo what
    somebody types or chooses at that moment.
    """
    if st.session_state.get(key, _NOTHING) != value:
        st.session_state[key] = value
