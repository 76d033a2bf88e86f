"""Lessons: a question at a time, which a learner's own runs answer."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, messages, navigation
from pages.parts.lessons import author, current, share, work
from s5core import lesson
from s5core.errors import UserError
from s5core.lesson import Lesson
from s5core.words import escape


def open_file() -> None:
    """Open the lesson in the file that was uploaded."""
    upload = st.session_state[keys.LESSON_FILE]
    if upload is not None:
        messages.attempt("start", lambda: current.choose_lesson(lesson.from_bytes(upload.getvalue())))


def show_list() -> None:
    """The lessons to choose from, and ways to others."""
    st.title("Lessons")
    messages.show("start")
    st.markdown("Each lesson asks one question. You train two or three small networks, and they answer it.")
    for name, each in lesson.shipped().items():
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{escape(each.title)}**  \n{escape(each.question)}", width="stretch")
            st.button(
                f"Open, {each.minutes} min", key=keys.lesson_open(name), on_click=current.choose, args=(name,)
            )
    with st.expander("Open a lesson from a file"):
        st.file_uploader("A file of a lesson", type=["json"], key=keys.LESSON_FILE, on_change=open_file)
    with st.expander("Write a lesson of your own", key=keys.LESSON_AUTHOR, on_change="rerun") as form:
        if form.open:
            author.show()


def show_lesson(found: Lesson) -> None:
    """One lesson: what to do, the networks to train, and what they reached."""
    st.title(escape(found.title))
    messages.show("start")
    st.markdown(f"**{escape(found.question)}**")
    st.markdown("\n".join(f"{i}. {escape(task)}" for i, task in enumerate(found.tasks, 1)))
    work.show(found)
    with st.expander("Share this lesson", key=keys.LESSON_SHARE, on_change="rerun") as shared:
        if shared.open:
            share.show(found)
    st.button("All lessons", on_click=current.choose, args=("",))


navigation.require_router()
try:
    chosen = current.find()
except UserError as error:
    messages.complain(error)
    chosen = None
if chosen is None:
    show_list()
else:
    show_lesson(chosen)
