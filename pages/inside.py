"""Look inside: a digit on its way through a network, one layer of it in detail, and the layer table."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import choice, keys, navigation
from pages.parts.inside import cell, digit, maps, table, way
from pages.parts.inside.layer import ShownLayer
from s5core.errors import UserError
from s5core.inside import activations
from s5core.layers import INPUT_SHAPE, Network
from s5core.summary import Row, layer_table
from s5core.views import picture
from s5core.words import NO_BREAK

INSIDE, LAYERS = "A digit on its way", "The layer table"
SEEN = 140  # CSS pixels of the digit, so small that its way is on the first screen


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
    """A digit on its way through the trained network, and one layer in detail."""
    trained = choice.trained_or_stop()
    image, controls, answer = st.columns([3, 7, 6], gap="medium")
    with controls:
        field, true_class = digit.choose()
        values = way.choose_values()
    inside = activations.look_inside(trained.model, field)
    image.image(
        picture.data_url(picture.enlarge(field[0, 0].numpy(), 2 * SEEN)),  # tablets have two pixels for one
        caption=f"What the network receives: 28{NO_BREAK}×{NO_BREAK}28 grey values",
        width=SEEN,
        alt="The digit as the network receives it",
    )
    with answer:
        digit.show_answer(inside, true_class)

    layers = trained.checkpoint.layers
    contributions = activations.contributions(trained.model, field, inside.answer)
    blocks = activations.blocks(layers, inside, contributions)
    way.show(blocks, inside.answer, field, values)
    way.explain()

    st.header("Inside a layer")
    left, right = st.columns([1, 2], gap="medium", vertical_alignment="bottom")
    with left:
        row = choose_layer(rows, blocks[0].row)
    index = row.index
    maps_in = inside.maps[index - 1].shape[0] if index else INPUT_SHAPE[0]
    right.markdown(row.layer.explain(maps_in))
    layer = ShownLayer(
        row,
        activations.map_names(layers, index, len(inside.maps[index])),
        inside.maps[index],
        contributions[index],
        activations.kernels(trained.model, index),
    )
    kinds = [maps.CELL, maps.MAPS] + ([maps.KERNELS] if layer.kernels is not None else [])
    one, several, *kernels = st.tabs(kinds)
    with one:
        cell.show(layer, field, [block.row for block in blocks], values)
    with several:
        maps.show(layer, inside.answer, values, logits=row is rows[-1])
    for tab in kernels:
        with tab:
            maps.show_kernels(layer)


navigation.require_router()

st.title("Look inside")
network, untrained = chosen_layers()
rows = layer_table(network)
inside, layers = st.tabs([INSIDE, LAYERS], default=LAYERS if untrained else INSIDE)
with layers:  # first, because the other tab may end the page
    table.show(rows, choice.step().name)
with inside:
    show_inside(rows)
