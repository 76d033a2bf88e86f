"""What a cell of the network sees of a digit, on the page Design."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from torch import Tensor

from pages.parts import choice, messages, server
from pages.parts.design import draft
from pages.parts.design.numbers import seen_before_average
from s5core.data import indices_of_class
from s5core.errors import UserError
from s5core.summary import Row
from s5core.views import picture

SHOWN = 4  # class of the digit, where nobody has drawn one
FACTOR = 12  # pixels of the picture for one of the digit
WIDTH = 224  # CSS pixels


def show(rows: Sequence[Row]) -> None:
    """The digit with the receptive field of a cell in the middle of the chosen layer's maps; where none is
    chosen, of the last maps. `rows`: of the layers that are possible."""
    chosen = draft.selected()
    row = rows[chosen] if chosen is not None and chosen < len(rows) else seen_before_average(rows)
    if row is None:
        return
    try:
        digit = _digit()
    except UserError as error:
        messages.complain(error)
        return
    _, height, width = row.output_shape
    box = row.box(height // 2, width // 2)
    margin = min(picture.padding_in_sight([box]), picture.SIDE // 2)
    words = f"A cell of layer {row.index + 1} sees {row.receptive_field} × {row.receptive_field} pixels."
    st.image(
        picture.data_url(picture.box_on_digit(digit, box, margin, FACTOR)),
        caption=words,
        width=WIDTH,
        alt=f"A digit, and a frame around what a cell sees of it. {words}",
    )


def _digit() -> Tensor:
    """The digit that was drawn last, or a validation digit: (1, 1, 28, 28) uint8."""
    drawn = choice.drawing()
    if drawn is not None:
        return drawn
    digits = server.digits()
    return digits.validation_images[indices_of_class(digits.validation_labels, SHOWN)[0]][None]
