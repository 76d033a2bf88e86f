"""Small fields of numbers as pictures with hard pixel edges: maps, kernels, digits with a box.

A picture is (height, width, 3) uint8. Two palettes, which colour-blind people can tell apart
and nobody can mistake for one another: viridis for activations (Smith and van der Walt, 2015),
blue through white to vermilion for weights and attributions, which have a sign.
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
Box = tuple[float, float, float, float]  # left, top, right, bottom; pixel i covers i … i + 1

SIDE = INPUT_SHAPE[1]  # of a digit, in pixels
STEPS = 256  # colours of a palette
SHADE = 0.4  # brightness that is left outside a receptive field
INKED = 96  # grey level, 0 to 255, from which a pixel lies within a digit's outline


def _palette(*colours: str) -> Picture:
    """STEPS colours, evenly from the first to the last."""
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
WEIGHTS = _palette("#00436B", BLUE, SKY, "#F7F7F7", "#F2A36B", RED, "#7A3500")
INK = _palette("#000000", "#FFFFFF")


def data_url(picture: Picture) -> str:
    """A picture (or grey levels, (height, width) uint8) as a PNG inside a URL.

    It travels with the page: a picture with an address of its own may be gone by the time that
    a browser asks for it, when the page has been redrawn in between.
    """
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, "PNG", compress_level=3)  # the default takes three times as long
    return f"data:image/png;base64,{base64.b64encode(packed.getvalue()).decode()}"


def paint(field: Tensor, palette: Picture, low: float, high: float) -> Picture:
    """A field (height, width) in colours; values beyond `low` … `high` take the end's colour.
    Where both are the same there is nothing to tell apart, and all get the first colour."""
    values = field.numpy().astype(float)
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    coloured: Picture = palette[(share.clip(0, 1) * (STEPS - 1)).round().astype(int)]
    return coloured


def enlarge(picture: Picture, size: int) -> Picture:
    """The picture with each pixel as a square of whole pixels, at least `size` wide."""
    factor = max(1, -(-size // picture.shape[1]))
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def mark_cell(picture: Picture, row: int, column: int, size: int, thick: int | None = None) -> Picture:
    """The picture enlarged as by `enlarge`, with a frame around one pixel of it, `thick` pixels
    wide; None suits a picture that fills half a page."""
    large = enlarge(picture, size)
    factor = large.shape[1] // picture.shape[1]
    return _frame(large, (column, row, column + 1, row + 1), factor, thick)


def box_on_digit(digit: Tensor, box: Box, margin: int, factor: int = 12, thick: int | None = None) -> Picture:
    """A digit with a receptive field framed and all beyond it darkened.

    `digit`: (1, 1, 28, 28) uint8. `margin`: pixels of hatched padding that are shown on every
    side. A pixel becomes `factor` pixels wide. `thick`: as for `mark_cell`.
    """
    field = enlarge(paint(digit[0, 0], INK, 0, 255), SIDE * factor)
    side = (SIDE + 2 * margin) * factor
    picture = _hatching(side)
    inner = slice(margin * factor, side - margin * factor)
    picture[inner, inner] = field
    left, top, right, bottom = (round((edge + margin) * factor) for edge in box)
    shaded = (picture * SHADE).astype(np.uint8)
    window = slice(max(top, 0), bottom), slice(max(left, 0), right)
    shaded[window] = picture[window]
    edges = box[0] + margin, box[1] + margin, box[2] + margin, box[3] + margin
    return _frame(shaded, edges, factor, thick)


def outlined(field: Tensor, digit: Tensor, high: float, factor: int = 20) -> Picture:
    """What each pixel of a digit counts, in colours from `-high` to `high`, with a thin line
    around the ink, so that the digit is seen where nothing counts.

    `field`: (28, 28). `digit`: (1, 1, 28, 28) uint8. A pixel becomes `factor` pixels wide.
    """
    coloured = enlarge(paint(field, WEIGHTS, -high, high), SIDE * factor)
    inked = enlarge((digit[0, 0].numpy() > INKED).astype(np.uint8), SIDE * factor)
    line = np.zeros_like(inked, dtype=bool)
    for across in (0, 1):  # a pixel of the line on either side of the ink's edge
        before, after = np.moveaxis(inked, across, 0)[:-1], np.moveaxis(inked, across, 0)[1:]
        for side in (slice(None, -1), slice(1, None)):
            np.moveaxis(line, across, 0)[side] |= before != after
    coloured[line] = ImageColor.getrgb(GREY)
    return coloured


def bars(values: Tensor, chosen: int, size: int) -> Picture:
    """Values (N,) as bars from the same line, upwards or, below zero, downwards, one of them
    orange; black around them. `size`: width and height in pixels."""
    image = Image.new("RGB", (size, size))
    draw = ImageDraw.Draw(image)
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    edge = size / 16
    scale, pitch = (size - 2 * edge) / ((high - low) or 1), (size - 2 * edge) / len(values)
    zero = edge + high * scale
    # The chosen one comes last and is never too thin to be seen.
    for i in (*(i for i in range(len(values)) if i != chosen), chosen):
        tip = zero - float(values[i]) * scale
        left, right = edge + i * pitch, edge + i * pitch + max(0.75 * pitch, 3.0 if i == chosen else 1.0)
        colour = ORANGE if i == chosen else GREY
        draw.rectangle((left, min(zero, tip), right, max(zero, tip)), fill=colour)
    draw.line((edge, zero, size - edge, zero), fill="#FFFFFF", width=2)
    return np.asarray(image)


def padding_in_sight(corners: Sequence[Box]) -> int:
    """How many pixels of padding must be shown for these boxes to fit on the picture."""
    return max(0, *(round(max(-min(box[:2]), max(box[2:]) - SIDE)) for box in corners))


def kernel_matrix(kernels: Tensor, high: float | None, dark: bool, cell: int = 9) -> Picture:
    """All kernels (maps out, maps in, side, side) of a layer: a row for each map that comes
    out, a column for each that goes in, both numbered from 1.

    `high`: the value of the strongest colour; None gives each kernel a scale of its own.
    The background is transparent, the numbers are light on a `dark` page and dark otherwise.
    """
    outs, ins, side = kernels.shape[:3]
    scale = max(cell, 28 // side)  # a 1x1 kernel must hold its number beside it
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
    """Whether there is room for this number where one comes every `pitch` pixels."""
    return pitch >= 26 or index == 0 or (index + 1) % 5 == 0


def color_bar(palette: Picture, width: int = 240, height: int = 20) -> Picture:
    """The colours of a palette from its low end to its high one."""
    columns = np.linspace(0, STEPS - 1, width).round().astype(int)
    bar: Picture = np.broadcast_to(palette[columns], (height, width, 3)).copy()
    return bar


def _hatching(side: int) -> Picture:
    """A square of slanted stripes that no digit could be taken for."""
    y, x = np.indices((side, side))
    stripes = np.where((x + y) // 6 % 2 == 0, 84, 112).astype(np.uint8)
    return np.stack([stripes, stripes, stripes], axis=2)


def _frame(picture: Picture, box: Box, factor: int, thick: int | None) -> Picture:
    """A frame around a box, inside it only at the picture's edge: orange between two lines of
    black, so that it stands out from whatever colour is around it."""
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
