"""Below a drawing on the page Draw: keep it in the class set."""

from __future__ import annotations

import uuid

import streamlit as st

from s5core.drawing import class_set, sketch
from s5core.drawing.class_set import NICKNAME
from s5core.drawing.sketch import Sketch, Stroke
from s5core.errors import UserError
from s5core.layers import CLASSES

NOT_PHOTOGRAPHS = (
    "A photograph is not kept anywhere: only what is drawn on the canvas can go into the class set."
)


def show(drawn: Sketch | None) -> None:
    """The form that keeps a drawing; None stands for a photograph. It comes behind the answers,
    and a click in it reruns nothing else, so that no answer waits for it."""
    if drawn is None:
        st.caption(NOT_PHOTOGRAPHS)
    elif strokes := sketch.strokes_of(drawn.drawing):
        _form(strokes)


@st.fragment
def _form(strokes: list[Stroke]) -> None:
    id = class_set.id_of(strokes, _author())
    label_key = f"meant {id}"  # of this drawing alone: another one may be another digit
    with st.container(border=True):
        label = st.pills(
            "I meant",
            range(CLASSES),
            key=label_key,
            help="The digit that you wanted to draw, whatever the networks say.",
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            nickname = st.text_input(
                "Nickname (optional)",
                max_chars=NICKNAME,
                key="nickname",
                persist_state="session",
                width=200,
                help="Everybody who opens this app can read it: better not your full name.",
            )
            kept = class_set.find(id)
            same = kept and (kept.label, kept.nickname) == (label, class_set.clean(nickname))
            st.button(
                "Change it" if kept and not same else "Keep it",
                key=f"keep {id}",
                on_click=_keep,
                args=(strokes, label_key),
                disabled=label is None or bool(same),
                help="Put this drawing into the class set.",
            )
        if trouble := st.session_state.pop("keep_trouble", None):
            st.error(trouble)
        elif kept:
            count = len(class_set.load().digits)
            st.success(f"Kept as a {kept.label}: {counted(count)} in the class set.")
        elif label is None:
            st.caption("Keep your drawing for the class: say which digit you meant.")
        st.page_link("pages/digits.py", label="Our digits: how well the class is read")


def _keep(strokes: list[Stroke], label_key: str) -> None:
    """Put the drawing into the set under the label and the nickname that are chosen now."""
    label = st.session_state.get(label_key)
    if label is None:
        return  # it was taken back in the same moment
    try:
        class_set.keep(strokes, label, st.session_state.nickname, _author())
    except UserError as error:
        st.session_state.keep_trouble = str(error)
    except OSError as error:
        st.session_state.keep_trouble = f"The digit could not be kept: {error.strerror}."


def _author() -> str:
    """A random word for this browser's session. The same strokes from it are one drawing."""
    author: str = st.session_state.setdefault("author", uuid.uuid4().hex)
    return author


def counted(count: int) -> str:
    """So many digits, in words."""
    return "1 digit" if count == 1 else f"{count:,} digits"
