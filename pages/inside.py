"""Look inside: a digit on its way through a network, what one cell sees of it, and the layer table."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import choice, keys, navigation
from pages.parts.inside import cell, digit, maps, table, way
from s5core.errors import UserError
from s5core.inside import activations
from s5core.layers import INPUT_SHAPE, Network
from s5core.summary import Row, layer_table
from s5core.views import picture
from s5core.words import NO_BREAK

INSIDE, LAYERS = "A digit on its way", "The layer table"
SEEN = 196  # CSS pixels of the digit, so small that its way begins on the first screen


def chosen_layers() -> tuple[Network, bool]:
    """The layers of the chosen network, and whether only they can be shown, since it has no weights."""
    try:
        trained = choice.trained()
    except UserError:  # the other tab says what is wrong with the file
        return choice.network().layers, False
    if trained is None:
        return choice.network().layers, True
    return trained.checkpoint.layers, False


def choose_layer(rows: Sequence[Row], first: Row) -> Row:
    """The layer to show; `first` until another is chosen."""
    names = {row.name: row for row in rows}
    name = st.selectbox(
        "Layer",
        list(names),
        index=list(names).index(first.name),
        key=keys.inside_layer(list(names)),  # another network has other layers
        persist_state="session",
        help="The layers in the order in which the digit passes through them.",
    )
    return names[name]


def show_inside(rows: Sequence[Row]) -> None:
    """A digit on its way through the trained network, layer by layer."""
    trained = choice.trained_or_stop()
    controls, image, answer = st.columns([4, 3, 5], gap="medium")
    with controls:
        field, true_class = digit.choose()
    inside = activations.look_inside(trained.model, field)
    image.image(
        picture.data_url(picture.enlarge(picture.paint(field[0, 0], picture.INK, 0, 255), 560)),
        caption=f"What the network receives: 28{NO_BREAK}×{NO_BREAK}28 grey values",
        width=SEEN,
    )
    with answer:
        digit.show_answer(inside, true_class)

    contributions = activations.contributions(trained.model, field, inside.answer)
    blocks = activations.blocks(trained.checkpoint.layers, inside, contributions)
    way.show(blocks, inside.answer, field)

    st.header("Inside a layer", help="Choose a layer to see what it makes of this digit.")
    row = choose_layer(rows, blocks[0].row)
    index = row.index
    maps_in = inside.maps[index - 1].shape[0] if index else INPUT_SHAPE[0]
    st.markdown(row.layer.explain(maps_in))
    st.subheader(
        "What one cell sees",
        help="The receptive field of a cell is the part of the digit that can change the cell's value.",
    )
    cell.show(row, inside.maps[index], contributions[index], field, [block.row for block in blocks])
    kernels = activations.kernels(trained.model, index)
    maps.show(row, inside.maps[index], contributions[index], kernels, inside.answer, last=row is rows[-1])


navigation.require_router()

st.title("Look inside")
network, untrained = chosen_layers()
rows = layer_table(network)
inside, layers = st.tabs([INSIDE, LAYERS], default=LAYERS if untrained else INSIDE)
with layers:  # first, because the other tab may end the page
    table.show(rows, choice.step().name)
with inside:
    show_inside(rows)
