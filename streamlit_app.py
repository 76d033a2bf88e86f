"""The router: page config, the choice of a network in the sidebar, the pages."""

import gc

import streamlit as st

from pages import sidebar

st.set_page_config(page_title="Five steps to 99.4 %", layout="wide")

PAGES = [
    st.Page("pages/steps.py", title="The five steps", url_path="steps", default=True),
    st.Page("pages/train.py", title="Train", url_path="train"),
    st.Page("pages/inside.py", title="Look inside", url_path="inside"),
    st.Page("pages/draw.py", title="Draw", url_path="draw"),
    st.Page("pages/errors.py", title="Errors", url_path="errors"),
]


@st.cache_resource(show_spinner=False)
def freeze_imports() -> None:
    """Spare the garbage collector what the imports made: Streamlit collects after every run
    of a script, and walking through torch's objects each time would take half a core."""
    gc.collect()
    gc.freeze()


page = st.navigation(PAGES)
sidebar.show()
freeze_imports()
page.run()
