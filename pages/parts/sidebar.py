"""The sidebar of every page: which step, and which trained network of it.

The choice is in the session and in the address (`?step=…&run=…`), so that a link or a reload
opens the same network. The address is written by hand: Streamlit's own binding would write
the words of the list instead of ids, and would drop them on a page switch.
"""

from __future__ import annotations

import streamlit as st

from pages.parts import choice, keys, messages, navigation, presentation
from s5core import checkpoint, steps
from s5core.errors import UserError
from s5core.runs import catalogue, folder
from s5core.words import percent

FIRST = "step5"  # the network of a session whose address names none


def show() -> None:
    """Draw the sidebar. Afterwards a network that exists is chosen, and the address names it."""
    if keys.NETWORK not in st.session_state or navigation.is_back_or_forward():
        _read_address()
    _leave_lost_run()
    chosen = choice.network()
    networks = {each.id: each for each in (catalogue.of_step(chosen.step), *catalogue.runs(chosen.step))}
    st.session_state[keys.STEP] = chosen.step.name
    with st.sidebar:
        st.selectbox(
            "Step",
            list(steps.STEPS),
            format_func=lambda name: steps.STEPS[name].label,
            key=keys.STEP,
            on_change=_take_step,
            help="All pages show the network of this step.",
        )
        st.selectbox(
            "Trained network",
            list(networks),
            format_func=lambda id: networks[id].title if id in networks else id,
            key=keys.NETWORK,
            help="The network that the app brings along for this step, or one that was trained here.",
        )
        st.file_uploader(
            "Open a checkpoint",
            type=["safetensors"],
            key=keys.UPLOAD,
            on_change=_open_upload,
            help="A .safetensors file that you downloaded from this app or made on its command line.",
        )
        messages.show("sidebar")
    _write_address()


def _read_address() -> None:
    """Choose what the address names: of the link that opened this session, or of an earlier page."""
    presentation.read_address()
    id = FIRST
    try:
        if name := st.query_params.get("step"):
            id = steps.find(name).name
        if run := st.query_params.get("run"):
            id = catalogue.find(run).id
    except UserError as error:
        messages.leave("sidebar", str(error))
    choice.choose(id)


def _leave_lost_run() -> None:
    """Go back to the step of a run that can no longer be opened, and say why."""
    try:
        choice.network()
    except UserError as error:
        messages.leave("sidebar", str(error))
        choice.choose(st.session_state.get(keys.STEP, FIRST))


def _write_address() -> None:
    chosen = choice.network()
    wanted = {"step": chosen.step.name} | ({"run": chosen.id} if chosen.is_run else {})
    wanted |= presentation.address()
    # An empty address names FIRST. Writing it out would cost one more press of the browser's Back.
    named = st.query_params.to_dict() or {"step": FIRST}
    if named != wanted:
        st.query_params.from_dict(wanted)


def _take_step() -> None:
    choice.choose(st.session_state[keys.STEP])


def _open_upload() -> None:
    """Keep an uploaded checkpoint as a run of its own, and choose it."""
    upload = st.session_state[keys.UPLOAD]
    if upload is None:
        return
    try:
        made = checkpoint.from_bytes(upload.getvalue(), upload.name)
        step = made.name if made.name in steps.STEPS else st.session_state[keys.STEP]
        run = folder.adopt(made, step, f"{upload.name}, {percent(made.accuracy)}")
    except UserError as error:
        messages.leave("sidebar", str(error))
    except OSError as error:
        messages.leave("sidebar", f"The upload could not be kept in {folder.home()}: {error.strerror}.")
    else:
        choice.choose(run.id)
