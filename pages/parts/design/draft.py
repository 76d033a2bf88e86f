"""The network that this session designs: one state, which the list, the text and the address show.

Until somebody changes it, it is the network that is chosen in the sidebar. It may be impossible for a while.
"""

from __future__ import annotations

import streamlit as st

from pages.parts import choice, keys, navigation
from s5core import notation
from s5core.errors import UserError
from s5core.layers import MAX_LAYERS, Network
from s5core.runs import catalogue
from s5core.runs.catalogue import NamedNetwork

PARAMETER, PAGE = "layers", "design"  # `design?layers=C8+BN+…`
MOST_PAST = 100  # changes that can be undone


def layers() -> Network:
    """The network as it is now."""
    state, chosen = st.session_state, choice.network().layers
    now: Network | None = state.get(keys.DESIGN_LAYERS)
    if now is None or now == state.get(keys.DESIGN_ORIGIN):
        if now != chosen:
            _close()
        now = chosen
    state[keys.DESIGN_LAYERS], state[keys.DESIGN_ORIGIN] = now, chosen
    return now


def origin() -> NamedNetwork:
    """The network to compare it with: the chosen one, or where that is a run with the same layers, the step
    that the run began from."""
    chosen = choice.network()
    return catalogue.of_step(chosen.step) if chosen.layers == layers() else chosen


def is_changed() -> bool:
    """Whether it is another network than the one that is chosen in the sidebar."""
    return layers() != choice.network().layers


def change(new: Network, selected: int | None = None) -> None:
    """Make it another network, and show the fields of the layer `selected`. Call it in a callback."""
    st.session_state[keys.DESIGN_PAST] = [*past(), layers()][-MOST_PAST:]
    _show(new, selected)


def undo() -> None:
    """Take the last change back. Call it in a callback."""
    if not past():  # a second click came before the button was disabled
        return
    *earlier, last = past()
    st.session_state[keys.DESIGN_PAST] = earlier
    _show(last, None)


def past() -> list[Network]:
    """What it was before each change, the last one last."""
    found: list[Network] = st.session_state.get(keys.DESIGN_PAST, [])
    return found


def _show(new: Network, selected: int | None) -> None:
    st.session_state[keys.DESIGN_LAYERS] = new
    st.session_state[keys.DESIGN_SELECTED] = selected
    st.session_state.pop(keys.DESIGN_TYPED, None)
    if selected is None:
        _close()


def _close() -> None:
    st.session_state[keys.DESIGN_CLOSED] = closed() + 1


def closed() -> int:
    """How often a change came from elsewhere than the fields of a layer. A browser that has not heard of the
    last one may still send what those fields showed."""
    count: int = st.session_state.get(keys.DESIGN_CLOSED, 0)
    return count


def selected() -> int | None:
    """Index of the layer whose fields are shown; None where there is none."""
    index: int | None = st.session_state.get(keys.DESIGN_SELECTED)
    return index if index is not None and index < len(layers()) else None


def select(index: int | None) -> None:
    """Show the fields of a layer. Call it in a callback."""
    st.session_state[keys.DESIGN_SELECTED] = index


def has_room() -> bool:
    """Whether it may have one layer more."""
    return len(layers()) < MAX_LAYERS


# The text


def take_text(text: str) -> None:
    """Make it the network of a text; where the text is none, keep it to be put right."""
    try:
        new = notation.parse(text)
    except UserError as error:
        st.session_state[keys.DESIGN_TYPED] = text, str(error)
    else:
        if new == layers():
            st.session_state.pop(keys.DESIGN_TYPED, None)
        else:
            change(new)


def is_meant(text: str) -> bool:
    """Whether a text says what the network is now, however it is spelled."""
    try:
        return notation.parse(text) == layers()
    except UserError:
        return False


def text() -> tuple[str, str]:
    """The line of text, and what is wrong with it; the latter is nearly always empty."""
    found: tuple[str, str] = st.session_state.get(keys.DESIGN_TYPED) or (notation.write(layers()), "")
    return found


# The address


def address() -> dict[str, str]:
    """What the address has to say of it."""
    return {PARAMETER: notation.write(layers())} if navigation.is_shown(PAGE) and is_changed() else {}


def read_address() -> None:
    """Take the network from the address: that of the chosen network, where the address names none."""
    if not navigation.is_shown(PAGE):
        return
    named = st.query_params.get(PARAMETER)
    if named is not None:
        try:
            new: Network | None = notation.parse(named)
        except UserError as error:
            st.session_state[keys.DESIGN_TYPED] = named, str(error)
            return
    else:
        new = None
    now = st.session_state.get(keys.DESIGN_LAYERS)
    if now is not None and now not in (new, st.session_state.get(keys.DESIGN_ORIGIN)):
        st.session_state[keys.DESIGN_PAST] = [*past(), now][-MOST_PAST:]  # Back can be undone
    st.session_state[keys.DESIGN_LAYERS] = new
    st.session_state.pop(keys.DESIGN_TYPED, None)
    _close()
