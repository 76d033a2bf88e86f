"""The router: page config, the choice of a network in the sidebar, the page that is asked for."""

import contextlib
import sys

import streamlit as st

from pages.parts import navigation, presentation
from s5core.memory import share_freed_memory
from s5core.target import ACCURACY
from s5core.words import percent

share_freed_memory()  # before torch is imported, which begins threads
st.set_page_config(
    page_title=f"Five steps to {percent(ACCURACY.limit, 1)}",
    layout="wide",
    initial_sidebar_state="collapsed" if presentation.is_on() else "auto",
)
page = navigation.choose_page()

# The first visitor of a server waits for the import of torch, and sees the pages and the reason meanwhile.
first = "torch" not in sys.modules
with st.spinner("The first page after a start takes some seconds.") if first else contextlib.nullcontext():
    from pages.parts import classroom, clock, preparation, sidebar, small, visitor


# Streamlit leaves 96 pixels above the title, a tenth of a projector's picture, 160 below the page, and on
# a desktop 80 at each side.
MAIN = "[data-testid='stMainBlockContainer']"
st.html(
    f"<style>{MAIN} {{ padding-top: 3.5rem; padding-bottom: 3rem }}"
    f"@media (min-width: 768px) {{ {MAIN} {{ padding-left: 3rem; padding-right: 3rem }} }}</style>"
)
visitor.welcome()
navigation.mark_routed()
sidebar.show()
presentation.show_switch()
classroom.show()
if st.context.theme.type == "dark":  # white on the light blue of the dark theme cannot be read
    st.html("<style>button[kind='primary']:enabled p { color: #0F1418 }</style>")
LINK = "[data-testid='stMain'] [data-testid='stPageLink-NavLink'] p"
st.html(f"<style>{LINK} {{ text-decoration: underline }}</style>")  # what leads to a page looks like a link
small.hide_toolbars()
clock.take_no_place()
with st.sidebar:  # below everything, because they take a place
    navigation.keep_one_entry_a_page()
    visitor.keep_cookie()
page.run()
preparation.prepare()  # after the page, so that its imports are exempt, too
