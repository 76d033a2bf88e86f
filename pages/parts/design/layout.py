"""The layout of the page Design: as many layers in sight as there is room for, and below the numbers, which
stay in sight."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys

ROW = f"[class*='st-key-{keys.design_row('')}']"
LAYER = f"[class*='st-key-{keys.design_layer('')}']"
STYLE = f"""
<style>
.stMainBlockContainer {{ padding-top: 2.75rem; }}
.stMainBlockContainer > .stVerticalBlock {{ gap: 0.5rem; }}
.stAppHeader {{ height: 2.75rem; min-height: 2.75rem; }}
.stMain h1 {{ padding: 0.25rem 0; font-size: 1.75rem; }}
.st-key-{keys.DESIGN_NUMBERS} [data-testid="stMetricValue"] {{ font-size: 1.375rem; }}
.st-key-{keys.DESIGN_NUMBERS} [data-testid="stMetric"] {{ padding: 0; }}
{LAYER} button {{ min-height: 1.625rem; padding: 0 0.5rem; }}
{LAYER} button > div {{ width: 100%; justify-content: flex-start; }}
{LAYER} button p {{ text-align: left; }}
{ROW} {{ flex-wrap: nowrap; }}
.design-cells {{
  display: grid; grid-template-columns: 4.75rem 4.75rem 3rem 2.75rem; gap: 0.25rem;
  font-size: 0.875rem; line-height: 1.5; text-align: right; font-variant-numeric: tabular-nums;
}}
.design-head {{ font-size: 0.8125rem; opacity: 0.8; }}
.st-key-{keys.DESIGN_LIST} [data-testid="stVerticalBlock"] {{ padding: 0.5rem; }}
@media (min-width: 641px) {{
  :has(> .st-key-{keys.DESIGN_NUMBERS}) {{ position: sticky; top: 2.75rem; z-index: 90; }}
  .st-key-{keys.DESIGN_NUMBERS} {{ background: var(--page); padding: 0.25rem 0 0.5rem; }}
}}
@media (max-width: 640px) {{
  .design-cells {{ grid-template-columns: 3.75rem 4rem 2.5rem; font-size: 0.8125rem; }}
  .design-cells span:nth-child(4) {{ display: none; }} /* the time, which is least missed */
}}
</style>
"""


def apply() -> None:
    """Apply it."""
    theme = st.context.theme.type or "light"
    page = st.get_option(f"theme.{theme}.backgroundColor")  # the numbers cover what is scrolled below them
    st.html(f"<style>:root {{ --page: {page} }}</style>{STYLE}")
