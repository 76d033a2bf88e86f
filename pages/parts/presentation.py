"""The presentation switch: larger type and a folded sidebar for a projector, kept in the address."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys

PARAMETER, LARGE = "show", "large"  # `?show=large`

STYLE = """<style>
html { font-size: 20px }
[data-testid="stMainBlockContainer"] { padding-top: 3rem; padding-bottom: 2rem }
[data-testid="stMain"] button[aria-label^="Help"] { display: none }
</style>"""


def is_on() -> bool:
    """Whether this session shows large type: the switch, or before it is drawn the address."""
    on: bool = st.session_state.get(keys.PRESENTATION, LARGE in st.query_params.get_all(PARAMETER))
    return on


def address() -> dict[str, str]:
    """What the address has to say of it."""
    return {PARAMETER: LARGE} if is_on() else {}


def read_address() -> None:
    """Take the state from the address. Call it before the switch is drawn."""
    st.session_state[keys.PRESENTATION] = LARGE in st.query_params.get_all(PARAMETER)


def show_switch() -> None:
    """The switch in the sidebar, and the style of the page."""
    st.sidebar.toggle(
        "Presentation",
        is_on(),
        key=keys.PRESENTATION,
        help="Larger type for a projector, and the sidebar folded away. It stays on in the link of the page.",
    )
    if is_on():
        st.html(STYLE)
