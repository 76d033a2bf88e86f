"""From strokes or ink to the 28x28 digit that the networks read.

MNIST's digits were scaled into a 20x20 box, without changing their aspect ratio, and placed with
their centre of mass in the centre of the 28x28 picture (LeCun, Cortes and Burges, "The MNIST
database"). Drawings are brought to the same form.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from s5core.drawing import detector, sketch
from s5core.drawing.sketch import Sketch, Stroke
from s5core.errors import UserError

SIDE = 28  # pixels: the picture that the networks read
BOX = 20  # pixels: the longer side of the digit in it
FAINT = 0.1  # ink weaker than this share of the strongest counts as paper
PEN = 2.0  # pixels of the 28x28: of the widths tried by `benchmarks.readings` the one that reads best
PENS = (1.8, 2.4)  # widths that stay: MNIST's training digits have 2.3 ± 0.6, measured by `pen_width`
DOT = 12  # pixels of the canvas: a smaller drawing is a dot, and is not enlarged to fill the box
FINE = 8  # work on strokes in a picture this many times larger, then shrink it
LARGE = 0.35  # of the largest part's length: a shorter part is no digit of its own
MOST = 3  # parts that are looked at
POSSIBLE = -2.0  # least log-odds of a part that could be a digit
SURER = 2.0  # log-odds by which the second part must look more like a digit than the whole does

Ink = NDArray[np.floating]  # (height, width), from 0, paper, to 1, ink
T = TypeVar("T")


class DigitError(UserError):
    """A drawing or picture from which no digit can be read; the message says why."""


class BlankError(DigitError):
    """A drawing or picture that is empty."""

    def __init__(self) -> None:
        super().__init__("There is no digit on it, only paper.")


def ink(image: Image.Image | NDArray[np.uint8]) -> Ink:
    """The ink of a picture, darker or lighter than its paper.

    `image`: a picture, or uint8 (H, W), (H, W, 3) or (H, W, 4). The paper has the median colour of
    the picture's border. If parts of the picture are transparent, the opaque parts are the ink.
    """
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    rgba = np.asarray(picture.convert("RGBA"), dtype=np.float32) / 255
    alpha = rgba[..., 3]
    if alpha.min() < 0.5 < alpha.max():
        return alpha
    rgb = rgba[..., :3]
    border = np.concatenate([rgb[0], rgb[-1], rgb[:, 0], rgb[:, -1]])
    # Red ink can be as bright as green paper, so the channel that differs most counts.
    return np.asarray(np.abs(rgb - np.median(border, axis=0)).max(-1), dtype=np.float32)


def of_ink(drawing: Ink, center: bool = True) -> Tensor:
    """A picture's ink as the networks see it: (1, 1, 28, 28) uint8, 0 is background.

    `center`: crop the ink, make strokes that are thinner or thicker than those of MNIST's writers
    as wide as theirs, fit the digit into 20x20 and move its centre of mass to the middle. The
    width of the strokes stays in a picture whose ink is at most 28 pixels long. Without `center`,
    the drawing is only shrunk. Raises BlankError if there is no ink, DigitError for several digits.
    """
    peak = float(drawing.max(initial=0))
    if peak < FAINT:
        raise BlankError
    strong = drawing / peak
    whole = _fitted(strong)
    _refuse_several(whole, ([_fitted(part) for part in parts] for parts in _parts_of_ink(strong)))
    return whole if center else _to_tensor(_resize(strong, SIDE, SIDE))


def _fitted(drawing: Ink) -> Tensor:
    """Ink of any size in the form of MNIST's digits."""
    cropped = _crop(drawing)
    fine = 1  # a picture as small as MNIST's keeps its pixels
    if max(cropped.shape) > SIDE:
        cropped = _crop(_with_mnist_pen(_fit_into(BOX * FINE, cropped)))
        fine = FINE
    fitted, side = _fit_into(BOX * fine, cropped), SIDE * fine
    mass = fitted.sum()
    centre = [float((fitted.sum(1 - axis) * np.arange(fitted.shape[axis])).sum() / mass) for axis in (0, 1)]
    field = np.zeros((side, side), dtype=np.float32)
    top, left = (
        int(np.clip(round((side - 1) / 2 - c), 0, side - length))
        for c, length in zip(centre, fitted.shape, strict=True)
    )
    height, width = fitted.shape
    field[top : top + height, left : left + width] = fitted
    return _to_tensor(field.reshape(SIDE, fine, SIDE, fine).mean((1, 3)))


def of_sketch(drawn: Sketch, center: bool = True) -> Tensor:
    """A drawing as the networks see it: (1, 1, 28, 28) uint8, 0 is background.

    `center`: draw its strokes again in MNIST's form. Without it, its picture is only shrunk.
    Raises BlankError if nothing is drawn, DigitError for several digits.
    """
    if center or drawn.pixels is None:
        return of_strokes(sketch.strokes_of(drawn.drawing))
    return of_ink(ink(drawn.pixels), center=False)


def of_strokes(strokes: list[Stroke]) -> Tensor:
    """Strokes as the networks see them: (1, 1, 28, 28) uint8, 0 is background.

    `strokes`: in pixels of the canvas. Raises BlankError if there are none, DigitError for several digits.
    """
    if not strokes:
        raise BlankError
    whole = redrawn(strokes)
    _refuse_several(whole, ([redrawn(part) for part in parts] for parts in parts_of_strokes(strokes)))
    return whole


def redrawn(strokes: list[Stroke], pen: float = PEN) -> Tensor:
    """Strokes, drawn again in MNIST's 20x20 box: (1, 1, 28, 28) uint8, 0 is background.

    `strokes`: in pixels of the canvas, one at least. `pen`: its width in the 28x28. It is nearly as wide as
    those of MNIST's writers, so that the width of the pen on the canvas does not matter.
    """
    low, high = sketch.bounds(strokes)
    scale = (BOX - pen) / max(*(high - low), DOT)
    cropped = sketch.moved(strokes, 1, -low)

    def paint(shift: NDArray[np.floating]) -> NDArray[np.uint8]:
        return sketch.paint(sketch.moved(cropped, scale, shift), pen, SIDE, FINE)

    shift = (SIDE - (high - low) * scale) / 2
    field = paint(shift)
    cells = np.arange(SIDE) + 0.5
    # Of whole numbers, so that the sums are exact: an exported page comes to the same place.
    mass = np.array([field.sum(0) @ cells, field.sum(1) @ cells]) / field.sum()
    return torch.tensor(paint(shift + SIDE / 2 - mass)).view(1, 1, SIDE, SIDE)


def parts_of_strokes(strokes: list[Stroke]) -> Iterator[list[list[Stroke]]]:
    """What could be digits of their own: the strokes side by side, then those one above the other."""
    for axis in (0, 1):
        parts: list[list[Stroke]] = []
        end = -math.inf
        for low, stroke in sorted((min(point[axis] for point in stroke), stroke) for stroke in strokes):
            if low > end:
                parts.append([])
            parts[-1].append(stroke)
            end = max(end, max(point[axis] for point in stroke))
        yield _large(parts, [float(np.ptp(np.concatenate(part), axis=0).max()) for part in parts])


def _parts_of_ink(drawing: Ink) -> Iterator[list[Ink]]:
    """What could be digits of their own: the ink side by side, then that one above the other."""
    for turned in (drawing, drawing.T):
        inked = turned > FAINT
        edges = np.flatnonzero(np.diff(inked.any(0), prepend=False, append=False)).reshape(-1, 2)
        heights = [np.ptp(np.flatnonzero(inked[:, left:right].any(1))) for left, right in edges]
        lengths = [float(max(side)) for side in zip(heights, np.diff(edges)[:, 0], strict=True)]
        parts = [turned[:, left:right] for left, right in edges]
        yield _large(parts if turned is drawing else [part.T for part in parts], lengths)


def _large(parts: list[T], lengths: list[float]) -> list[T]:
    """The largest parts, at most `MOST` of them, that are not much smaller than the largest one."""
    order = sorted(range(len(parts)), key=lambda i: -lengths[i])[:MOST]
    return [parts[i] for i in order if lengths[i] >= LARGE * lengths[order[0]]]


def surplus(whole: Tensor, parts: list[Tensor]) -> float:
    """By how much two parts of a drawing look more like digits than the whole of it does, in log-odds:
    that of the second part. Minus infinity where fewer than two could be digits.

    `whole`, each of `parts`: (1, 1, 28, 28) uint8.
    """
    if len(parts) < 2:
        return -math.inf
    all_of_it, *found = detector.log_odds(torch.cat([whole, *parts])).tolist()
    second = sorted(found)[-2]
    return second - all_of_it if second >= POSSIBLE else -math.inf


def _refuse_several(whole: Tensor, splits: Iterable[list[Tensor]]) -> None:
    """Raise DigitError if the parts of one split are digits, and the whole is less of one. The parts of a
    4 or of an 8 can look like digits too, so what counts is the difference."""
    if any(surplus(whole, parts) > SURER for parts in splits):
        raise DigitError(
            "There are several digits, or the parts of one digit are too far apart: draw one digit at a "
            "time, and draw its parts close together."
        )


def _crop(drawing: Ink) -> Ink:
    rows, columns = (np.flatnonzero((drawing > FAINT).any(axis)) for axis in (1, 0))
    return drawing[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _fit_into(box: int, drawing: Ink) -> Ink:
    """Resize the drawing so that its longer side is the box's."""
    factor = box / max(drawing.shape)
    height, width = (max(1, round(side * factor)) for side in drawing.shape)
    return _resize(drawing, height, width)


def _with_mnist_pen(drawing: Ink) -> Ink:
    """The drawing with strokes that have a width within `PENS` after it is fitted into the box.

    `drawing`: cropped, BOX * FINE pixels long.
    """
    pen, length = pen_width(drawing), max(drawing.shape)
    wanted = FINE * float(np.clip(pen / FINE, *PENS))
    # Changing the pen keeps the middle lines of the strokes, which are length - pen long. Fitting
    # then scales them to length - wanted, so the pen must become `wanted` by the same factor.
    new_pen = wanted * (length - pen) / (length - wanted)
    changed = _grow(drawing, (new_pen - pen) / 2)
    return changed if changed.max() > FAINT else drawing  # a texture has no strokes, and would vanish


def pen_width(drawing: Ink) -> float:
    """The width of the strokes in pixels: twice their area divided by the length of their edges,
    because a stroke has two edges, each as long as the stroke."""
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
