"""What a page shows while a reader finds something out about a network."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import streamlit as st
from streamlit.errors import StreamlitAPIException

from pages.parts import clock, keys
from s5core.ahead.desk import Pending
from s5core.words import message

LOOK = 0.5  # seconds between two looks


def show(ask: Callable[[], object], words: str) -> None:
    """How far the reader has come, in this place. When there is an answer, the part of the page around it
    is drawn again.

    `ask`: returns the answer, or `Pending`. `words`: what is being done; no other place of the page has them.
    """
    progress = keys.waiting(words)
    st.fragment(_show, key=progress)(ask, words)

    def look() -> None:
        if isinstance(ask(), Pending):
            # Where a run of the whole page has just dropped the fragment, the part around it is drawn again.
            with contextlib.suppress(StreamlitAPIException):
                st.rerun(progress)

    # Beside the fragment, not in it: with the answer the fragment goes, and a clock in it would ask for
    # what is no longer there.
    clock.show(words, LOOK, look)


def _show(ask: Callable[[], object], words: str) -> None:
    found = ask()
    if isinstance(found, Pending):
        if found.trouble:
            st.error(message(found.trouble))
        else:
            st.progress(found.share, words)
