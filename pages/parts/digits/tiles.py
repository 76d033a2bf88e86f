"""Digits of the class set as small pictures with their names."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

from s5core.drawing.class_set import ClassSet
from s5core.evaluate import Evaluation
from s5core.views.gallery import gallery
from s5core.views.picture import data_url


def show(digits: ClassSet, indices: Sequence[int], answer: Evaluation | None) -> None:
    """Some digits with their names and, where there is an answer, what a network reads in them."""
    wrong = [] if answer is None else answer.wrong.tolist()
    captions = [
        f"{name(digits, i)}\n{'✗ misread' if wrong[i] else 'read'} as {answer.answer(i)}"
        if answer
        else name(digits, i)
        for i in indices
    ]
    framed = {place for place, i in enumerate(indices) if answer and wrong[i]}
    st.html(gallery(digits.images[list(indices)], captions, framed=framed))


def name(digits: ClassSet, index: int) -> str:
    """A digit's name in lists: "#12: 7 by Ada"."""
    return f"#{index + 1}: {digits.digits[index].name}"


def choice_label(digits: ClassSet, index: int) -> str:
    """A digit's picture and name as the Markdown of a button."""
    plain = re.sub(r"([^\w\s])", r"\\\1", name(digits, index))  # a nickname is no Markdown
    return f"![]({data_url(digits.digits[index].seen[0, 0].numpy())}) {plain}"
