"""The sidebar of every page: which step, and which trained network of it.

Both are in the session and in the address (`?step=…&run=…`), so that a link or a reload
opens the same network. The address is kept by hand: Streamlit's own binding would write
the words that a list shows, not the names behind them, and drop them on a page switch.
"""

from __future__ import annotations

import streamlit as st

from pages.parts import session
from s5core import checkpoint, steps
from s5core.errors import UserError
from s5core.runs import folder


def show() -> None:
    """Draw the sidebar; `step` and `run` are in the session and in the address afterwards."""
    if "step" not in st.session_state:
        _read_address()
    with st.sidebar:
        st.selectbox(
            "Step",
            list(steps.STEPS),
            format_func=lambda name: steps.STEPS[name].label,
            key="step",
            on_change=_forget_run,
            help="The network that all pages speak of.",
        )
        own = {run.id: run for run in session.runs_of(session.step())}
        st.selectbox(
            "Trained network",
            [session.SHIPPED, *own],
            format_func=lambda id: own[id].label if id in own else "as shipped",
            key="run",
            help="The step's shipped network, or a run of it that was trained here.",
        )
        if trouble := st.session_state.pop("address_trouble", None):
            st.warning(trouble)
        _upload()
    _write_address()


def _read_address() -> None:
    """Take step and run from the link that opened this session."""
    st.session_state.step, st.session_state.run = "step5", session.SHIPPED
    try:
        if name := st.query_params.get("step"):
            st.session_state.step = steps.find(name).name
        if id := st.query_params.get("run"):
            st.session_state.step = folder.open_run(id).step
            st.session_state.run = id
    except UserError as error:
        st.session_state.address_trouble = str(error)


def _write_address() -> None:
    wanted = {"step": st.session_state.step}
    if st.session_state.run != session.SHIPPED:
        wanted["run"] = st.session_state.run
    if st.query_params.to_dict() != wanted:
        st.query_params.from_dict(wanted)


def _forget_run() -> None:
    """A run belongs to its step."""
    st.session_state.run = session.SHIPPED


def _upload() -> None:
    st.file_uploader(
        "Open a checkpoint",
        type=["safetensors"],
        key="upload",
        on_change=_open_upload,
        help="A .safetensors file that was downloaded from this app or made on its command line.",
    )
    if message := st.session_state.get("upload_trouble"):
        st.error(message)


def _open_upload() -> None:
    """Keep an uploaded checkpoint as a run of its own, and choose it."""
    st.session_state.upload_trouble = None
    upload = st.session_state.upload
    if upload is None:
        return
    try:
        made = checkpoint.from_bytes(upload.getvalue(), upload.name)
        step = made.name if made.name in steps.STEPS else st.session_state.step
        run = folder.adopt(made, step, f"{upload.name}, {made.accuracy:.2f} %")
    except UserError as error:
        st.session_state.upload_trouble = str(error)
    except OSError as error:
        st.session_state.upload_trouble = (
            f"The upload could not be kept in {folder.home()}: {error.strerror}."
        )
    else:
        st.session_state.step, st.session_state.run = run.step, run.id
