"""The sidebar of every page: which step, and which trained network of it.

The choice is in the session and in the address (`?step=…&run=…`), so that a link or a reload
opens the same network. The address is written by hand: Streamlit's own binding would write
the words of the list instead of ids, and would drop them on a page switch.
"""

from __future__ import annotations

import streamlit as st

from pages.parts import choice, keys, messages, navigation, presentation, widget
from pages.parts.design import draft
from pages.parts.lessons import current as lessons
from pages.parts.train import shown
from s5core import steps
from s5core.errors import UserError
from s5core.export import link
from s5core.runs import catalogue
from s5core.runs.catalogue import NamedNetwork

FIRST = "step5"  # the network of a session whose address names none
FRAGMENT = keys.SIDEBAR  # the sidebar as a fragment, for a page that draws it again
OPEN = "open"  # in the address after a click on a link to a network, until the sidebar has chosen it


def show() -> None:
    """Draw the sidebar. Afterwards a network that exists is chosen, and the address names it."""
    if keys.NETWORK not in st.session_state or navigation.is_back_or_forward():
        _read_address()
    _follow_link()
    _take_link()
    _leave_lost_run()
    with st.sidebar:
        st.fragment(_show_choice, key=FRAGMENT)()


def _show_choice() -> None:
    """The lists, and the address. A part of its own, because a page that starts a run chooses it."""
    chosen = choice.network()
    listed_runs = catalogue.runs(chosen.step)
    networks = {each.id: each for each in (catalogue.of_step(chosen.step), *listed_runs)}
    networks[chosen.id] = chosen  # the list is short, and may be without it
    step_key, step = widget.put(keys.STEP, chosen.step.name)
    network_key, network = widget.put(keys.NETWORK_LIST, chosen.id)
    st.selectbox(
        "Step",
        list(steps.STEPS),
        index=list(steps.STEPS).index(step),
        format_func=lambda name: steps.STEPS[name].label,
        key=step_key,
        on_change=_take_step,
        help="All pages show the network of this step.",
    )
    st.selectbox(
        "Trained network",
        list(networks),
        index=list(networks).index(network),
        format_func=lambda id: networks[id].title if id in networks else id,
        key=network_key,
        on_change=_take_network,
        help="The network that the app brings along for this step, or one of its runs.",
    )
    messages.show("sidebar")
    write_address()


def _read_address() -> None:
    """Choose what the address names: of the link that opened this session, or of an earlier page."""
    presentation.read_address()
    draft.read_address()
    lessons.read_address()
    shown.read_address()
    id = FIRST
    try:
        if name := st.query_params.get("step"):
            id = steps.find(name).name
        if run := st.query_params.get("run"):
            id = catalogue.find(run).id
    except UserError as error:
        messages.leave("sidebar", str(error))
    choice.choose(id)


def link_to(network: NamedNetwork) -> dict[str, str]:
    """The query parameters of a link to a page on which this network is to be chosen."""
    return {OPEN: network.id}


def _follow_link() -> None:
    """Choose the network of the link that was clicked. `run` in the address would not do: a click on a
    page that was drawn before the last choice would undo that choice."""
    try:
        if id := st.query_params.get(OPEN):
            choice.choose(catalogue.find(id).id)
    except UserError as error:
        messages.leave("sidebar", str(error))


def _take_link() -> None:
    """Choose the step of a link that holds a network to train, and leave what it holds for the page Train,
    to which it leads."""
    try:
        if text := st.query_params.get(link.PARAMETER):
            taken = link.read(text)
            choice.take(taken)
    except UserError as error:
        messages.leave("sidebar", str(error))


def _leave_lost_run() -> None:
    """Go back to the step of a run that can no longer be opened, and say why."""
    try:
        catalogue.find(st.session_state[keys.NETWORK])
    except UserError as error:
        messages.leave("sidebar", str(error))
        step = widget.shown(keys.STEP)
        choice.choose(step if step in steps.STEPS else FIRST)


def write_address() -> None:
    """Let the address name what is chosen. A page that changes a part of it calls this, too."""
    chosen = choice.network()
    wanted = {"step": chosen.step.name} | ({"run": chosen.id} if chosen.is_run else {})
    wanted |= presentation.address() | draft.address() | lessons.address() | shown.address()
    # An empty address names FIRST. Writing it out would cost one more press of the browser's Back.
    named = st.query_params.to_dict() or {"step": FIRST}
    # A click that was sent before the browser had heard of the last address still names the one before it.
    written = wanted if navigation.is_back_or_forward() else st.session_state.get(keys.ADDRESS, wanted)
    if named != wanted or written != wanted:
        st.query_params.from_dict(wanted)
    st.session_state[keys.ADDRESS] = wanted


def _take_step() -> None:
    step = widget.shown(keys.STEP)
    if step in steps.STEPS and step != choice.step().name:  # a browser can send anything
        choice.choose(step)
    st.rerun()


def _take_network() -> None:
    choice.choose(str(widget.shown(keys.NETWORK_LIST)))
    st.rerun()
