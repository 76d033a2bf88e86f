"""By what a class opens a lesson: a link, a QR code, a file."""

from __future__ import annotations

import io
from urllib.parse import urlsplit

import segno
import streamlit as st

from pages.parts import messages
from pages.parts.lessons.current import PAGE, PARAMETER
from s5core import lesson
from s5core.lesson import Lesson, LessonError

MOST_FOR_QR = 1800  # characters of a link; with more, a camera at the back of a room cannot read the code


def show(chosen: Lesson) -> None:
    """All three; of a lesson that is too long for a link the file alone."""
    try:
        link = _link(lesson.to_text(chosen))
    except LessonError as error:
        messages.complain(error)
        _offer_file(chosen)
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.code(link, language=None, wrap_lines=True)
        _offer_file(chosen)
        if len(link) > MOST_FOR_QR:
            st.caption("The link is too long for a code that a camera can read from afar.")
            return
    with right:
        picture = io.BytesIO()
        segno.make(link, error="l", micro=False).save(picture, kind="png", scale=8, border=4)
        st.image(picture.getvalue(), width=420, alt="QR code of the link to this lesson")


def _link(text: str) -> str:
    here = urlsplit(st.context.url or "http://localhost:8501/")
    path = here.path.rsplit("/", 1)[0]  # the app may have a base path
    return f"{here.scheme}://{here.netloc}{path}/{PAGE}?{PARAMETER}={text}"


def _offer_file(chosen: Lesson) -> None:
    st.download_button("Download as a file", lesson.to_bytes(chosen), "lesson.json", on_click="ignore")
