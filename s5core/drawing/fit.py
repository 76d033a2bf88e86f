"""From a drawing or a picture to the 28x28 digit that the networks read.

MNIST's digits were scaled, keeping their aspect ratio, into a 20x20 box and placed so that
their centre of mass is the centre of the 28x28 field (LeCun, Cortes and Burges, "The MNIST
database"). A drawing is brought to the same form.
"""

from __future__ import annotations

import io
import math
import warnings
from itertools import pairwise
from operator import itemgetter
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat
from torch import Tensor

from s5core.drawing import sketch
from s5core.drawing.sketch import Sketch, Stroke
from s5core.errors import UserError

SIDE = 28  # of the field, in pixels
BOX = 20  # of the digit's longer side in it
FAINT = 0.1  # ink below this share of the darkest counts as paper
MAX_PIXELS = 65_000_000  # a photograph of a modern phone has 12 to 64 million
MAX_BYTES = 20 * 2**20
MAX_RATIO = 20  # of a picture's sides; a digit on a longer strip would be a few pixels wide
PHOTO_SIDE = 400  # pixels of a photograph's longer side are enough for a digit
DESK_SIDE = 50  # are enough to tell paper from the desk around it
TWO_SHADES = 0.85  # of the variance, between paper and desk; of light that falls off evenly 0.75
SCAN_SIDE = 56  # pixels of a picture that no camera made, such as one of MNIST's 28x28
PEN = 2.2  # pixels of the 28x28: drawn digits then have as much ink as MNIST's have on average
PENS = (1.8, 2.9)  # of MNIST's training digits, as `_pen_width` measures them: 2.3 on average, ± 0.6
DOT = 12  # pixels of the canvas; what is smaller is a dot, and stays small
FINE = 8  # a digit is redrawn, or its pen changed, this many times larger, then shrunk
GAP = 0.1  # of the height of all ink, between parts that are digits of their own
CONTRAST = 0.15  # that ink has against its paper at the least, of black against white

Ink = NDArray[np.floating]  # (height, width), 0 paper to 1 ink
Span = tuple[float, float, float, float]  # left, right, top, bottom


class DigitError(UserError):
    """A picture in which no digit can be read; the message says why."""


class BlankError(DigitError):
    """There is nothing on it at all."""

    def __init__(self) -> None:
        super().__init__("There is no digit on it, only paper.")


def open_image(source: Path | bytes, name: str = "") -> Image.Image:
    """A picture from a file or an upload, turned upright. Raises DigitError for what is too
    large, far longer than wide, damaged, or no picture at all."""
    name = name or (str(source) if isinstance(source, Path) else "The upload")
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise DigitError(f"{name} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_BYTES:
        raise DigitError(f"{name} is larger than {MAX_BYTES >> 20} MiB: use a smaller picture.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # we have our own bound
            image = Image.open(io.BytesIO(content))
        if image.width * image.height > MAX_PIXELS:
            raise DigitError(f"{name} has {image.width}x{image.height} pixels: use a smaller picture.")
        if max(image.size) > MAX_RATIO * min(image.size):
            raise DigitError(
                f"{name} is a strip of {image.width}x{image.height} pixels: use a picture of one digit."
            )
        # A JPEG is decoded no larger than it is needed: 64 million pixels would take 200 MB.
        image.draft(None, (2 * PHOTO_SIDE, 2 * PHOTO_SIDE))
        image.load()
        return ImageOps.exif_transpose(image)
    except Image.DecompressionBombError as error:
        raise DigitError(f"{name} has far too many pixels: use a smaller picture.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise DigitError(f"{name} is damaged or no picture: use a PNG or JPEG file.") from error


def ink(image: Image.Image | NDArray[np.uint8]) -> Ink:
    """How much ink there is where, whichever of ink and paper is the darker.

    `image`: a picture, or uint8 (H, W), (H, W, 3) or (H, W, 4). The paper is what most of the
    border shows; a transparent picture's ink is what is opaque.
    """
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    rgba = np.asarray(picture.convert("RGBA"), dtype=np.float32) / 255
    alpha = rgba[..., 3]
    if alpha.min() < 0.5 < alpha.max():
        return alpha
    rgb = rgba[..., :3]
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    # Red on green can be as bright as its paper: the channel that differs most counts.
    return np.asarray(np.abs(rgb - np.median(border, axis=0)).max(-1), dtype=np.float32)


def photographed_ink(photo: Image.Image) -> Ink:
    """How much ink there is where on a photograph: light that falls off across the paper and
    the paper's grain do not count. Raises DigitError where nothing stands out."""
    photo = photo.copy()
    photo.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    if max(photo.size) <= SCAN_SIDE:
        return ink(photo)
    if photo.has_transparency_data and np.asarray(photo.convert("RGBA"))[..., 3].min() < 128:
        return ink(photo)  # drawn on nothing, not photographed
    strength, peak = _contrast(photo.convert("L"))
    if peak < CONTRAST:  # colours can be equally bright: yellow on white, red on green
        strength, peak = max((_contrast(band) for band in photo.convert("RGB").split()), key=itemgetter(1))
    if peak < CONTRAST:
        raise DigitError("No digit stands out in this picture: take one of a thick pen on plain paper.")
    return np.asarray(((strength / peak - 0.3) / 0.4).clip(0, 1), dtype=np.float32)


def _contrast(band: Image.Image) -> tuple[Ink, float]:
    """How far each pixel stands out from the paper around it, and what the pen's reach."""
    grey = band.filter(ImageFilter.MedianFilter(3))
    beyond = _beyond_paper(grey)

    def sheet(fill: int) -> Image.Image:
        return Image.composite(Image.new("L", grey.size, fill), grey, beyond)

    dark_on_light = ImageChops.subtract(_surroundings(sheet(0), ImageFilter.MaxFilter), grey)
    light_on_dark = ImageChops.subtract(grey, _surroundings(sheet(255), ImageFilter.MinFilter))
    sides = [ImageChops.subtract(side, beyond) for side in (dark_on_light, light_on_dark)]
    # Pen is scarcer than paper, so the side on which little stands out is the right one.
    strength = np.asarray(min(sides, key=lambda side: ImageStat.Stat(side).mean[0]), dtype=np.float32) / 255
    return strength, float(np.quantile(strength, 0.995))


def _beyond_paper(grey: Image.Image) -> Image.Image:
    """255 where a desk shows around the paper, else 0: at the border, and of a brightness that is
    clearly another one than that of the middle."""
    small = grey.copy()
    small.thumbnail((DESK_SIDE, DESK_SIDE))
    plain = np.asarray(small.filter(ImageFilter.MedianFilter(DESK_SIDE // 4 | 1)), dtype=np.float32) / 255
    levels = np.sort(plain, axis=None)
    # Otsu's method: the two halves of the brightnesses that differ most.
    count = np.arange(1, levels.size)
    low, high = levels.cumsum()[:-1] / count, levels[::-1].cumsum()[::-1][1:] / count[::-1]
    between = count * count[::-1] * (high - low) ** 2 / levels.size**2
    best = int(between.argmax())
    bright = plain > (levels[best] + levels[best + 1]) / 2
    height, width = plain.shape
    middle = bright[height // 3 : -height // 3, width // 3 : -width // 3]
    paper = bright == (middle.mean() > 0.5)
    edge = np.concatenate([paper[0], paper[-1], paper[:, 0], paper[:, -1]])
    two = between[best] > TWO_SHADES * plain.var() and high[best] - low[best] > CONTRAST
    if not (two and edge.mean() < 0.8 and paper.mean() > 0.25 and (middle == middle[0, 0]).mean() > 0.95):
        return Image.new("L", grey.size)
    desk = Image.fromarray(np.uint8(255) * ~paper).resize(grey.size, Image.Resampling.BILINEAR)
    return desk.point([0] + 255 * [255]).filter(ImageFilter.MaxFilter(5))


def _surroundings(
    grey: Image.Image, extreme: type[ImageFilter.MaxFilter | ImageFilter.MinFilter]
) -> Image.Image:
    """The paper's brightness everywhere, also beneath a pen's stroke: the brightest (or darkest)
    of the neighbourhood, smoothed."""
    small = grey.copy()
    small.thumbnail((PHOTO_SIDE // 4, PHOTO_SIDE // 4))
    width = 2 * (min(small.size) // 10) + 3  # odd, and wider than a stroke
    spread = small.filter(extreme(width)).filter(ImageFilter.BoxBlur(width / 2))
    return spread.resize(grey.size, Image.Resampling.BILINEAR)


def fit(drawing: Ink, center: bool = True) -> Tensor:
    """The digit as the networks see it: (1, 1, 28, 28) uint8, 0 is background.

    `center` crops the ink, brings a pen that is thinner or thicker than those of MNIST's writers
    to theirs, fits all into 20x20 and moves its centre of mass to the middle; without it the
    drawing is merely shrunk. A digit of 28 pixels or less keeps its pen. Raises BlankError when
    there is no ink, and DigitError for several digits.
    """
    peak = float(drawing.max(initial=0))
    if peak < FAINT:
        raise BlankError
    strong = drawing / peak
    inked = strong > FAINT
    _refuse_several(_spans(inked), [_turned(span) for span in _spans(inked.T)])
    if not center:
        return _to_tensor(_resize(strong, SIDE, SIDE))
    cropped = _crop(strong)
    if max(cropped.shape) > SIDE:
        cropped = _crop(_with_mnist_pen(_fit_into(BOX * FINE, cropped)))
    small = _fit_into(BOX, cropped)
    mass = small.sum()
    centre = [float((small.sum(1 - axis) * np.arange(small.shape[axis])).sum() / mass) for axis in (0, 1)]
    field = np.zeros((SIDE, SIDE), dtype=np.float32)
    top, left = (
        int(np.clip(round((SIDE - 1) / 2 - c), 0, SIDE - side))
        for c, side in zip(centre, small.shape, strict=True)
    )
    height, width = small.shape
    field[top : top + height, left : left + width] = small
    return _to_tensor(field)


def of_sketch(drawn: Sketch, center: bool = True) -> Tensor:
    """A drawing as the networks see it: (1, 1, 28, 28) uint8, 0 is background.

    Its strokes are drawn anew, unless `center` is off: then its picture is merely shrunk.
    Raises BlankError when nothing is drawn, and DigitError for several digits.
    """
    if center or drawn.pixels is None:
        return redraw(sketch.strokes_of(drawn.drawing))
    return fit(ink(drawn.pixels), center=False)


def redraw(strokes: list[Stroke]) -> Tensor:
    """The digit that was drawn in these strokes, with a pen as wide as those of MNIST's writers
    in its 20x20 box: (1, 1, 28, 28) uint8, 0 is background.

    `strokes`: in pixels of the canvas. However thick the pen was there, the networks see the
    strokes that they know. Raises BlankError when there is none, and DigitError for several digits.
    """
    if not strokes:
        raise BlankError
    _refuse_several(spans := [_span(stroke) for stroke in strokes], spans)
    points = np.array([point for stroke in strokes for point in stroke])
    low, high = points.min(0), points.max(0)
    scale = (BOX - PEN) / max(*(high - low), DOT)

    def place(shift: NDArray[np.floating]) -> Ink:
        placed = [[(x, y) for x, y in (np.array(s) - low) * scale + shift] for s in strokes]
        return sketch.paint(placed, PEN, SIDE, FINE).astype(np.float32) / 255

    middle = (SIDE - (high - low) * scale) / 2
    field = place(middle)
    cells = np.arange(SIDE) + 0.5
    mass = np.array([field.sum(0) @ cells, field.sum(1) @ cells]) / field.sum()
    return _to_tensor(place(middle + SIDE / 2 - mass))


def _span(stroke: Stroke) -> Span:
    xs, ys = zip(*stroke, strict=True)
    return min(xs), max(xs), min(ys), max(ys)


def _spans(inked: NDArray[np.bool_]) -> list[Span]:
    """Where the ink of a picture (height, width) stands: a span for each run of columns that
    have some."""
    edges = np.flatnonzero(np.diff(inked.any(0), prepend=False, append=False))
    spans = []
    for left, right in edges.reshape(-1, 2):
        rows = np.flatnonzero(inked[:, left:right].any(1))
        spans.append((float(left), float(right), float(rows[0]), float(rows[-1] + 1)))
    return spans


def _turned(span: Span) -> Span:
    """The span with its axes exchanged."""
    left, right, top, bottom = span
    return top, bottom, left, right


def _refuse_several(columns: list[Span], rows: list[Span]) -> None:
    """Raise DigitError when two parts stand side by side with a gap between them, each more
    than half as tall as all of it, or one above another, each more than a third as tall. Of 3,000
    digits that 125 people drew none is like that.

    `columns`: spans of what stands side by side, `rows`: of what stands one above another.
    """
    beside, above = _joined(columns), [_turned(part) for part in _joined([_turned(row) for row in rows])]
    height = max(part[3] for part in beside) - min(part[2] for part in beside)
    tall = [part for part in beside if part[3] - part[2] > height / 2]
    stacked = [part for part in above if part[3] - part[2] > height / 3]
    if any(after[0] - before[1] > GAP * height for before, after in pairwise(tall)) or any(
        after[2] - before[3] > GAP * height for before, after in pairwise(stacked)
    ):
        raise DigitError(
            "There are several digits, or the parts of one stand far apart: draw one digit at a time, its "
            "parts close together."
        )


def _joined(spans: list[Span]) -> list[Span]:
    """From left to right, those that stand above one another as one."""
    parts: list[Span] = []
    for left, right, top, bottom in sorted(spans):
        if parts and left <= parts[-1][1]:
            before = parts.pop()
            left, right = before[0], max(right, before[1])
            top, bottom = min(top, before[2]), max(bottom, before[3])
        parts.append((left, right, top, bottom))
    return parts


def _crop(drawing: Ink) -> Ink:
    rows, columns = (np.flatnonzero((drawing > FAINT).any(axis)) for axis in (1, 0))
    return drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fit_into(box: int, drawing: Ink) -> Ink:
    """Resize the drawing so that its longer side is the box's."""
    factor = box / max(drawing.shape)
    height, width = (max(1, round(side * factor)) for side in drawing.shape)
    return _resize(drawing, height, width)


def _with_mnist_pen(drawing: Ink) -> Ink:
    """The drawing, cropped and BOX * FINE pixels long, with a pen that has a width of `PENS` once
    it is fitted into the box."""
    pen, length = _pen_width(drawing), max(drawing.shape)
    wanted = FINE * float(np.clip(pen / FINE, *PENS))
    # What stays as it is is the middle of the strokes, length - pen from end to end. It becomes
    # length - wanted once the new pen's ends reach the box again.
    new_pen = wanted * (length - pen) / (length - wanted)
    changed = _grow(drawing, (new_pen - pen) / 2)
    return changed if changed.max() > FAINT else drawing  # a texture has no strokes to thin


def _pen_width(drawing: Ink) -> float:
    """The width of the strokes in pixels: a stroke has its length on both of its edges, so twice
    the area over the length of all edges."""
    down, right = np.gradient(np.pad(drawing, 1))
    return float(2 * drawing.sum() / np.hypot(down, right).sum())


def _grow(drawing: Ink, radius: float) -> Ink:
    """Move the edges of the ink outwards by `radius` pixels, or inwards by a negative one: a
    grey dilation or erosion by a disc."""
    reach = math.ceil(abs(radius))
    extreme = np.maximum if radius > 0 else np.minimum
    grown = np.pad(drawing, reach if radius > 0 else 0)
    height, width = grown.shape
    around = np.pad(grown, reach)
    disc = [
        (down, right)
        for down in range(-reach, reach + 1)
        for right in range(-reach, reach + 1)
        if down**2 + right**2 <= radius**2
    ]
    for down, right in disc:
        moved = around[reach + down : reach + down + height, reach + right : reach + right + width]
        grown = extreme(grown, moved)
    return grown


def _resize(drawing: Ink, height: int, width: int) -> Ink:
    picture = Image.fromarray(drawing).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.float32).clip(0, 1)


def _to_tensor(field: Ink) -> Tensor:
    return torch.from_numpy(np.round(field * 255).astype(np.uint8)).view(1, 1, SIDE, SIDE)
