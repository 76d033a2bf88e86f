"""Fields of numbers as pictures with sharp pixels: feature maps, kernels, digits with a box.

A picture is (height, width, 3) uint8. There are two palettes. Viridis (Smith and van der Walt, 2015)
is for activations. Blue over white to vermilion is for weights and contributions, which have a sign.
Colour-blind people can tell the colours of each palette apart, and no palette looks like the other.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageDraw, ImageFont
from torch import Tensor

from s5core.layers import INPUT_SHAPE
from s5core.views.palette import BLUE, GREY, ORANGE, RED, SKY

Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]  # left, top, right, bottom; pixel i reaches from i to i + 1

SIDE = INPUT_SHAPE[1]  # pixels, of a digit
STEPS = 256  # colours of a palette
SHADE = 0.4  # the share of its brightness that a pixel outside a receptive field keeps
INKED = 96  # grey level, 0 to 255, above which a pixel counts as ink


def _palette(*colours: str) -> Picture:
    """STEPS colours, blended evenly from the first colour to the last."""
    stops = np.array([ImageColor.getrgb(colour)[:3] for colour in colours], dtype=float)
    places = np.linspace(0, len(stops) - 1, STEPS)
    channels = [np.interp(places, np.arange(len(stops)), stops[:, c]) for c in range(3)]
    return np.stack(channels, axis=1).round().astype(np.uint8)


ACTIVATIONS = _palette(
    "#440154",
    "#482878",
    "#3E4A89",
    "#31688E",
    "#26828E",
    "#1F9E89",
    "#35B779",
    "#6DCD59",
    "#B4DE2C",
    "#FDE725",
)
WEIGHT_COLORS = ("#00436B", BLUE, SKY, "#F7F7F7", "#F2A36B", RED, "#7A3500")  # the middle is zero
WEIGHTS = _palette(*WEIGHT_COLORS)
INK = _palette("#000000", "#FFFFFF")


def data_url(picture: Picture) -> str:
    """A picture (or grey levels, (height, width) uint8) as a PNG inside a URL.

    The picture is part of the page. A picture with its own address may be gone when the browser asks
    for it, if the page was drawn again in the meantime.
    """
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, "PNG", compress_level=3)  # the default takes three times as long
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"


def paint(field: Tensor, palette: Picture, low: float, high: float) -> Picture:
    """A field (height, width) in the colours of a palette, which reaches from `low` to `high`.

    Values outside that range take the colour at the end. If `low` equals `high`, every value takes the
    first colour.
    """
    values = field.numpy().astype(float)
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    coloured: Picture = palette[(share.clip(0, 1) * (STEPS - 1)).round().astype(int)]
    return coloured


def enlarge(picture: Picture, size: int) -> Picture:
    """The picture enlarged to at least `size` pixels of width: each pixel becomes a square."""
    factor = max(1, -(-size // picture.shape[1]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def mark_cell(picture: Picture, row: int, column: int, size: int, thick: int | None = None) -> Picture:
    """The picture enlarged as by `enlarge`, with a frame around one of its pixels.

    `thick`: the width of the frame in pixels; None is right for a picture that fills half a page.
    """
    large = enlarge(picture, size)
    factor = large.shape[1] // picture.shape[1]
    return _frame(large, (column, row, column + 1, row + 1), factor, thick)


def box_on_digit(digit: Tensor, box: Box, margin: int, factor: int = 12, thick: int | None = None) -> Picture:
    """A digit with a frame around a receptive field; everything outside is darker.

    `digit`: (1, 1, 28, 28) uint8. `margin`: how many pixels of padding to show on every side, hatched.
    `factor`: the width of a pixel of the digit in the picture. `thick`: as for `mark_cell`.
    """
    field = enlarge(paint(digit[0, 0], INK, 0, 255), SIDE * factor)
    side = (SIDE + 2 * margin) * factor
    picture = _hatching(side) if margin else np.empty((side, side, 3), np.uint8)
    inner = slice(margin * factor, side - margin * factor)
    picture[inner, inner] = field
    left, top, right, bottom = (round((edge + margin) * factor) for edge in box)
    shaded = (picture * SHADE).astype(np.uint8)
    window = slice(max(top, 0), bottom), slice(max(left, 0), right)
    shaded[window] = picture[window]
    edges = box[0] + margin, box[1] + margin, box[2] + margin, box[3] + margin
    return _frame(shaded, edges, factor, thick)


def outlined(field: Tensor, digit: Tensor, high: float, factor: int = 20) -> Picture:
    """The contribution of each pixel in colours from `-high` to `high`, with a thin line around the
    ink. The line shows the digit where all contributions are small.

    `field`: (28, 28). `digit`: (1, 1, 28, 28) uint8. `factor`: the width of a pixel of the digit in
    the picture.
    """
    coloured = enlarge(paint(field, WEIGHTS, -high, high), SIDE * factor)
    inked = enlarge((digit[0, 0].numpy() > INKED).astype(np.uint8), SIDE * factor)
    line = np.zeros_like(inked, dtype=bool)
    for across in (0, 1):  # the line takes one pixel on either side of the ink's edge
        before, after = np.moveaxis(inked, across, 0)[:-1], np.moveaxis(inked, across, 0)[1:]
        for side in (slice(None, -1), slice(1, None)):
            np.moveaxis(line, across, 0)[side] |= before != after
    coloured[line] = ImageColor.getrgb(GREY)
    return coloured


def bars(values: Tensor, chosen: int, size: int) -> Picture:
    """Values (N,) as bars on black: upwards from a common line, or downwards for negative values.

    `chosen`: the index of the orange bar. `size`: width and height of the picture in pixels.
    """
    image = Image.new("RGB", (size, size))
    draw = ImageDraw.Draw(image)
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    edge = size / 16
    scale, pitch = (size - 2 * edge) / ((high - low) or 1), (size - 2 * edge) / len(values)
    zero = edge + high * scale
    # The chosen bar is drawn last, and never so thin that it cannot be seen.
    for i in (*(i for i in range(len(values)) if i != chosen), chosen):
        tip = zero - float(values[i]) * scale
        left, right = edge + i * pitch, edge + i * pitch + max(0.75 * pitch, 3.0 if i == chosen else 1.0)
        colour = ORANGE if i == chosen else GREY
        draw.rectangle((left, min(zero, tip), right, max(zero, tip)), fill=colour)
    draw.line((edge, zero, size - edge, zero), fill="#FFFFFF", width=2)
    return np.asarray(image)


def padding_in_sight(corners: Sequence[Box]) -> int:
    """How many pixels of padding a picture must show so that these boxes fit on it."""
    return max(0, *(round(max(-min(box[:2]), max(box[2:]) - SIDE)) for box in corners))


def kernel_matrix(kernels: Tensor, high: float | None, dark: bool, cell: int = 9) -> Picture:
    """All kernels of a layer: a row for each output map, a column for each input map.

    `kernels`: (output maps, input maps, side, side). Rows and columns are numbered from 1. `high`: the
    value of the strongest colour; None gives each kernel its own scale. `cell`: the width of a weight in
    pixels. The background is transparent, and the numbers are light on a `dark` page and dark otherwise.
    """
    outs, ins, side = kernels.shape[:3]
    scale = max(cell, 28 // side)  # even a 1x1 kernel must be as large as its number
    pitch, edge = side * scale + 4, 44
    image = Image.new("RGBA", (edge + ins * pitch, edge + outs * pitch))
    draw = ImageDraw.Draw(image)
    text = "#E8ECF0" if dark else "#1B1F24"
    font = ImageFont.load_default(17)
    for column in range(ins):
        if _numbered(column, pitch):
            draw.text(
                (edge + (column + 0.5) * pitch - 2, edge - 8),
                str(column + 1),
                fill=text,
                font=font,
                anchor="ms",
            )
    for row in range(outs):
        if _numbered(row, pitch):
            draw.text(
                (edge - 10, edge + (row + 0.5) * pitch - 2), str(row + 1), fill=text, font=font, anchor="rm"
            )
        for column in range(ins):
            kernel = kernels[row, column]
            bound = float(kernel.abs().max()) if high is None else high
            tile = enlarge(paint(kernel, WEIGHTS, -bound, bound), side * scale)
            image.paste(Image.fromarray(tile), (edge + column * pitch, edge + row * pitch))
    return np.asarray(image)


def _numbered(index: int, pitch: int) -> bool:
    """Whether this row or column gets its number: where `pitch` pixels are too few, one in five does."""
    return pitch >= 26 or index == 0 or (index + 1) % 5 == 0


def color_bar(palette: Picture, width: int = 240, height: int = 20) -> Picture:
    """The colours of a palette from its low end to its high one."""
    columns = np.linspace(0, STEPS - 1, width).round().astype(int)
    bar: Picture = np.broadcast_to(palette[columns], (height, width, 3)).copy()
    return bar


def _hatching(side: int) -> Picture:
    """A square of slanted stripes, which look like no digit."""
    y, x = np.indices((side, side))
    stripes = np.where((x + y) // 6 % 2 == 0, 84, 112).astype(np.uint8)
    return np.stack([stripes, stripes, stripes], axis=2)


def _frame(picture: Picture, box: Box, factor: int, thick: int | None) -> Picture:
    """A frame around a box. At the edge of the picture it lies inside the box. An orange line between
    two black ones can be seen on every colour."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    thick = thick or max(3, min(8, factor // 3))
    left, top = (max(0, round(edge * factor) - thick) for edge in box[:2])
    right, bottom = (
        min(side, round(edge * factor) + thick) - 1 for edge, side in zip(box[2:], image.size, strict=True)
    )
    draw.rectangle((left, top, right, bottom), outline="#000000", width=thick)
    draw.rectangle((left + 1, top + 1, right - 1, bottom - 1), outline=ORANGE, width=max(1, thick - 2))
    return np.asarray(image)
