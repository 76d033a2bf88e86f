"""What a page shows while a reader finds something out about a network."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from s5core.ahead.desk import Pending

LOOK = 0.5  # seconds between two looks


def show(ask: Callable[[], object], words: str) -> None:
    """How far the reader has come, in this place. When there is an answer, the page is drawn again.

    `ask`: returns the answer, or `Pending`. `words`: what is being done.
    """
    st.fragment(_show, run_every=LOOK)(ask, words)


def _show(ask: Callable[[], object], words: str) -> None:
    found = ask()
    if not isinstance(found, Pending):
        st.rerun()
    elif found.trouble:
        st.error(found.trouble)
    else:
        st.progress(found.share, words)
