"""The pages and their order."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts import keys


def choose_page() -> st.Page:
    """The page that the browser asks for. The address of each is its file's name, or the first
    request to a fresh server would not find it."""
    # Off until here (.streamlit/config.toml): before the first script of a fresh server has come this far,
    # Streamlit lists the files of `pages/` by their names.
    st.set_option("client.showSidebarNavigation", True)
    page = st.navigation(
        [
            st.Page("pages/steps.py", title="The five steps", url_path="start", default=True),
            # The start page has no address but /, so that its file's name needs an entry of its own.
            st.Page("pages/steps.py", title="The five steps", url_path="steps", visibility="hidden"),
            st.Page("pages/design.py", title="Design", url_path="design"),
            st.Page("pages/train.py", title="Train", url_path="train"),
            st.Page("pages/runs.py", title="Runs", url_path="runs"),
            st.Page("pages/lessons.py", title="Lessons", url_path="lessons"),
            st.Page("pages/inside.py", title="Look inside", url_path="inside"),
            st.Page("pages/draw.py", title="Draw", url_path="draw"),
            st.Page("pages/digits.py", title="Our digits", url_path="digits"),
            st.Page("pages/mistakes.py", title="Mistakes", url_path="mistakes"),
            # For old links.
            st.Page("pages/mistakes.py", title="Mistakes", url_path="errors", visibility="hidden"),
        ]
    )
    st.session_state[keys.PAGE] = page.url_path
    return page


def is_shown(address: str) -> bool:
    """Whether the page of this address is the one that the session shows."""
    shown: bool = st.session_state.get(keys.PAGE) == address
    return shown


def is_back_or_forward() -> bool:
    """Whether a press of the browser's Back or Forward asked for this run of the script."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


# A link to a page pushes its bare address into the browser's history, and Streamlit pushes the one with
# its parameters after it: two presses of Back for one page. Two quick clicks may push the same address twice,
# because the second is sent before the browser has heard of it.
ONE_ENTRY = """<script>
if (!window.fiveStepsHistory) {
    window.fiveStepsHistory = true;
    const push = history.pushState;
    history.pushState = function (state, title, address) {
        const target = new URL(address, location.href);
        if (target.pathname !== location.pathname && !target.search) target.search = location.search;
        if (target.href !== location.href) push.call(history, state, title, target.href);
    };
}
</script>"""


def keep_one_entry_a_page() -> None:
    """Let a page take one entry of the browser's history."""
    st.html(ONE_ENTRY, unsafe_allow_javascript=True)


def mark_routed() -> None:
    """Let the page know that the router has called it."""
    st.session_state[keys.ROUTED] = True


def require_router() -> None:
    """Start again by way of the router. Every page calls this first.

    When a fresh server is first asked for a page by its address, Streamlit runs that page alone,
    because there is a folder `pages/`; `st.navigation` turns this older way off.
    """
    if not st.session_state.pop(keys.ROUTED, False):
        choose_page()
        st.rerun()
