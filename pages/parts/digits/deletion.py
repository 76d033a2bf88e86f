"""Delete digits of the class set, each time with a second click."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from pages.parts import keys, messages
from pages.parts.digits import tiles
from s5core.drawing import class_set
from s5core.drawing.class_set import ClassSet
from s5core.words import count

FOREVER = "will be deleted. This cannot be undone."


def show(digits: ClassSet) -> None:
    """The choice of digits to delete, and the buttons."""
    st.header("Delete digits")
    by_id = {each.id: i for i, each in enumerate(digits.digits)}
    kept = [id for id in st.session_state.get(keys.DIGITS_CHOSEN, []) if id in by_id]
    st.session_state[keys.DIGITS_CHOSEN] = kept  # somebody else may have deleted some of them
    chosen = st.multiselect(
        "Digits to delete",
        list(reversed(by_id)),
        format_func=lambda id: tiles.name(digits, by_id[id]),
        key=keys.DIGITS_CHOSEN,
        placeholder="Choose digits by their numbers",
        help="You find the numbers below the digits above.",
    )
    st.caption("The oldest digit is #1. When a digit is deleted, those after it move up.")
    if chosen:
        tiles.show(digits, [by_id[id] for id in chosen], None)
    with st.container(horizontal=True):
        with st.popover("Delete the chosen …", disabled=not chosen):
            st.write(f"{count(len(chosen), 'digit')} {FOREVER}")
            st.button("Yes, delete", key=keys.DIGITS_DELETE, on_click=_delete, args=(chosen,))
        with st.popover("Delete all …"):
            st.write(f"{count(len(by_id), 'digit')} {FOREVER} Download them first to keep a copy.")
            st.button("Yes, delete all", key=keys.DIGITS_DELETE_ALL, on_click=_delete, args=(None,))


def _delete(ids: Iterable[str] | None) -> None:
    """Delete these digits; None for all of them."""
    try:
        if ids is None:
            class_set.delete_all()
        else:
            class_set.delete(ids)
    except OSError as error:
        messages.leave("delete", f"The digits could not be deleted: {error.strerror}.")
