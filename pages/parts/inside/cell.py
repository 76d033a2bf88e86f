"""One cell of one map on the page Look inside: its value, its contribution, and its receptive field."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st
from torch import Tensor

from pages.parts import keys, widget
from pages.parts.inside import way
from pages.parts.inside.layer import ShownLayer
from pages.parts.inside.way import Values
from s5core.inside import activations
from s5core.summary import Row
from s5core.views import picture
from s5core.views.gallery import Exhibit
from s5core.views.maps import FRAME as FRAME_MARGIN
from s5core.views.maps import feature_map
from s5core.words import number

SIDE = 288  # CSS pixels of the map and of the digit beside it: both fit a phone

Place = tuple[float, float]  # (x, y) on the digit, in its pixels


@st.fragment
def show(layer: ShownLayer, digit: Tensor, others: Sequence[Row], values: Values) -> None:
    """A cell of a layer's maps that one can choose, and what the cells of the layers `others` see at
    the same place."""
    row, contributions = layer.row, layer.contributions
    channels, height, width = row.output_shape
    order = activations.rank_by_contribution(contributions)
    single = layer.has_single_cells
    with st.container(horizontal=True, vertical_alignment="bottom"):
        map_ = st.selectbox(
            "Map",
            order,
            format_func=lambda i: layer.names[i] + (", contributes most" if i == order[0] else ""),
            # Another layer has other maps; for another digit another map contributes most, and comes first.
            key=keys.inside_map(row.name, channels, order[0]),
            persist_state="session",
            width=230,
            help="Which map of the layer is shown. The map that contributes most to the answer comes first.",
        )
        best = activations.highest_cell(contributions[map_])
        place: Place = st.session_state.get(keys.INSIDE_PLACE) or row.centre(*best)
        cell = row.cell_at(*place)
        if not single:
            _choose_cell(row, cell)
            st.button(
                "Cell that contributes most",
                on_click=st.session_state.pop,
                args=(keys.INSIDE_PLACE, None),
                help="Goes to the cell of this map that contributes most to the logit of the answer.",
            )
    y, x = cell
    name = "The only cell" if single else f"The cell in row {y + 1}, column {x + 1}"
    value, contribution = (number(float(field[map_, y, x])) for field in (layer.maps, contributions))
    st.markdown(
        f"{name} of {layer.names[map_]} has the activation **{value}** and contributes "
        f"**{contribution}** to the logit of the answer."
    )
    with st.container(horizontal=True):
        if not single:  # a single cell is no picture
            _show_map(layer, map_, cell, values)
        margin = picture.padding_in_sight([row.box(0, 0), row.box(height - 1, width - 1)])
        st.image(
            picture.data_url(picture.box_on_digit(digit, row.box(*cell), margin)),
            caption=f"What this cell sees of the digit: {way.field_size(row, cell, ' × ')} pixels"
            + (". Stripes are padding." if margin else "."),
            width=SIDE,
            alt=f"The digit with a frame around what this cell of {layer.names[map_]} sees",
        )
    _show_other_layers(row, row.centre(*cell), digit, others)


def _take_cell(row: Row, y: int, x: int) -> None:
    """Choose for all layers the place of the digit at which a cell of a layer looks."""
    st.session_state[keys.INSIDE_PLACE] = row.centre(y, x)


def _choose_cell(row: Row, cell: tuple[int, int]) -> None:
    """Two sliders that choose a cell, as a click does."""
    _, height, width = row.output_shape
    sliders = keys.inside_row(height), keys.inside_column(width)

    def moved() -> None:
        _take_cell(row, *(widget.shown(key) - 1 for key in sliders))

    for name, key, count, at in zip(("Row", "Column"), sliders, (height, width), cell, strict=True):
        key, shown = widget.put(key, at + 1)  # a click moves the slider, too
        st.slider(
            name, 1, count, shown, key=key, on_change=moved, width=170,
            help=f"Counted from the {'top' if name == 'Row' else 'left'}. The arrow keys move it, too.",
        )  # fmt: skip


def _show_map(layer: ShownLayer, map_: int, cell: tuple[int, int], values: Values) -> None:
    """A map whose cells can be clicked, with a frame around one of them."""
    row, name = layer.row, layer.names[map_]
    field = (layer.maps if values == "activations" else layer.contributions)[map_]
    height, width = field.shape
    # A new key for each cell and map: the page chooses the framed cell, not the browser.
    key = keys.inside_cells(row.name, map_, cell, (height, width))

    def clicked() -> None:
        for chosen in st.session_state[key].selection.cell:
            _take_cell(row, chosen["row"] - 1, chosen["column"] - 1)

    with st.container(width=SIDE + 2 * FRAME_MARGIN, gap="xsmall"):
        chart = feature_map(field, cell, SIDE, signed=values == "contributions")
        alt = f"The {values} of {name} of {row.name}. A frame marks row {cell[0] + 1}, column {cell[1] + 1}."
        st.vega_lite_chart(chart, width="content", key=key, on_select=clicked, alt=alt)
        st.caption(f"{values.capitalize()} of {name} of {row.name}. Click a cell.", text_alignment="center")


def _show_other_layers(row: Row, place: Place, digit: Tensor, others: Sequence[Row]) -> None:
    """What the cells of other layers see that look at the same place of the digit. `row`: the layer in
    which the place was chosen."""
    with st.expander("The same place in all layers", key=keys.INSIDE_MORE, on_change="rerun") as same:
        if not same.open:
            return
        st.markdown(
            "For each layer you see its cell (row, column) whose receptive field is centred closest to this "
            "place, and what that cell sees."
        )
        current = max((other.index for other in others if other.index <= row.index), default=None)
        exhibits = []
        for other in others:
            cell = other.cell_at(*place)
            _, height, width = other.output_shape
            lines = (
                f"cell {cell[0] + 1}, {cell[1] + 1}" if height * width > 1 else "its only cell",
                f"sees {way.field_size(other, cell)}",
            )
            here = ", chosen" if other.index == current else ""
            words = f"{other.name}, what the cell at the chosen place sees"
            exhibits.append(Exhibit(((way.seen_by(other, cell, digit), words),), other.name + here, lines))
        way.show_exhibits(exhibits)
