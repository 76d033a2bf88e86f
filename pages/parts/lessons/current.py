"""The lesson that this session has open, which the address names."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, navigation
from s5core import lesson
from s5core.lesson import Lesson, LessonError

PARAMETER, PAGE = "lesson", "lessons"  # `lessons?lesson=3-the-pool`, or all of a lesson


def _open() -> str | Lesson:
    """What the link to the open lesson carries, or the lesson itself where it is too long for a link; empty
    while there is none."""
    found: str | Lesson = st.session_state.get(keys.LESSON, "")
    return found


def find() -> Lesson | None:
    """The open lesson; None while there is none. Raises LessonError for a link that cannot be read."""
    found = _open()
    if isinstance(found, str):
        return lesson.from_text(found) if found else None
    return found


def choose(text: str) -> None:
    """Open the lesson of a link; an empty text closes it. Call it in a callback."""
    st.session_state[keys.LESSON] = text


def choose_lesson(chosen: Lesson) -> None:
    """Open a lesson. Call it in a callback."""
    try:
        choose(lesson.to_text(chosen))
    except LessonError:  # too long for a link: the address does not name it
        st.session_state[keys.LESSON] = chosen


def address() -> dict[str, str]:
    """What the address has to say of it."""
    found = _open()
    return {PARAMETER: found} if navigation.is_shown(PAGE) and isinstance(found, str) and found else {}


def read_address() -> None:
    """Open the lesson that the address names."""
    if navigation.is_shown(PAGE):
        choose(st.query_params.get(PARAMETER, ""))
