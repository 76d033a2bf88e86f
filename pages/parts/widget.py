"""Widgets whose value the app sets, too."""

from __future__ import annotations

from typing import Any, TypeVar

import streamlit as st

Value = TypeVar("Value")

_NOTHING = object()


def put(key: str, value: Value, in_place: bool = False) -> tuple[str, Value]:
    """Let a widget show a value. Call this before the widget is drawn, and draw it with what this returns:
    its key in the session, and the value that it begins with.

    Where it shows something else, a new widget takes its place. A browser that has not yet heard of the new
    value may still send the old one, and that would undo what the app has set: Streamlit cannot tell it from
    a choice. `in_place` keeps the widget, and with it the keyboard's place: for what somebody has just
    typed, spelled in another way.

    Where it shows the value already, nothing is set: the browser would take the value for a new one, and
    undo what somebody types or chooses at that moment. A slow browser draws a widget only after a second run
    of the script, in which nothing is set any more. Without the value to begin with, it would show the first
    entry of a list, and send that as a choice.
    """
    state = st.session_state
    if state.get(name(key), value) != value and not in_place:
        state[_renewals(key)] = state.get(_renewals(key), 0) + 1
    if state.get(name(key), _NOTHING) != value:
        state[name(key)] = value
    return name(key), value


def name(key: str) -> str:
    """The key in the session of the widget that `put` has drawn last for a key of the table."""
    renewals: int = st.session_state.get(_renewals(key), 0)
    return f"{key}_{renewals}" if renewals else key


def shown(key: str, otherwise: Any = None) -> Any:
    """What the widget shows that `put` has drawn last for a key of the table."""
    return st.session_state.get(name(key), otherwise)


def _renewals(key: str) -> str:
    """The key in the session of how often a new widget took the place of the one before it."""
    return f"{key}_renewals"


def first(key: str, value: Value) -> Value:
    """What the widget of a key shows, and this value before it has shown anything. Draw the widget with it
    as the one that it begins with, for the last reason that `put` gives."""
    begun: Value = st.session_state.setdefault(key, value)
    return begun
