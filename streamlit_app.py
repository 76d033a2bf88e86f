"""The router: page config, the choice of a network in the sidebar, the page that is asked for."""

import gc
import threading

import streamlit as st

from pages.parts import navigation, sidebar
from s5core.drawing import reading

st.set_page_config(page_title="Five steps to 99.4 %", layout="wide")


@st.cache_resource(show_spinner=False)
def prepare_process() -> None:
    """What this server needs once: one thread for torch, since the cores are for training,
    and in the background what takes a moment. A script must not linger behind its last element:
    when its end comes after the next run has begun, Streamlit drops that run's fragments."""
    reading.use_one_thread()
    threading.Thread(target=freeze_imports, daemon=True).start()


def freeze_imports() -> None:
    """Spare the garbage collector what the imports made: Streamlit collects after every run of a
    script, and walking through torch's objects would take half a core."""
    gc.collect()  # takes a fifth of a second
    gc.freeze()


st.session_state[navigation.ROUTED] = True
page = navigation.choose_page()
sidebar.show()
page.run()
prepare_process()  # behind the page, so that its imports are spared, too
