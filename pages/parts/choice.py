"""What this session has chosen: a network in the sidebar, and a digit on the page Draw."""

from __future__ import annotations

import streamlit as st
from torch import Tensor

from pages.parts import keys, messages, server
from pages.parts.server import Trained
from s5core.errors import UserError
from s5core.export.link import Linked
from s5core.runs import catalogue
from s5core.runs.catalogue import NamedNetwork
from s5core.steps import Step


def network() -> NamedNetwork:
    """The chosen network. If its run has gone meanwhile, the whole page is drawn again: the sidebar then
    says what is gone, and chooses the step."""
    try:
        return catalogue.find(st.session_state[keys.NETWORK])
    except UserError:
        st.rerun()


def step() -> Step:
    """The step of the chosen network."""
    return network().step


def choose(id: str) -> None:
    """Choose another network by its id. Call it in a callback, before the sidebar is drawn."""
    st.session_state[keys.NETWORK] = id


def take(linked: Linked) -> None:
    """Choose the step of a link that was opened, and keep what it holds for the page Train. Call it in a
    callback, before the sidebar is drawn."""
    choose(linked.step)
    st.session_state[keys.TAKEN] = linked


def taken() -> Linked | None:
    """What the last link held; None where that was taken already."""
    found: Linked | None = st.session_state.pop(keys.TAKEN, None)
    return found


def trained() -> Trained | None:
    """The chosen network with its weights; None while it has none. Raises UserError when they
    cannot be read."""
    return server.trained(network())


def trained_or_stop() -> Trained:
    """The chosen network with its weights; where there are none, say so below the page's title, link to
    the page Train, and end the page."""
    try:
        found = trained()
    except UserError as error:
        messages.complain(error)
        st.stop()
    if found is None:
        st.info(
            f"{network().marked_short} is not trained yet, so there is nothing to see here. Train it, or "
            "choose another step or run in the sidebar."
        )
        st.page_link("pages/train.py", label="Go to Train")
        st.stop()
    return found


def readers() -> dict[NamedNetwork, Trained]:
    """All networks that a digit is shown to: the chosen one first, then the steps as shipped. Those
    without weights are left out. Raises UserError when the weights of one cannot be read."""
    chosen = network()
    others = [step for step in catalogue.steps() if step.id != chosen.id]
    return {each: found for each in (chosen, *others) if (found := server.trained(each)) is not None}


def drawing() -> Tensor | None:
    """The digit that was drawn last on the page Draw, as the networks see it:
    (1, 1, 28, 28) uint8. None before the first stroke."""
    field: Tensor | None = st.session_state.get(keys.DRAWING)
    return field


def keep_drawing(field: Tensor | None) -> None:
    """Keep for other pages what the page Draw made of the canvas."""
    st.session_state[keys.DRAWING] = field
