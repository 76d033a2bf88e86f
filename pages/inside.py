"""Look inside: a digit on its way through a network, what any cell sees of it, and the layer table."""

from __future__ import annotations

import streamlit as st
import torch

from pages.parts import legend, navigation, session
from s5core import words
from s5core.data import Digits
from s5core.errors import UserError
from s5core.inside import activations
from s5core.inside.activations import Inside, Station
from s5core.layers import INPUT_SHAPE, Network
from s5core.steps import Step
from s5core.summary import Row, format_table, layer_table
from s5core.views import gallery, picture
from s5core.views.answers import class_probabilities
from s5core.views.maps import FRAME as FRAME_MARGIN
from s5core.views.maps import cell_values, feature_map

SEEN, LOW = 196, 180  # CSS pixels of the digit and of its answer's chart: the way begins on the first screen
SIDE = 336  # of the map whose cells can be clicked and of the digit beside it: both fit a phone
TILE = 112  # width of a map on the page, in CSS pixels
NARROW, BROAD = 80, 144  # widths of a station: many in a line, or few
FRAME = 8  # width of a frame on a picture of SHARP pixels or a little more
SHARP = 2 * TILE  # width of its picture: screens of tablets have two pixels for one of CSS
MOST_MAPS = 48  # that are shown at once
MOST_KERNELS = 24  # rows and columns of kernels that are shown at once
PLACE = "inside_place"  # in the session: (x, y) on the digit, in its pixels; none as long as none is chosen
INSIDE, LAYERS = "A digit on its way", "The layer table"
DRAWN, VALIDATION = "the digit that I drew", "a validation digit"
OWN, SHARED = "each its own", "shared by all"
BY_VOICE, BY_STRENGTH, BY_NUMBER = "loudest for the answer first", "strongest first", "by number"


def has_weights() -> bool:
    """Whether the chosen network can be looked into; trouble with its file is told there, too."""
    try:
        return session.network() is not None
    except UserError:
        return True


def chosen_layers() -> Network:
    """The layers of the chosen network, trained or not."""
    try:
        trained, run = session.network(), session.run()
    except UserError:  # what is wrong is said where its weights are needed
        return session.step().layers
    if trained is not None:
        return trained.layers
    return run.layers if run is not None else session.step().layers


def show_table(rows: list[Row], step: Step) -> None:
    """The layer table, its totals, and the classic text of it."""
    st.header("The layers", help="A layer takes maps in and gives maps out; the digit is the first map.")
    st.dataframe(
        {
            "layer": [row.name for row in rows],
            "shape": [" × ".join(map(str, row.output_shape)) for row in rows],
            "parameters": [row.parameters for row in rows],
            "field": [row.receptive_field for row in rows],
            "jump": [row.jump for row in rows],
            "multiply_adds": [row.multiply_adds for row in rows],
            "memory": [row.activation_bytes / 1024 for row in rows],
        },
        column_config={
            "layer": st.column_config.TextColumn(
                "Layer", help="What it is, and its number from the top.", pinned=True
            ),
            "shape": st.column_config.TextColumn(
                "Output shape", help="How many maps it gives, and their height and width in cells."
            ),
            "parameters": st.column_config.NumberColumn(
                "Parameters", format="localized", help="Numbers that the training sets."
            ),
            "field": st.column_config.NumberColumn(
                "Receptive field", format="%d px", help="Side of the square of the digit that one cell sees."
            ),
            "jump": st.column_config.NumberColumn(
                "Jump",
                format="%d px",
                help="How far apart on the digit two neighbouring cells look.",
            ),
            "multiply_adds": st.column_config.NumberColumn(
                "Multiply-adds", format="localized", help="Multiplications by a weight for one digit."
            ),
            "memory": st.column_config.NumberColumn(
                "Memory", format="%.2f KiB", help="What its maps take for one digit, at 4 bytes a cell."
            ),
        },
        hide_index=True,
        width="stretch",
        height="content",
    )
    show_totals(rows)
    text = format_table(rows)
    with st.expander("The table as plain text"):
        st.caption("The classic format of torchsummary. The button in the box's corner copies it.")
        st.code(text, language=None)
        st.download_button(
            "Download the text",
            text + "\n",
            file_name=f"{step.name}_layers.txt",
            on_click="ignore",
            help="Save this table as a text file.",
        )


def show_totals(rows: list[Row]) -> None:
    """The sums of the table."""
    totals = {
        "Parameters": (f"{sum(row.parameters for row in rows):,}", "All that the training sets."),
        "Multiply-adds": (f"{sum(row.multiply_adds for row in rows):,}", "The work of reading one digit."),
        "Memory of all maps": (
            f"{sum(row.activation_bytes for row in rows) / 1024:,.1f} KiB",
            "What all layers' maps for one digit take together.",
        ),
        "Receptive field at the end": (
            f"{rows[-1].receptive_field} px",
            "The side of what the last layer sees; the picture is 28 wide, the rest padding or cut off.",
        ),
    }
    for column, (name, (value, meaning)) in zip(st.columns(len(totals)), totals.items(), strict=True):
        column.metric(name, value, help=meaning)


def choose_digit() -> tuple[torch.Tensor, int | None]:
    """The digit to look at, (1, 1, 28, 28) uint8, and its true class if that is known."""
    drawn = session.drawing()
    st.session_state.setdefault("inside_source", VALIDATION)
    if drawn is not st.session_state.get("inside_drawing"):  # who has just drawn one wants to see it
        st.session_state.inside_drawing = drawn
        st.session_state.inside_source = VALIDATION if drawn is None else DRAWN
    source = st.radio(
        "Digit",
        [DRAWN, VALIDATION],
        horizontal=True,
        key="inside_source",
        persist_state="session",
        help="Your digit comes from the page Draw; validation digits are those that training runs keep "
        "aside.",
    )
    if source == DRAWN:
        if drawn is None:
            st.info("You have not drawn a digit yet. Draw one, and it is here when you come back.")
            st.page_link("pages/draw.py", label="Go and draw a digit")
            st.stop()
        return drawn, None
    return choose_validation_digit(session.digits_or_stop())


def choose_validation_digit(digits: Digits) -> tuple[torch.Tensor, int]:
    """A validation digit by its class and its number in it."""
    label = st.segmented_control(
        "Class",
        range(10),
        default=4,
        required=True,
        wrap=True,
        key="inside_class",
        persist_state="session",
        help="Which digit it truly is.",
    )
    found = activations.members(digits.validation_labels, label)
    number = st.number_input(
        "Number",
        1,
        len(found),
        key=f"inside_number_of_{len(found)}",  # another class has another last number
        persist_state="session",
        help=f"Which of the {len(found):,} validation digits of this class.",
    )
    st.caption(f"Digits in use: {digits.name}.")
    if session.drawing() is None:
        st.page_link("pages/draw.py", label="Or draw a digit of your own")
    return digits.validation_images[found[number - 1]][None], label


def show_answer(inside: Inside, true_class: int | None) -> None:
    """What the network reads, and how sure it is of each class."""
    verdict = f"**It reads {inside.answer}**, {words.probability(inside.confidence)} sure."
    if true_class is not None:
        verdict += " That is right." if inside.answer == true_class else f" In truth it is a {true_class}."
    st.markdown(
        verdict,
        help="The bars are how probable each class is to the network; the highest one is its answer.",
    )
    chart = class_probabilities(inside.probabilities.tolist(), true_class, LOW)
    st.altair_chart(chart, width="stretch")
    if true_class not in (None, inside.answer):
        st.caption("Blue: its answer. Orange: the true class.")


def signed(value: float) -> str:
    """A value with two digits and a proper minus sign."""
    return f"{value:.2f}".replace("-", "−")


def show_tiles(tiles: list[picture.Picture], captions: list[str]) -> None:
    """Pictures side by side, as many in a row as there is room for."""
    with st.container(horizontal=True):
        for tile, caption in zip(tiles, captions, strict=True):
            st.image(picture.data_url(tile), caption=caption, width=TILE)


def show_maps(maps: torch.Tensor, shared: bool, order: list[int], which: str) -> None:
    """The maps of a layer as a grid, in this order; `which` ones come first in it, in a word."""
    total = len(maps)
    shown = order[:MOST_MAPS]
    if total > MOST_MAPS:
        st.caption(f"The {which} {MOST_MAPS} of {total:,} maps are shown.")
    low, high = activations.value_range(maps)
    tiles = []
    for i in shown:
        bounds = (low, high) if shared else activations.value_range(maps[i])
        tiles.append(picture.enlarge(picture.paint(maps[i], picture.ACTIVATIONS, *bounds), SHARP))
    show_tiles(tiles, [f"map {i + 1}" for i in shown])
    if shared:
        legend.show(
            picture.ACTIVATIONS,
            signed(low),
            signed(high),
            "One scale for all maps: the brighter, the higher.",
        )
    else:
        legend.show(
            picture.ACTIVATIONS,
            "lowest",
            "highest",
            "Each map has its own scale: compare cells in a map, not maps with one another.",
        )
    flat = activations.count_flat(maps)
    if flat:
        st.caption(
            f"{flat} of {total:,} maps {'has' if flat == 1 else 'have'} the same value in every cell: "
            "nothing of this digit concerns them."
        )


def show_single_cells(maps: torch.Tensor, last: bool) -> None:
    """The values of maps of one cell each."""
    total = len(maps)
    values = maps[:MOST_MAPS, 0, 0].tolist()
    if total > MOST_MAPS:
        st.caption(f"The first {MOST_MAPS} of {total:,} maps are shown.")
    title, first = ("class", 0) if last else ("map", 1)
    st.altair_chart(cell_values(values, title, first), width="stretch")
    st.caption(
        "Each map has a single cell left, so its value is a bar. "
        + ("The highest one is the answer." if last else "A long bar: much of what this map looks for.")
    )


def show_kernels(kernels: torch.Tensor, shared: bool) -> None:
    """All kernels of a convolution, as tiles or as a table of them."""
    outs, ins = kernels.shape[:2]
    part = kernels[:MOST_KERNELS, :MOST_KERNELS]
    high = max(abs(value) for value in activations.value_range(kernels))
    if outs > MOST_KERNELS or ins > MOST_KERNELS:
        inputs = "" if ins == 1 else f", for the first {part.shape[1]} of {ins:,} inputs"
        st.caption(f"The kernels of the first {len(part)} of {outs:,} maps are shown{inputs}.")
    if ins == 1:
        tiles = []
        for kernel in part[:, 0]:
            bound = high if shared else max(abs(value) for value in activations.value_range(kernel))
            tiles.append(picture.enlarge(picture.paint(kernel, picture.WEIGHTS, -bound, bound), SHARP))
        show_tiles(tiles, [f"for map {i + 1}" for i in range(len(part))])
    else:
        dark = st.context.theme.type == "dark"
        st.image(
            picture.data_url(picture.kernel_matrix(part, high if shared else None, dark)),
            caption="Each row makes one map of this layer; each column reads one map of the layer before.",
        )
    ends = (f"−{high:.2f}", f"+{high:.2f}") if shared else ("negative", "positive")
    meaning = "Orange counts for, blue counts against, white is zero."
    legend.show(
        picture.WEIGHTS,
        *ends,
        meaning if shared else f"{meaning} Each kernel has its own scale, alike both ways.",
    )


@st.fragment
def show_cell(
    row: Row, maps: torch.Tensor, spoken: torch.Tensor, digit: torch.Tensor, rows: list[Row]
) -> None:
    """One cell of one map: what it sees of the digit, and how much more the cells of `rows`, which
    look at the same place, see. `spoken`: what the layer's cells say for the answer."""
    channels, height, width = row.output_shape
    order = activations.by_contribution(spoken)
    single = height == width == 1
    with st.container(horizontal=True, vertical_alignment="bottom"):
        number = st.selectbox(
            "Map",
            order,
            format_func=lambda i: f"map {i + 1}" + (", the loudest" if i == order[0] else ""),
            # Another layer has other maps, another digit another loudest one: that is shown first.
            key=f"inside_map_{row.name}_{channels}_{order[0]}",
            persist_state="session",
            width=180,
            help="Which of the layer's maps is shown; the one that says most for the answer comes first.",
        )
        loudest = activations.brightest(spoken[number])
        y, x = row.cell_at(*(st.session_state.get(PLACE) or row.centre(*loudest)))
        if not single:
            choose_cell(row, y, x)
            st.button(
                "Its loudest cell",
                on_click=st.session_state.pop,
                args=(PLACE, None),
                help="Go to the cell of this map that says most for the answer.",
            )
    cell = "The only cell" if single else f"The cell in row {y + 1}, column {x + 1}"
    value, said = (signed(float(field[number, y, x])) for field in (maps, spoken))
    st.markdown(
        f"{cell} of map {number + 1} has the value **{value}** and adds **{said}** to the answer's score."
    )
    with st.container(horizontal=True):
        if not single:  # a single cell is no picture
            show_map(row, number, maps[number], (y, x))
        margin = picture.padding_in_sight([row.box(0, 0), row.box(height - 1, width - 1)])
        st.image(
            picture.data_url(picture.box_on_digit(digit, row.box(y, x), margin)),
            caption=f"What this cell sees of the digit: {size(row.box(y, x), ' × ')} pixels"
            + (", striped where it is padding" if margin else ""),
            width=SIDE,
        )
    show_growth(row, row.centre(y, x), digit, rows)


def take_cell(row: Row, y: int, x: int) -> None:
    """Choose the place of the digit at which a cell of a layer looks, for all layers."""
    st.session_state[PLACE] = row.centre(y, x)


def choose_cell(row: Row, y: int, x: int) -> None:
    """Two sliders that choose a cell, as a click does; they stand at row `y`, column `x`."""
    _, height, width = row.output_shape
    keys = f"inside_row_of_{height}", f"inside_column_of_{width}"

    def moved() -> None:
        take_cell(row, *(st.session_state[key] - 1 for key in keys))

    for name, key, count, cell in zip(("Row", "Column"), keys, (height, width), (y, x), strict=True):
        st.session_state[key] = cell + 1  # set each time: a click moves the slider, too
        st.slider(
            name, 1, count, key=key, on_change=moved, width=170,
            help=f"Counted from the {'top' if name == 'Row' else 'left'}; the arrow keys move it as well.",
        )  # fmt: skip


def show_map(row: Row, number: int, field: torch.Tensor, cell: tuple[int, int]) -> None:
    """A map whose cells can be clicked, a frame around one of them."""
    # A new key for each cell and map: the frame is where it was put, however that was.
    key = f"inside_cells {row.name} {number} {cell} {tuple(field.shape)}"

    def clicked() -> None:
        for chosen in st.session_state[key].selection.cell:
            take_cell(row, chosen["row"] - 1, chosen["column"] - 1)

    with st.container(width=SIDE + 2 * FRAME_MARGIN, gap="xsmall"):
        chart = feature_map(field, cell, SIDE)
        alt = f"Map {number + 1} of {row.name}, the cell in row {cell[0] + 1}, column {cell[1] + 1} framed"
        st.altair_chart(chart, width="content", key=key, on_select=clicked, alt=alt)
        st.caption(f"Map {number + 1} of {row.name}: click a cell.", text_alignment="center")


def size(box: picture.Box, times: str = "×") -> str:
    """How wide and how high a box is, in pixels."""
    left, top, right, bottom = box
    return f"{right - left:g}{times}{bottom - top:g}"


def show_growth(row: Row, place: tuple[float, float], digit: torch.Tensor, rows: list[Row]) -> None:
    """What the cells of some layers see that look at one place of the digit. `row`: the layer
    in which the place was chosen."""
    st.markdown(
        "**The same place in every layer:** of each, the cell (row, column) that looks closest to it, and "
        "what it sees."
    )
    current = max((other.index for other in rows if other.index <= row.index), default=None)
    exhibits = []
    for other in rows:
        y, x = other.cell_at(*place)
        box = other.box(y, x)
        seen = picture.box_on_digit(digit, box, 0, SHARP // 28, FRAME)
        _, height, width = other.output_shape
        lines = (
            f"cell {y + 1}, {x + 1}" if height * width > 1 else "its only cell",
            f"sees {size(box)}",
        )
        here = ", chosen" if other.index == current else ""
        words = f"{other.name}, what the cell at the chosen place sees"
        exhibits.append(gallery.Exhibit(((seen, words),), other.name + here, lines))
    st.html(gallery.even_rows(exhibits, NARROW, BROAD))


def show_way(stations: list[Station], answer: int, digit: torch.Tensor) -> None:
    """What speaks for the answer at every convolution and pool, and what of the digit it sees."""
    st.header(
        "The digit goes through the net",
        help="A map's say is the sum over its cells of value times gradient: about what the answer's "
        "score would lose if the map fell silent.",
    )
    st.markdown(
        f"At each station stands the map that speaks loudest for the answer **{answer}**, its loudest cell "
        "framed. Below it is what this cell sees of the digit: the view grows from layer to layer."
    )
    exhibits = []
    for station in stations:
        row, (total, height, width) = station.row, station.row.output_shape
        single = height == width == 1
        if single:  # one colour would tell nothing: the maps are compared with one another
            shown = picture.bars(station.maps[:, 0, 0], station.map, SHARP)
        else:
            scale = activations.value_range(station.field)
            coloured = picture.paint(station.field, picture.ACTIVATIONS, *scale)
            shown = picture.mark_cell(coloured, *station.cell, SHARP, FRAME)
        box = row.box(*station.cell)
        seen = picture.box_on_digit(digit, box, 0, SHARP // 28, FRAME)
        lines = (
            *([f"→ {station.behind}"] if station.behind != row.name else []),
            f"map {station.map + 1} of {total:,}",
            f"value {signed(station.field.item())}" if single else f"{height}×{width} cells",
            f"sees {size(box)}",
        )
        words = "the values of its maps" if single else "its loudest cell framed"
        pictures = (
            (shown, f"{station.name}, {words}"),
            (seen, f"{station.name}, what it sees"),
        )
        exhibits.append(gallery.Exhibit(pictures, row.name, lines))
    st.html(gallery.even_rows(exhibits, NARROW, BROAD))
    st.caption(
        "An arrow points to the layer behind which the map is shown and ranked: a convolution's own maps, "
        "before the activation, can rank otherwise. The brighter, the higher; maps of a single cell are "
        "bars, the loudest one orange. What a cell sees is counted in pixels of the picture, which is "
        "28 wide: a cell that sees more sees padding, too."
    )


def show_layer(
    row: Row,
    inside: Inside,
    spoken: torch.Tensor,
    model: torch.nn.Sequential,
    digit: torch.Tensor,
    rows: list[Row],
    last: bool,
) -> None:
    """Everything of one layer: what a cell of it sees, also compared with those of `rows`, its
    maps and its kernels. `spoken`: what its cells say for the answer."""
    maps = inside.maps[row.index]
    maps_in = inside.maps[row.index - 1].shape[0] if row.index else INPUT_SHAPE[0]
    channels, height, width = row.output_shape
    kernels = activations.kernels(model, row.index)
    st.markdown(activations.describe(row.layer, maps_in))
    st.subheader(
        "What one cell sees",
        help="A cell's receptive field is the part of the digit that can change the cell's value.",
    )
    show_cell(row, maps, spoken, digit, rows)
    st.subheader(
        f"Feature maps: {channels:,} of {height} × {width}",
        help="A feature map shows where on the digit a layer found what one set of its kernels looks for.",
    )
    left, right = st.columns(2)
    scale = left.radio(
        "Colour scale",
        [OWN, SHARED],
        horizontal=True,
        key="inside_scale",
        persist_state="session",
        help="A scale for each map shows its pattern; a shared one shows which maps answer strongly.",
    )
    order = right.radio(
        "Order of the maps",
        [BY_VOICE, BY_STRENGTH, BY_NUMBER],
        horizontal=True,
        key="inside_order",
        persist_state="session",
        help="The strongest map is the one with the value farthest from zero; the loudest adds most to "
        f"the score of the answer, here {inside.answer}.",
    )
    if height == width == 1:
        show_single_cells(maps, last)
    else:
        if order == BY_STRENGTH:
            show_maps(maps, scale == SHARED, activations.ranking(maps), "strongest")
        elif order == BY_VOICE:
            show_maps(maps, scale == SHARED, activations.by_contribution(spoken), "loudest")
        else:
            show_maps(maps, scale == SHARED, list(range(channels)), "first")
    if kernels is not None:
        outs, ins, side, _ = kernels.shape
        st.subheader(
            f"Kernels: {outs * ins:,} of {side} × {side}",
            help="A kernel is a small window of weights that slides over a map and answers where it fits.",
        )
        show_kernels(kernels, scale == SHARED)


def show_inside(rows: list[Row]) -> None:
    """A digit on its way through the trained network, layer by layer."""
    trained = session.network_or_stop()
    model = session.model(trained)
    choice, image, answer = st.columns([4, 3, 5], gap="medium")
    with choice:
        digit, true_class = choose_digit()
    inside = activations.look_inside(model, digit)
    image.image(
        picture.data_url(picture.enlarge(picture.paint(digit[0, 0], picture.INK, 0, 255), 560)),
        caption="What the network gets: 28 × 28 grey values",
        width=SEEN,
    )
    with answer:
        show_answer(inside, true_class)
    spoken = activations.contributions(model, digit, inside.answer)
    stations = activations.stations(trained.layers, inside, spoken)
    show_way(stations, inside.answer, digit)
    st.header("Inside a layer", help="Pick a layer to see what it makes of this digit.")
    names = {row.name: row for row in rows}
    name = st.selectbox(
        "Layer",
        list(names),
        index=list(names).index(stations[0].row.name),
        key="inside_layer_" + "_".join(names),  # another network has other layers
        persist_state="session",
        help="The layers in the order in which the digit passes them.",
    )
    row = names[name]
    seeing = [station.row for station in stations]
    show_layer(row, inside, spoken[row.index], model, digit, seeing, last=row is rows[-1])


navigation.require_router()

st.title("Look inside")
table = layer_table(chosen_layers())
# A network without weights has nothing but its table.
inside, layers = st.tabs([INSIDE, LAYERS], default=INSIDE if has_weights() else LAYERS)
with layers:  # first, as the other one may end the page
    show_table(table, session.step())
with inside:
    show_inside(table)
