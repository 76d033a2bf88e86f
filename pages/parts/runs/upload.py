"""Open a checkpoint from elsewhere as a run."""

from __future__ import annotations

from pathlib import PurePath

import streamlit as st

from pages.parts import choice, keys, messages, server, visitor
from s5core import checkpoint, steps
from s5core.errors import UserError
from s5core.runs import folder


def show() -> None:
    """The button that opens the uploader."""
    with st.popover("Open a checkpoint"):
        st.file_uploader(
            "A .safetensors file that you downloaded from this app or made on its command line",
            type=["safetensors"],
            key=keys.RUNS_UPLOAD,
            on_change=_open,
        )


def _open() -> None:
    """Keep an uploaded checkpoint as a run of its own, choose it, and select it in the table."""
    upload = st.session_state[keys.RUNS_UPLOAD]
    if upload is None:
        return
    try:
        made = checkpoint.from_bytes(upload.getvalue(), upload.name)
        step = made.name if made.name in steps.STEPS else choice.step().name
        title = PurePath(upload.name).stem
        run = server.classroom().adopt(visitor.person(), made, step, title)
    except UserError as error:
        messages.leave("runs", str(error))
    except OSError as error:
        messages.leave("runs", f"The upload could not be kept in {folder.home()}: {error.strerror}.")
    else:
        choice.choose(run.id)
        st.session_state[keys.RUNS_CHOSEN] = [run.id]
        st.session_state.pop(keys.RUNS_STEP, None)  # or the filter might hide it
