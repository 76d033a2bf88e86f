"""Delete digits of the class set, and undo it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import keys, messages, widget
from pages.parts.digits import tiles
from s5core.drawing import class_set
from s5core.drawing.class_set import ClassSet
from s5core.words import count

FEW = 60  # digits to choose from until more are asked for
TILE = "button img { width: 56px; height: 56px; max-height: none; margin: 6px 0 }"


def show(digits: ClassSet) -> None:
    """The choice of digits to delete, and the buttons."""
    st.header("Delete digits")
    by_id = {each.id: i for i, each in reversed(list(enumerate(digits.digits)))}
    with st.expander("Choose digits", key=keys.DIGITS_CHOICE, expanded=len(by_id) <= FEW // 5):
        everything = len(by_id) > FEW and st.toggle(f"Show all {len(by_id):,}", key=keys.DIGITS_CHOICE_ALL)
        options = list(by_id) if everything else list(by_id)[:FEW]
        kept = [id for id in widget.shown(keys.DIGITS_CHOSEN, []) if id in options]
        key, kept = widget.put(keys.DIGITS_CHOSEN, kept)  # somebody else may have deleted some of them
        chosen = st.pills(
            "Click the digits to delete",
            options,
            selection_mode="multi",
            default=kept,
            format_func=lambda id: tiles.choice_label(digits, by_id[id]),
            key=key,
            help="With the keyboard: Tab goes to the digits, the arrow keys to the next one, the space bar "
            "chooses it.",
        )
        st.html(f"<style>.st-key-{keys.DIGITS_CHOICE} {TILE}</style>")
    with st.container(horizontal=True):
        st.button(
            f"Delete {count(len(chosen), 'digit')}",
            key=keys.DIGITS_DELETE,
            disabled=not chosen,
            on_click=_attempt,
            args=(lambda: class_set.delete(chosen),),
        )
        with st.popover("Delete all …"):
            damaged = f" and {count(len(digits.damaged), 'damaged file')}" if digits.damaged else ""
            st.write(f"This deletes {count(len(by_id), 'digit')}{damaged}.")
            st.button(
                "Delete all", key=keys.DIGITS_DELETE_ALL, on_click=_attempt, args=(class_set.delete_all,)
            )
    st.caption(
        "The last deletion can be undone. The oldest digit is #1. When a digit is deleted, those after it "
        "move up."
    )


def show_undo() -> None:
    """What was deleted last, with a button that brings it back."""
    messages.show("delete")
    deleted = class_set.deleted()
    if not deleted:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{count(deleted, 'digit')} deleted.", width="content")
        st.button("Undo", key=keys.DIGITS_UNDO, on_click=_attempt, args=(class_set.bring_back,))
        st.button(
            "Remove from the disk",
            key=keys.DIGITS_FORGET,
            on_click=_attempt,
            args=(class_set.forget_deleted,),
            help="Until then, or until the next deletion, the deleted digits can be brought back.",
        )


def _attempt(change: Callable[[], object]) -> None:
    """Change the set; if the disk does not let us, leave a message."""
    try:
        change()
    except OSError as error:
        messages.leave("delete", f"The digits could not be changed: {error.strerror}.")
