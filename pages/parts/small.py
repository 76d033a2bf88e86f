"""Charts that are too small for Streamlit's toolbar, which would cover half of them."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.parts import keys


def hide_toolbars() -> None:
    """Show no toolbar over small charts, and none on a touch screen, where it would never go away. The router
    calls this once for each page."""
    small, toolbar = f"[class*='st-key-{keys.small_chart('')}']", "[data-testid='stElementToolbar']"
    hidden = "{ display: none }"
    st.html(f"<style>{small} {toolbar} {hidden} @media (hover: none) {{ {toolbar} {hidden} }}</style>")


def chart(name: str) -> DeltaGenerator:
    """A place for a small chart. `name`: no other one of the page has it."""
    return st.container(key=keys.small_chart(name))
