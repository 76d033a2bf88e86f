"""Widgets whose value the app sets, too."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

Value = TypeVar("Value")

_NOTHING = object()


def put(key: str, value: Value) -> Value:
    """Let the widget of a key show a value, and return it. Call this before the widget is drawn, and draw
    the widget with this value as the one that it begins with.

    Where it is shown already, nothing is set: the browser would take the value for a new one, and undo what
    somebody types or chooses at that moment. A slow browser draws a widget only after a second run of the
    script, in which nothing is set any more. Without the value to begin with, it would show the first entry
    of a list, and send that as a choice.
    """
    if st.session_state.get(key, _NOTHING) != value:
        st.session_state[key] = value
    return value


def first(key: str, value: Value) -> Value:
    """What the widget of a key shows, and this value before it has shown anything. Draw the widget with it
    as the one that it begins with, for the reason that `put` gives."""
    shown: Value = st.session_state.setdefault(key, value)
    return shown
