"""The router: page config, the choice of a network in the sidebar, the page that is asked for."""

import gc

import streamlit as st

from pages import navigation, sidebar

st.set_page_config(page_title="Five steps to 99.4 %", layout="wide")


@st.cache_resource(show_spinner=False)
def freeze_imports() -> None:
    """Spare the garbage collector what the imports made: Streamlit collects after every run
    of a script, and walking through torch's objects each time would take half a core."""
    gc.collect()
    gc.freeze()


st.session_state[navigation.ROUTED] = True
page = navigation.choose_page()
sidebar.show()
freeze_imports()
page.run()
