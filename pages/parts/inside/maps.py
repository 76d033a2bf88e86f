"""The feature maps and the kernels of one layer on the page Look inside."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from torch import Tensor

from pages.parts import keys, legend
from pages.parts.inside import way
from pages.parts.inside.layer import ShownLayer
from pages.parts.inside.way import SHARP, TILE, Values
from s5core.inside import activations
from s5core.views import picture
from s5core.views.maps import cell_values
from s5core.words import count, number, signed

CELL, MAPS, KERNELS = "What one cell sees", "Feature maps", "Kernels"  # the parts of a layer
MOST_MAPS = 48  # maps that are shown at once
MOST_KERNELS = 24  # rows and columns of kernels that are shown at once
SEPARATE, SHARED = "one for each map", "one for all maps"
LAYER_SCALE, KERNEL_SCALE = "one for the layer", "one for each kernel"
BY_CONTRIBUTION, BY_ACTIVATION, BY_NUMBER = "by contribution", "by activation", "by number"
FIRST = {  # which maps come first in each order
    BY_CONTRIBUTION: "those that contribute most",
    BY_ACTIVATION: "those with the largest activations",
    BY_NUMBER: "the first ones",
}


def show(layer: ShownLayer, answer: int, values: Values, logits: bool) -> None:
    """The maps of a layer. `answer`: the class that the network reads. `logits`: whether the layer's
    values are the logits."""
    channels, height, width = layer.row.output_shape
    st.markdown(
        f"**{count(channels, 'feature map')} of {height} × {width} cells**",
        help="A feature map shows where on the digit a layer found the feature that one set of its kernels "
        "looks for.",
    )
    if layer.has_single_cells:
        _show_single_cells(layer, logits)
        return
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
    _show_maps(layer, values, scale == SHARED, _ordered(layer.maps, layer.contributions, order), FIRST[order])


def _ordered(maps: Tensor, contributions: Tensor, order: str) -> list[int]:
    """The numbers of the maps, from 0, in the chosen order."""
    if order == BY_CONTRIBUTION:
        return activations.rank_by_contribution(contributions)
    return activations.rank_by_value(maps) if order == BY_ACTIVATION else list(range(len(maps)))


def _show_maps(layer: ShownLayer, values: Values, shared: bool, order: Sequence[int], first: str) -> None:
    """The maps of a layer as a grid, in this order. `first`: which maps come first in it, in words."""
    maps = layer.maps if values == "activations" else layer.contributions
    total = len(maps)
    shown = order[:MOST_MAPS]
    if total > MOST_MAPS:
        st.caption(f"{MOST_MAPS} of {total:,} maps are shown, {first}.")
    low, high = activations.value_range(maps)
    tiles = []
    for i in shown:
        bounds = (low, high) if shared else activations.value_range(maps[i])
        tiles.append(picture.enlarge(way.paint(values, maps[i], bounds), SHARP))
    _show_tiles(tiles, [layer.names[i] for i in shown], f"{values} of")
    own = "" if shared else " Each map has its own scale: compare cells within a map, not maps."
    if values == "activations":
        ends = (number(low), number(high)) if shared else ("lowest", "highest")
        legend.show(picture.ACTIVATIONS, *ends, "The brighter a cell, the higher its activation." + own)
    else:
        most = max(-low, high)
        ends = (signed(-most, 2), signed(most, 2)) if shared else ("lowers it", "raises it")
        meaning = "Orange cells raise the logit of the answer, blue cells lower it."
        legend.show(picture.WEIGHTS, *ends, meaning + own)
    flat = activations.count_constant(layer.maps)
    if flat:
        st.caption(
            f"{flat} of {total:,} maps {'has' if flat == 1 else 'have'} the same value in every cell, and so "
            f"{'shows' if flat == 1 else 'show'} no pattern."
        )


def _show_tiles(tiles: Sequence[picture.Picture], captions: Sequence[str], what: str) -> None:
    """Pictures side by side, as many in a row as there is room for. `what`: begins their descriptions."""
    with st.container(horizontal=True):
        for tile, caption in zip(tiles, captions, strict=True):
            st.image(
                picture.data_url(tile), caption=caption, width=TILE, alt=f"{what} {caption}".capitalize()
            )


def _show_single_cells(layer: ShownLayer, logits: bool) -> None:
    """The activations of maps of one cell each."""
    total = len(layer.maps)
    values = layer.maps[:MOST_MAPS, 0, 0].tolist()
    if total > MOST_MAPS:
        st.caption(f"{MOST_MAPS} of {total:,} maps are shown, {FIRST[BY_NUMBER]}.")
    title, first = layer.names[0].split()
    highest = max(range(len(values)), key=values.__getitem__)
    st.vega_lite_chart(
        cell_values(values, title, int(first)),
        width="stretch",
        alt=f"Bars: the activation of each {title}. The highest is {number(values[highest])}, of "
        f"{layer.names[highest]}.",
    )
    st.caption(
        "These are the logits, one for each class. The class with the highest logit is the answer."
        if logits
        else "Each map has a single cell, so its value is drawn as a bar. A long bar means that the layer "
        "found much of what this map looks for."
    )


def show_kernels(layer: ShownLayer) -> None:
    """All kernels of a convolution, as tiles or as a matrix."""
    kernels = layer.kernels
    if kernels is None:
        raise ValueError(f"{layer.row.name} has no kernels")
    outs, ins, side, _ = kernels.shape
    left, right = st.columns(2)
    left.markdown(
        f"**{count(outs * ins, 'kernel')} of {side} × {side}**",
        help="A kernel is a small window of weights. It slides over a map, and its output is high where the "
        "map looks like the kernel.",
    )
    shared = (
        right.radio(
            "Colour scale",
            [LAYER_SCALE, KERNEL_SCALE],
            horizontal=True,
            key=keys.INSIDE_KERNELS,
            persist_state="session",
            help="One scale for the layer shows which weights are large. A scale for each kernel shows the "
            "pattern of weak kernels, too; of a single weight it shows only the sign.",
        )
        == LAYER_SCALE
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
        _show_tiles(tiles, [f"for {name}" for name in layer.names[: len(part)]], "kernel")
    else:
        dark = st.context.theme.type == "dark"
        st.image(
            picture.data_url(picture.kernel_matrix(part, high if shared else None, dark)),
            caption="Each row makes one map of this layer. Each column reads one map of the layer before.",
            alt=f"The weights of {len(part)} × {part.shape[1]} kernels as colours",
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
