"""The feature maps and the kernels of one layer on the page Look inside."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from torch import Tensor

from pages.parts import keys, legend
from pages.parts.inside.way import SHARP, TILE
from s5core.inside import activations
from s5core.summary import Row
from s5core.views import picture
from s5core.views.maps import cell_values
from s5core.words import number, signed

MOST_MAPS = 48  # maps that are shown at once
MOST_KERNELS = 24  # rows and columns of kernels that are shown at once
SEPARATE, SHARED = "one for each map", "one for all maps"
BY_CONTRIBUTION, BY_ACTIVATION, BY_NUMBER = "by contribution", "by activation", "by number"
FIRST = {  # which maps come first in each order
    BY_CONTRIBUTION: "those that contribute most",
    BY_ACTIVATION: "those with the largest activations",
    BY_NUMBER: "the first ones",
}


def show(
    row: Row, maps: Tensor, contributions: Tensor, kernels: Tensor | None, answer: int, last: bool
) -> None:
    """The maps of a layer and, where it is a convolution, its kernels. `contributions`: of its cells to
    the logit of `answer`. `last`: whether its values are the logits."""
    channels, height, width = row.output_shape
    st.subheader(
        f"Feature maps: {channels:,} of {height} × {width}",
        help="A feature map shows where on the digit a layer found the feature that one set of its kernels "
        "looks for.",
    )
    left, right = st.columns(2)
    scale = left.radio(
        "Colour scale",
        [SEPARATE, SHARED],
        horizontal=True,
        key=keys.INSIDE_SCALE,
        persist_state="session",
        help="A scale for each map shows its pattern. One scale for all shows which maps have high values.",
    )
    order = right.radio(
        "Order of the maps",
        [BY_CONTRIBUTION, BY_ACTIVATION, BY_NUMBER],
        horizontal=True,
        key=keys.INSIDE_ORDER,
        persist_state="session",
        help=f"By contribution: the map that adds most to the logit of the answer {answer} comes first. By "
        "activation: the map with the value farthest from zero comes first.",
    )
    if height == width == 1:
        _show_single_cells(maps, last)
    else:
        _show_maps(maps, scale == SHARED, _ordered(maps, contributions, order), FIRST[order])
    if kernels is not None:
        _show_kernels(kernels, scale == SHARED)


def _ordered(maps: Tensor, contributions: Tensor, order: str) -> list[int]:
    """The numbers of the maps, from 0, in the chosen order."""
    if order == BY_CONTRIBUTION:
        return activations.rank_by_contribution(contributions)
    return activations.rank_by_value(maps) if order == BY_ACTIVATION else list(range(len(maps)))


def _show_maps(maps: Tensor, shared: bool, order: Sequence[int], first: str) -> None:
    """The maps of a layer as a grid, in this order. `first`: which maps come first in it, in words."""
    total = len(maps)
    shown = order[:MOST_MAPS]
    if total > MOST_MAPS:
        st.caption(f"{MOST_MAPS} of {total:,} maps are shown, {first}.")
    low, high = activations.value_range(maps)
    tiles = []
    for i in shown:
        bounds = (low, high) if shared else activations.value_range(maps[i])
        tiles.append(picture.enlarge(picture.paint(maps[i], picture.ACTIVATIONS, *bounds), SHARP))
    _show_tiles(tiles, [f"map {i + 1}" for i in shown])
    if shared:
        legend.show(
            picture.ACTIVATIONS,
            number(low),
            number(high),
            "One scale for all maps. The brighter a cell, the higher its activation.",
        )
    else:
        legend.show(
            picture.ACTIVATIONS,
            "lowest",
            "highest",
            "Each map has its own scale. Compare cells within a map, but not one map with another.",
        )
    flat = activations.count_constant(maps)
    if flat:
        st.caption(
            f"{flat} of {total:,} maps {'has' if flat == 1 else 'have'} the same value in every cell, and so "
            f"{'shows' if flat == 1 else 'show'} no pattern."
        )


def _show_tiles(tiles: Sequence[picture.Picture], captions: Sequence[str]) -> None:
    """Pictures side by side, as many in a row as there is room for."""
    with st.container(horizontal=True):
        for tile, caption in zip(tiles, captions, strict=True):
            st.image(picture.data_url(tile), caption=caption, width=TILE)


def _show_single_cells(maps: Tensor, last: bool) -> None:
    """The values of maps of one cell each."""
    total = len(maps)
    values = maps[:MOST_MAPS, 0, 0].tolist()
    if total > MOST_MAPS:
        st.caption(f"{MOST_MAPS} of {total:,} maps are shown, {FIRST[BY_NUMBER]}.")
    title, first = ("class", 0) if last else ("map", 1)
    st.altair_chart(cell_values(values, title, first), width="stretch")
    st.caption(
        "These are the logits, one for each class. The class with the highest logit is the answer."
        if last
        else "Each map has a single cell, so its value is drawn as a bar. A long bar means that the layer "
        "found much of what this map looks for."
    )


def _show_kernels(kernels: Tensor, shared: bool) -> None:
    """All kernels of a convolution, as tiles or as a table."""
    outs, ins, side, _ = kernels.shape
    st.subheader(
        f"Kernels: {outs * ins:,} of {side} × {side}",
        help="A kernel is a small window of weights. It slides over a map, and its output is high where the "
        "map looks like the kernel.",
    )
    part = kernels[:MOST_KERNELS, :MOST_KERNELS]
    high = _largest(kernels)
    if outs > MOST_KERNELS or ins > MOST_KERNELS:
        inputs = "" if ins == 1 else f", for the first {part.shape[1]} of {ins:,} inputs"
        st.caption(f"The kernels of the first {len(part)} of {outs:,} maps are shown{inputs}.")
    if ins == 1:
        tiles = []
        for kernel in part[:, 0]:
            bound = high if shared else _largest(kernel)
            tiles.append(picture.enlarge(picture.paint(kernel, picture.WEIGHTS, -bound, bound), SHARP))
        _show_tiles(tiles, [f"for map {i + 1}" for i in range(len(part))])
    else:
        dark = st.context.theme.type == "dark"
        st.image(
            picture.data_url(picture.kernel_matrix(part, high if shared else None, dark)),
            caption="Each row makes one map of this layer. Each column reads one map of the layer before.",
        )
    ends = (signed(-high, 2), signed(high, 2)) if shared else ("negative", "positive")
    legend.show(
        picture.WEIGHTS,
        *ends,
        "Orange weights are positive, blue ones negative, white is zero."
        + ("" if shared else " Each kernel has its own scale, with zero in the middle."),
    )


def _largest(values: Tensor) -> float:
    """The largest absolute value."""
    return max(abs(value) for value in activations.value_range(values))
