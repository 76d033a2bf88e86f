"""The sidebar of every page: which step, and which trained network of it."""

from __future__ import annotations

import streamlit as st

from pages import session
from s5core import checkpoint, runs, steps
from s5core.errors import UserError


def show() -> None:
    """Draw the sidebar; `step` and `run` are in the session and in the URL afterwards."""
    with st.sidebar:
        st.selectbox(
            "Step",
            list(steps.STEPS),
            index=list(steps.STEPS).index("step5"),
            format_func=lambda name: f"{_number(name)}{steps.STEPS[name].title}",
            key="step",
            bind="query-params",
            help="The network that all pages speak of.",
        )
        _choose_run()


def _number(name: str) -> str:
    return f"{name.removeprefix('step')} · " if name.removeprefix("step").isdecimal() else ""


def _choose_run() -> None:
    own = {run.id: run for run in runs.list_runs() if run.step == session.step().name}
    st.selectbox(
        "Trained network",
        [session.SHIPPED, *own],
        format_func=lambda id: own[id].title if id in own else "as shipped",
        key="run",
        bind="query-params",
        help="The step's shipped network, or a run of it that was trained here.",
    )
    upload = st.file_uploader(
        "Open a checkpoint",
        type=["safetensors"],
        help="A .safetensors file that was downloaded from this app or made on its command line.",
    )
    if upload is not None and st.session_state.get("uploaded") != upload.file_id:
        st.session_state.uploaded = upload.file_id
        try:
            made = checkpoint.from_bytes(upload.getvalue(), upload.name)
        except UserError as error:
            st.error(str(error))
        else:
            st.success(f"{upload.name} is opened.")
            runs.adopt(made, f"{upload.name}, {made.accuracy:.2f} %")
