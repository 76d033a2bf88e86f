"""The way of a digit through a network: at every convolution and pooling layer the map that contributes
most to the answer, and what its framed cell sees of the digit."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from torch import Tensor

from s5core.inside import activations
from s5core.inside.activations import Block
from s5core.summary import Row
from s5core.views import gallery, picture
from s5core.views.gallery import Exhibit
from s5core.words import number

TILE = 112  # width of a small picture on the page, in CSS pixels
SHARP = 2 * TILE  # width in pixels of what is sent for it: tablets have two pixels for one of CSS
FRAME = 8  # width of a frame on such a picture, in its pixels
NARROW, BROAD = 80, 144  # least and greatest width of an exhibit in a row, in CSS pixels


def show(blocks: Sequence[Block], answer: int, digit: Tensor) -> None:
    """The blocks of `digit`, (1, 1, 28, 28) uint8, which the network reads as `answer`."""
    st.header(
        "The digit goes through the network",
        help="The network's score for a class is called its logit. The contribution of a cell to it is the "
        "cell's activation (its value) times the gradient of the logit with respect to it. That of a map is "
        "the sum over its cells: about what the logit would lose if the whole map were zero.",
    )
    st.markdown(
        "A layer turns feature maps into new ones. Below are the convolution and pooling layers, each with "
        f"the map that contributes most to the logit of the answer **{answer}**. The cell of the map that "
        "contributes most has a frame. The second picture shows its receptive field: the part of the digit "
        "that this cell sees. It grows from layer to layer."
    )
    show_exhibits([_exhibit(block, digit) for block in blocks])
    st.caption(
        "An arrow names the activation function that follows a convolution: the map is taken after it. "
        "Before it, another map may contribute most. The brighter a cell, the higher its activation. Maps "
        "of a single cell are drawn as bars, and the map that is named is orange. Receptive fields are in "
        "pixels of the picture, which is 28 wide: a larger one includes padding."
    )


def show_exhibits(exhibits: Sequence[Exhibit]) -> None:
    """One exhibit for each layer, in rows that fit the screen."""
    st.html(gallery.even_rows(exhibits, NARROW, BROAD))


def _exhibit(block: Block, digit: Tensor) -> Exhibit:
    row, (total, height, width) = block.row, block.row.output_shape
    single = height == width == 1
    if single:  # one cell would be one colour: instead, all maps are compared
        shown = picture.bars(block.maps[:, 0, 0], block.map, SHARP)
    else:
        scale = activations.value_range(block.feature_map)
        coloured = picture.paint(block.feature_map, picture.ACTIVATIONS, *scale)
        shown = picture.mark_cell(coloured, *block.cell, SHARP, FRAME)
    lines = (
        *([f"→ {block.output}"] if block.output != row.name else []),
        f"map {block.map + 1} of {total:,}",
        f"value {number(block.feature_map.item())}" if single else f"{height}×{width} cells",
        f"sees {field_size(row, block.cell)}",
    )
    words = "the values of its maps" if single else "the cell that contributes most is framed"
    pictures = (
        (shown, f"{block.name}, {words}"),
        (seen_by(row, block.cell, digit), f"{block.name}, what this cell sees"),
    )
    return Exhibit(pictures, row.name, lines)


def seen_by(row: Row, cell: tuple[int, int], digit: Tensor) -> picture.Picture:
    """The digit with the receptive field of a cell framed, as a small picture."""
    return picture.box_on_digit(digit, row.box(*cell), 0, SHARP // 28, FRAME)


def field_size(row: Row, cell: tuple[int, int], times: str = "×") -> str:
    """Width and height of a cell's receptive field in pixels: "14×14"."""
    left, top, right, bottom = row.box(*cell)
    return f"{right - left:g}{times}{bottom - top:g}"
