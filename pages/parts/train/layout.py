"""The layout of the page Train: little air at the top, and a transport that stays in sight."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys

STYLE = f"""
<style>
.stMainBlockContainer {{ padding-top: 2.75rem; }}
.stMainBlockContainer > .stVerticalBlock {{ gap: 0.5rem; }}
.stAppHeader {{ height: 2.75rem; min-height: 2.75rem; }}
.stMain h1 {{ padding: 0.25rem 0; font-size: 1.75rem; }}
:has(> .st-key-{keys.TRAIN_TRANSPORT}) {{
  position: sticky; top: 2.75rem; z-index: 90;
}}
.stApp :has(.st-key-{keys.TRAIN_TRANSPORT}) {{
  background: inherit; /* the theme's, down from the app: what scrolls below the transport must not show */
}}
.st-key-{keys.TRAIN_TRANSPORT} {{
  background: inherit;
  padding: 0.25rem 0 0.5rem; gap: 0.25rem;
}}
.st-key-{keys.TRAIN_BUTTONS} {{ min-height: 4.25rem; }}
.stMain [data-testid="stCaptionContainer"] {{ font-size: 0.875rem; }}
</style>
"""


def apply() -> None:
    """Apply it."""
    st.html(STYLE)
