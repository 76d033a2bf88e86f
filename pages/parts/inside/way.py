"""The way of a digit through a network: at every convolution and pooling layer the map that contributes
most to the answer, and what its framed cell sees of the digit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st
from torch import Tensor

from pages.parts import keys
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

Values = Literal["activations", "contributions"]  # what the colours of the maps show
VALUES: tuple[Values, ...] = ("activations", "contributions")
LEGEND: dict[Values, str] = {
    "activations": "The brighter a cell, the higher its activation. The framed cell need not be the "
    "brightest: a cell contributes much where its activation is high and the logit depends on it.",
    "contributions": "Orange cells raise the logit of the answer, blue cells lower it. The framed cell is "
    "the strongest orange of its map.",
}


def choose_values() -> Values:
    """What the colours of all maps on the page show."""
    chosen: Values = st.segmented_control(
        "Colours show",
        VALUES,
        default=VALUES[0],
        required=True,
        key=keys.INSIDE_VALUES,
        persist_state="session",
        help="The activation of a cell is its value. The network's score for a class is called its logit. "
        "The contribution of a cell to it is the cell's activation times the gradient of the logit with "
        "respect to it. The contribution of a map is the sum over its cells: about what the logit would "
        "lose if the whole map were zero.",
    )
    return chosen


def show(blocks: Sequence[Block], answer: int, digit: Tensor, values: Values) -> None:
    """The blocks of `digit`, (1, 1, 28, 28) uint8, which the network reads as `answer`."""
    st.markdown(
        "Each column is a convolution or pooling layer. Above: the map that contributes most to the answer "
        f"**{answer}**, with a frame around the cell that contributes most. Below: the part of the digit "
        "that this cell sees, its receptive field. It grows from layer to layer."
    )
    show_exhibits([_exhibit(block, digit, values) for block in blocks])
    st.caption(LEGEND[values])


def show_exhibits(exhibits: Sequence[Exhibit]) -> None:
    """One exhibit for each layer, in rows that fit the screen."""
    st.html(gallery.even_rows(exhibits, NARROW, BROAD))


def explain() -> None:
    """The details of the picture, for those who want them."""
    with st.expander("How to read the picture"):
        st.markdown(
            "An arrow names the activation function that follows a convolution. The map is taken after it; "
            "before it, another map may contribute most. Maps of a single cell are drawn as bars, and the "
            "bar of the named map is orange. Each map has its own colour scale. Receptive fields are in "
            "pixels of the digit, which is 28 wide: a larger field includes padding."
        )


def paint(values: Values, field: Tensor, bounds: tuple[float, float]) -> picture.Picture:
    """A map (height, width) in the colours of its values. `bounds`: of the colour scale; that of
    contributions has zero in its middle."""
    if values == "activations":
        return picture.paint(field, picture.ACTIVATIONS, *bounds)
    most = max(map(abs, bounds))
    return picture.paint(field, picture.WEIGHTS, -most, most)


def _exhibit(block: Block, digit: Tensor, values: Values) -> Exhibit:
    row, (total, height, width) = block.row, block.row.output_shape
    single = height == width == 1
    field = (block.maps if values == "activations" else block.contributed)[block.map]
    if single:  # one cell would be one colour: instead, all maps are compared
        shown = picture.bars(block.maps[:, 0, 0], block.map, SHARP)
        words = f"the activations of its {total} maps as bars, {block.map_name} in orange"
    else:
        coloured = paint(values, field, activations.value_range(field))
        shown = picture.mark_cell(coloured, *block.cell, SHARP, FRAME)
        words = f"{values} of {block.map_name}, the cell that contributes most is framed"
    lines = (
        *([f"→ {block.output}"] if block.output != row.name else []),
        block.map_name if block.map_name.startswith("class") else f"{block.map_name} of {total:,}",
        f"value {number(block.feature_map.item())}" if single else f"{height}×{width} cells",
        f"sees {field_size(row, block.cell)}",
    )
    pictures = (
        (shown, f"{block.name}, {words}"),
        (
            seen_by(row, block.cell, digit),
            f"{block.name}, what this cell sees: {field_size(row, block.cell)} pixels",
        ),
    )
    return Exhibit(pictures, row.name, lines)


def seen_by(row: Row, cell: tuple[int, int], digit: Tensor) -> picture.Picture:
    """The digit with the receptive field of a cell framed, as a small picture."""
    return picture.box_on_digit(digit, row.box(*cell), 0, SHARP // 28, FRAME)


def field_size(row: Row, cell: tuple[int, int], times: str = "×") -> str:
    """Width and height of a cell's receptive field in pixels: "14×14"."""
    left, top, right, bottom = row.box(*cell)
    return f"{right - left:g}{times}{bottom - top:g}"
