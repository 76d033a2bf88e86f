"""What a server does once, so that nobody waits for it later."""

from __future__ import annotations

import contextlib
import gc
import importlib
import threading
from pathlib import Path

import streamlit as st

from pages.parts import server
from s5core.drawing import reading
from s5core.errors import UserError
from s5core.files import ROOT
from s5core.runs import catalogue

# What streamlit and pandas import at the first use; together half a second.
LATE = ("pyarrow.pandas_compat", "streamlit.dataframe.lazy_df_adapters", "streamlit.emojis")


@st.cache_resource(show_spinner=False)
def prepare() -> None:
    """Let torch use one thread, because training needs the cores, and prepare the rest in the background.

    Call it after the first page. A script must not go on after its last element: if it ends after the next
    run of the script has begun, Streamlit drops that run's fragments.
    """
    reading.use_one_thread()
    gc.freeze()
    if st.runtime.exists():  # in a test without a server nobody would wait
        threading.Thread(target=_load, daemon=True).start()


def _load() -> None:
    """Import what the other pages need, and read the digits and the shipped networks.

    All that is then exempt from garbage collection. Streamlit collects after every run of a script, and a
    walk through torch's objects would take half a core, and a fifth of a second of everybody each time.
    """
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    for name in LATE:
        with contextlib.suppress(ImportError):  # another version has it elsewhere
            importlib.import_module(name)
    with contextlib.suppress(UserError):  # the page that needs it will say what is wrong
        server.digits()
        for network in catalogue.steps():
            server.trained(network)
    gc.freeze()
