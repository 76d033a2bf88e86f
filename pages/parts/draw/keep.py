"""Below a drawing on the page Draw: keep it in the class set."""

from __future__ import annotations

import uuid

import streamlit as st

from pages.parts import keys, messages
from s5core.drawing import class_set, sketch
from s5core.drawing.sketch import Sketch, Stroke
from s5core.errors import UserError
from s5core.layers import CLASSES
from s5core.runs.people import NICKNAME, clean_nickname
from s5core.words import count, digit

NOT_PHOTOGRAPHS = (
    "A photograph is not kept anywhere: only what you draw on the canvas can go into the class set."
)

BUTTONS = f".st-key-{keys.DRAW_KEEPER} [data-testid='stButtonGroup']"
ON_A_PHONE = f"""<style>@media (max-width: 480px) {{
  {BUTTONS} [role='radiogroup'] {{ gap: 3px }}
  {BUTTONS} button {{ min-width: 0; padding: 0 0.6rem }}
}}</style>"""  # all ten digits in one line


def show(drawn: Sketch | None) -> None:
    """The form that keeps a drawing; None for a photograph. It comes after the answers, and a click
    in it reruns nothing else, so that no answer waits for it."""
    if drawn is None:
        st.caption(NOT_PHOTOGRAPHS)
    elif strokes := sketch.strokes_of(drawn.drawing):
        _show_form(strokes)


@st.fragment
def _show_form(strokes: list[Stroke]) -> None:
    id = class_set.id_of(strokes, _author())
    with st.container(border=True, key=keys.DRAW_KEEPER):
        st.html(ON_A_PHONE)
        label = st.pills(
            "I meant",
            range(CLASSES),
            key=keys.draw_label(id),  # of this drawing alone: the next may be another digit
            help="The digit that you wanted to draw, whatever the networks read.",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            nickname = st.text_input(
                "Nickname (optional)",
                max_chars=NICKNAME,
                key=keys.DRAW_NICKNAME,
                persist_state="session",
                width=200,
                help="Everybody who opens this app can read it, so do not use your full name.",
            )
            kept = class_set.find(id)
            same = kept and (kept.label, kept.nickname) == (label, clean_nickname(nickname))
            st.button(
                "Change it" if kept and not same else "Keep it",
                key=keys.draw_keep(id),
                on_click=_keep,
                args=(strokes, id),
                disabled=label is None or bool(same),
                help="Puts this drawing into the class set.",
            )
        if not messages.show("keep"):
            if kept:
                in_set = count(len(class_set.load().digits), "digit")
                st.success(f"Kept as {digit(kept.label)}: {in_set} in the class set.")
            elif label is None:
                st.caption("Keep your drawing for the class: choose the digit that you meant.")
        st.page_link("pages/digits.py", label="Our digits: how well the networks read the class")


def _keep(strokes: list[Stroke], id: str) -> None:
    """Put the drawing into the set, with the label and the nickname that are chosen now."""
    label = st.session_state.get(keys.draw_label(id))
    if label is None:
        return  # it was unselected at the same moment
    try:
        class_set.keep(strokes, label, st.session_state[keys.DRAW_NICKNAME], _author())
    except UserError as error:
        messages.leave("keep", str(error))
    except OSError as error:
        messages.leave("keep", f"The digit could not be kept: {error.strerror}.")


def _author() -> str:
    """A random word for this session, so that the same strokes from it are one drawing."""
    author: str = st.session_state.setdefault(keys.DRAW_AUTHOR, uuid.uuid4().hex)
    return author
