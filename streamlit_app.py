"""The router: page config, the choice of a network in the sidebar, the page that is asked for."""

import gc
import importlib
import threading

import streamlit as st

from pages.parts import navigation, sidebar
from s5core.drawing import reading
from s5core.target import ACCURACY
from s5core.words import percent

st.set_page_config(page_title=f"Five steps to {percent(ACCURACY.limit, 1)}", layout="wide")


@st.cache_resource(show_spinner=False)
def prepare_process() -> None:
    """What this server needs once: one thread for torch, because training needs the cores, and in
    the background whatever takes seconds. A script must not go on after its last element: if it
    ends after the next run of the script has begun, Streamlit drops that run's fragments."""
    reading.use_one_thread()
    threading.Thread(target=import_and_freeze, daemon=True).start()


def import_and_freeze() -> None:
    """Import what a page will need, and exempt all imported objects from garbage collection:
    Streamlit collects after every run of a script, and a walk through torch's objects would take
    half a core."""
    importlib.import_module("s5core.inside.attribution")  # takes a second: now, when nobody waits
    gc.collect()
    gc.freeze()


navigation.mark_routed()
page = navigation.choose_page()
sidebar.show()
page.run()
prepare_process()  # after the page, so that its imports are exempt, too
