"""What the page Train shows of a run: the axis of its chart, and whether loss and learning rate are open.
The address keeps it, and so does a link that somebody takes home."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, navigation
from s5core.views import live
from s5core.words import NO_BREAK

AXIS, MORE = "axis", "more"  # `train?axis=98&more=open`
OPEN = "open"
PAGE = "train"

ALL = f"0–100{NO_BREAK}%, by errors"
_LOWS = {str(low): f"{low}–100{NO_BREAK}%" for low in (98, 90, 0)}  # by what the address says
AXES = {ALL: live.BY_ERRORS} | {name: live.linear(float(low)) for low, name in _LOWS.items()}


def read_address() -> None:
    """Take it from the address. Call it before the widgets are drawn."""
    if navigation.is_shown(PAGE):
        st.session_state[keys.TRAIN_AXIS] = _LOWS.get(st.query_params.get(AXIS, ""), ALL)
        st.session_state[keys.TRAIN_MORE] = st.query_params.get(MORE) == OPEN


def address() -> dict[str, str]:
    """What the address has to say of it, on the page Train."""
    return chosen() if navigation.is_shown(PAGE) else {}


def chosen() -> dict[str, str]:
    """What this session has chosen, where it is not what is usual."""
    low = next((low for low, name in _LOWS.items() if name == st.session_state.get(keys.TRAIN_AXIS)), None)
    more = {MORE: OPEN} if st.session_state.get(keys.TRAIN_MORE) else {}
    return ({AXIS: low} if low else {}) | more
