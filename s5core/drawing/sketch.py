"""A drawing as strokes: what the canvas starts from, what was drawn on it, and the hard digits
that it offers.

A stroke is a list of points, x to the right and y down, through which a smooth curve is
drawn; a point that stands twice is a corner.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 280  # of the canvas, in pixels
PEN, PAPER = "#ffffff", "#000000"
BENDS = 8  # pieces of a curve that the canvas's pen has drawn
SMOOTH = 8  # pieces of a curve from one point to the next
FINE = 2  # the canvas's own edges are about as soft

Point = tuple[float, float]
Stroke = list[Point]


@dataclass(frozen=True, eq=False)
class Sketch:
    """What stands on the canvas."""

    drawing: dict[str, Any]  # for the canvas to go on with: a Fabric.js canvas as JSON
    pixels: NDArray[np.uint8] | None  # (280, 280), white on black; None: nothing is drawn


EMPTY = Sketch({"objects": []}, None)


def of_canvas(drawing: dict[str, Any], image: NDArray[np.uint8]) -> Sketch:
    """What a browser sent: its strokes, and their picture (280, 280, 4). One channel says all of
    white on black, and is worth keeping many times."""
    return Sketch(drawing, image[..., 0].copy())


def of_strokes(strokes: list[Stroke], width: int) -> Sketch:
    """The sketch that a round pen of this width in pixels makes."""
    return of_lines([curve(stroke) for stroke in strokes], width)


def of_lines(curves: list[Stroke], width: int) -> Sketch:
    """The same for strokes whose points are joined by straight lines, as a browser samples them."""
    return Sketch({"objects": [_path(points, width) for points in curves]}, paint(curves, width))


def strokes_of(drawing: dict[str, Any]) -> list[Stroke]:
    """The strokes that stand on a canvas, in its pixels, as the middle line of the pen.

    `drawing`: a Fabric.js canvas as JSON, whose strokes may have been moved, turned or scaled
    with the canvas's own tools. A stroke in the colour of the paper erases what is beneath it.
    """
    strokes: list[Stroke] = []
    for shape in drawing["objects"]:
        points = _middle_line(shape)
        if shape["stroke"] == PAPER:
            radius = shape["strokeWidth"] * abs(shape.get("scaleX", 1)) / 2
            strokes = [piece for stroke in strokes for piece in _cut(stroke, points, radius)]
        elif points:
            strokes.append(points)
    return strokes


def _middle_line(shape: dict[str, Any]) -> Stroke:
    """Points along a stroke of the canvas's pen, where it now stands."""
    points: Stroke = []
    bounds: Stroke = []  # points that span what Fabric.js takes for the path's box
    for command, *numbers in shape["path"]:
        *control, end = zip(numbers[::2], numbers[1::2], strict=True)
        if command == "Q":
            start, (bend,) = points[-1], control
            for t in (step / BENDS for step in range(1, BENDS)):
                points.append(_blend((1 - t) ** 2, start, 2 * t * (1 - t), bend, t**2, end))
                # It measures the cubic curve that has the one control point twice.
                bounds.append(_blend((1 - t) ** 3, start, 3 * t * (1 - t), bend, t**3, end))
        points.append(end)
        bounds.append(end)
    if "left" not in shape or not points:
        return points  # our own: it has not been on a canvas yet
    middle = (np.min(bounds, 0) + np.max(bounds, 0)) / 2
    angle = np.deg2rad(shape.get("angle", 0))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    size = [shape.get(f"scale{axis}", 1) * (-1 if shape.get(f"flip{axis}") else 1) for axis in "XY"]
    placed = ((np.array(points) - middle) * size) @ turn.T + (shape["left"], shape["top"])
    return [(float(x), float(y)) for x, y in placed]


def _blend(a: float, first: Point, b: float, second: Point, c: float, third: Point) -> Point:
    return a * first[0] + b * second[0] + c * third[0], a * first[1] + b * second[1] + c * third[1]


def _cut(stroke: Stroke, eraser: Stroke, radius: float) -> list[Stroke]:
    """What is left of a stroke where an eraser of this radius went along `eraser`."""
    fine, wiped = _refine(stroke), np.array(_refine(eraser))
    pieces: list[Stroke] = [[]]
    for point in fine:
        if np.hypot(*(wiped - point).T).min() > radius:
            pieces[-1].append(point)
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _refine(stroke: Stroke) -> Stroke:
    """The same stroke with points at most a pixel apart."""
    points = stroke[:1]
    for (x0, y0), (x1, y1) in pairwise(stroke):
        count = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0)))
        points += [(x0 + (x1 - x0) * i / count, y0 + (y1 - y0) * i / count) for i in range(1, count + 1)]
    return points


def curve(stroke: Stroke) -> Stroke:
    """Points close together along the smooth curve (a Catmull-Rom spline) through the stroke's."""
    ends = [stroke[0], *stroke, stroke[-1]]
    points = [stroke[0]]
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        points += [_between(a, b, c, d, i / SMOOTH) for i in range(1, SMOOTH + 1) if b != c]
    return points


def _between(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    """The point at t, 0 to 1, on the way from b to c."""

    def along(a: float, b: float, c: float, d: float) -> float:
        return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))

    return along(a[0], b[0], c[0], d[0]), along(a[1], b[1], c[1], d[1])


def paint(curves: list[Stroke], width: float, side: int = SIDE, fine: int = FINE) -> NDArray[np.uint8]:
    """(side, side) uint8: the curves in white on black, by a round pen of this width in pixels.

    `fine`: it is painted this many times larger, then shrunk, so that edges are soft.
    """
    picture = Image.new("L", (side * fine, side * fine))
    draw = ImageDraw.Draw(picture)
    radius = width * fine / 2
    for points in curves:
        large = [(x * fine, y * fine) for x, y in points]
        draw.line(large, fill=255, width=round(width * fine))
        for x, y in large:  # round ends and joints
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def _path(points: Stroke, width: int) -> dict[str, Any]:
    """A stroke of the canvas's own pen."""
    return {
        "type": "Path",
        "path": [["L" if i else "M", x, y] for i, (x, y) in enumerate(points)],
        "stroke": PEN,
        "strokeWidth": width,
        "strokeLineCap": "round",
        "strokeLineJoin": "round",
        "fill": None,
    }


# Digits as some people write them, and which networks find hard. Drawn for this program.
HARD: dict[str, list[Stroke]] = {
    "0 with a slash": [
        [(140, 45), (95, 70), (78, 140), (95, 210), (140, 236), (186, 210), (202, 140), (186, 70), (140, 45)],
        [(196, 52), (196, 52), (84, 230)],
    ],
    "1 with a foot": [
        [(92, 100), (92, 100), (146, 46), (146, 46), (146, 234)],
        [(88, 234), (88, 234), (204, 234)],
    ],
    "2 with a loop": [
        [
            (84, 90),
            (104, 52),
            (150, 46),
            (184, 78),
            (172, 130),
            (124, 190),
            (88, 226),
            (72, 208),
            (92, 192),
            (130, 214),
            (172, 234),
            (208, 214),
        ],
    ],
    "3 with a flat top": [
        [
            (82, 52),
            (82, 52),
            (188, 52),
            (188, 52),
            (128, 122),
            (128, 122),
            (178, 138),
            (196, 180),
            (166, 224),
            (112, 232),
            (76, 208),
        ],
    ],
    "4, open": [
        [(88, 48), (88, 48), (80, 148), (80, 148), (200, 148)],
        [(178, 60), (178, 60), (166, 238)],
    ],
    "4, closed": [
        [(166, 240), (166, 240), (166, 44), (166, 44), (70, 170), (70, 170), (212, 170)],
    ],
    "5 like an S": [
        [
            (192, 62),
            (150, 44),
            (106, 58),
            (96, 98),
            (128, 128),
            (172, 152),
            (186, 194),
            (154, 230),
            (88, 222),
        ],
    ],
    "6 with a short neck": [
        [
            (150, 76),
            (112, 96),
            (86, 142),
            (84, 196),
            (118, 232),
            (166, 226),
            (192, 186),
            (170, 146),
            (126, 146),
            (92, 182),
        ],
    ],
    "7 with a bar": [
        [(80, 56), (80, 56), (202, 56), (202, 56), (150, 140), (118, 238)],
        [(98, 148), (98, 148), (192, 144)],
    ],
    "8, not quite closed": [
        [
            (190, 66),
            (148, 44),
            (100, 62),
            (100, 106),
            (146, 138),
            (188, 178),
            (176, 224),
            (126, 238),
            (88, 208),
            (102, 166),
            (150, 128),
            (178, 96),
        ],
    ],
    "9 like a g": [
        [(184, 78), (146, 48), (100, 68), (92, 116), (128, 144), (170, 124), (186, 76)],
        [(188, 60), (188, 60), (190, 190), (166, 236), (114, 240), (80, 214)],
    ],
    "A small 7 in a corner": [
        [(26, 28), (26, 28), (88, 28), (88, 28), (66, 66), (48, 112)],
    ],
}


def hard_digit(name: str, width: int) -> Sketch:
    """One of HARD, drawn with a pen of this width in pixels. Raises KeyError for another name."""
    return of_strokes(HARD[name], width)
