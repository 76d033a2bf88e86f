"""The class set as a ZIP file: download it, and read it in again."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys
from pages.parts.digits.accuracy import Answers
from s5core.drawing import class_set
from s5core.drawing.class_set import ClassSet, Imported
from s5core.errors import UserError
from s5core.words import count, escape, message

NAMED = 5  # entries without a digit that are named


def show(digits: ClassSet, answers: Answers) -> None:
    """The download, where there are digits, and the upload."""
    st.header("Take them with you")
    left, right = st.columns(2, gap="large")
    with left:
        if digits.digits:
            st.download_button(
                f"Download {count(len(digits.digits), 'digit')}",
                lambda: class_set.archive(digits, {network.label: each for network, each in answers.items()}),
                "class_digits.zip",
                "application/zip",
                on_click="ignore",
            )
            st.caption(
                "A ZIP file with each digit as the networks see it (28 × 28), as a drawing (280 × 280) and "
                "as strokes, and a table of what each network reads in it."
            )
        else:
            st.caption("There is nothing to download yet.")
    with right:
        st.file_uploader(
            "Read digits in",
            type=["zip"],
            key=keys.DIGITS_UPLOAD,
            on_change=_read_in,
            help="A ZIP file that was downloaded from this page, here or on another computer. Digits that "
            "are here already stay as they are.",
        )
        if found := st.session_state.get(keys.DIGITS_IMPORTED):
            (st.success if isinstance(found, Imported) and not found.bad else st.warning)(_in_words(found))


def _read_in() -> None:
    """Put the digits of the uploaded file into the set, and remember what became of them."""
    upload = st.session_state[keys.DIGITS_UPLOAD]
    result: Imported | str | None = None
    if upload is not None:
        try:
            result = class_set.read_archive(upload.getvalue())
        except UserError as error:
            result = str(error)
        except OSError as error:
            result = f"The digits could not be kept: {error.strerror}."
    st.session_state[keys.DIGITS_IMPORTED] = result


def _in_words(found: Imported | str) -> str:
    """What became of the file, as Markdown."""
    if isinstance(found, str):
        return message(found)
    words = f"{count(found.new, 'digit')} read in."
    if found.known:
        words += f" {count(found.known, 'digit')} {'was' if found.known == 1 else 'were'} here already."
    if found.bad:
        named = "; ".join(found.bad[:NAMED]) + (" and others" if len(found.bad) > NAMED else "")
        words += f" Left out, because there is no digit in them: {escape(named)}."
    return words
