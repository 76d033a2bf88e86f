"""The pages and their order."""

from __future__ import annotations

import streamlit as st

ROUTED = "routed"  # in the session from the router to the page


def choose_page() -> st.Page:
    """The page that the browser asks for. Each has its file's name as its address, or the
    first request to a fresh server would not find it."""
    return st.navigation(
        [
            st.Page("pages/steps.py", title="The five steps", url_path="start", default=True),
            # The start page is found at / alone, so that its file's name needs an entry of its own.
            st.Page("pages/steps.py", title="The five steps", url_path="steps", visibility="hidden"),
            st.Page("pages/train.py", title="Train", url_path="train"),
            st.Page("pages/inside.py", title="Look inside", url_path="inside"),
            st.Page("pages/draw.py", title="Draw", url_path="draw"),
            st.Page("pages/digits.py", title="Our digits", url_path="digits"),
            st.Page("pages/mistakes.py", title="Mistakes", url_path="mistakes"),
            st.Page(
                "pages/mistakes.py", title="Mistakes", url_path="errors", visibility="hidden"
            ),  # old links
        ]
    )


def require_router() -> None:
    """Start over by way of the router, which every page calls for first.

    A fresh server that is first asked for a page by its address runs that page alone, since
    there is a folder `pages/`; `st.navigation` turns this older way of Streamlit's off.
    """
    if not st.session_state.pop(ROUTED, False):
        choose_page()
        st.rerun()
