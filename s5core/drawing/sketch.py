"""A drawing as strokes: what a browser drew on the canvas, what the canvas begins with, and the
hard digits that it offers.

A stroke is a list of points, x to the right and y down. The pen draws a smooth curve through
them; where the same point comes twice in a row, the curve has a corner.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIDE = 280  # pixels: width and height of the canvas
PEN, PAPER = "#ffffff", "#000000"
BENDS = 8  # straight pieces for each curve that a browser sent
SMOOTH = 8  # straight pieces from one of our own points to the next
FINE = 2  # paint this many times larger, then shrink: edges are then about as soft as the canvas's

Point = tuple[float, float]
Stroke = list[Point]


@dataclass(frozen=True, eq=False)
class Sketch:
    """The content of the canvas."""

    drawing: dict[str, Any]  # a Fabric.js canvas as JSON, from which the canvas can be filled again
    pixels: NDArray[np.uint8] | None  # (280, 280), white on black; None: nothing is drawn


EMPTY = Sketch({"objects": []}, None)


def of_canvas(drawing: dict[str, Any], image: NDArray[np.uint8]) -> Sketch:
    """The sketch that a browser sent: its strokes, and their picture (280, 280, 4). Of white on
    black one channel is enough, and a session keeps many sketches."""
    return Sketch(drawing, image[..., 0].copy())


def of_strokes(strokes: list[Stroke], width: int) -> Sketch:
    """The strokes as a round pen draws them, `width` pixels wide."""
    return of_lines([curve(stroke) for stroke in strokes], width)


def of_lines(curves: list[Stroke], width: int) -> Sketch:
    """Like `of_strokes`, but with straight lines between the points: a browser samples them densely."""
    return Sketch({"objects": [_path(points, width) for points in curves]}, paint(curves, width))


def strokes_of(drawing: dict[str, Any]) -> list[Stroke]:
    """The strokes on a canvas, in its pixels, as the middle line of the pen.

    `drawing`: a Fabric.js canvas as JSON. Its strokes may have been moved, turned or scaled with
    the canvas's own tools. A stroke in the colour of the paper erases what was drawn before it.
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


def last_rectangle(drawing: dict[str, Any] | None) -> tuple[float, float, float, float] | None:
    """Left, top, right and bottom of the last rectangle on a canvas, in its pixels; None without one."""
    shapes = [shape for shape in (drawing or EMPTY.drawing)["objects"] if shape["type"].lower() == "rect"]
    if not shapes:
        return None
    shape = shapes[-1]
    width, height = shape["width"] * shape.get("scaleX", 1), shape["height"] * shape.get("scaleY", 1)
    left = shape["left"] - (width / 2 if shape.get("originX") == "center" else 0)
    top = shape["top"] - (height / 2 if shape.get("originY") == "center" else 0)
    return left, top, left + width, top + height


def _middle_line(shape: dict[str, Any]) -> Stroke:
    """Points along a stroke of the canvas's pen, at its present place."""
    points: Stroke = []
    box: Stroke = []  # points whose bounding box is what Fabric.js takes for that of the path
    for command, *numbers in shape["path"]:
        *control, end = zip(numbers[::2], numbers[1::2], strict=True)
        if command == "Q":
            start, (bend,) = points[-1], control
            for t in (step / BENDS for step in range(1, BENDS)):
                points.append(_blend((1 - t) ** 2, start, 2 * t * (1 - t), bend, t**2, end))
                # It measures a cubic curve that has the control point twice.
                box.append(_blend((1 - t) ** 3, start, 3 * t * (1 - t), bend, t**3, end))
        points.append(end)
        box.append(end)
    if "left" not in shape or not points:
        return points  # one of our own strokes, which no canvas has moved yet
    low, high = bounds([box])
    middle = (low + high) / 2
    angle = np.deg2rad(shape.get("angle", 0))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    size = [shape.get(f"scale{axis}", 1) * (-1 if shape.get(f"flip{axis}") else 1) for axis in "XY"]
    placed = ((np.array(points) - middle) * size) @ turn.T + (shape["left"], shape["top"])
    return [(float(x), float(y)) for x, y in placed]


def _blend(a: float, first: Point, b: float, second: Point, c: float, third: Point) -> Point:
    return a * first[0] + b * second[0] + c * third[0], a * first[1] + b * second[1] + c * third[1]


def _cut(stroke: Stroke, eraser: Stroke, radius: float) -> list[Stroke]:
    """What is left of a stroke after an eraser of this radius went along `eraser`."""
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


def bounds(strokes: Sequence[Stroke]) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """The lowest x and y of all points, and the highest: (2,) each. There must be a point."""
    points = np.array([point for stroke in strokes for point in stroke])
    return points.min(0), points.max(0)


def moved(strokes: Sequence[Stroke], scale: float, shift: NDArray[np.floating]) -> list[Stroke]:
    """The strokes, first scaled about the point (0, 0), then shifted by (2,)."""
    return [[(x, y) for x, y in np.array(stroke) * scale + shift] for stroke in strokes]


def curve(stroke: Stroke) -> Stroke:
    """Dense points along a smooth curve (a Catmull-Rom spline) through the points of the stroke."""
    ends = [stroke[0], *stroke, stroke[-1]]
    points = [stroke[0]]
    for a, b, c, d in zip(ends, ends[1:], ends[2:], ends[3:], strict=False):
        points += [_between(a, b, c, d, i / SMOOTH) for i in range(1, SMOOTH + 1) if b != c]
    return points


def _between(a: Point, b: Point, c: Point, d: Point, t: float) -> Point:
    """The point of the curve at t, which is 0 at b and 1 at c. `a` comes before, `d` after them."""

    def along(a: float, b: float, c: float, d: float) -> float:
        return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))

    return along(a[0], b[0], c[0], d[0]), along(a[1], b[1], c[1], d[1])


def paint(curves: list[Stroke], width: float, side: int = SIDE, fine: int = FINE) -> NDArray[np.uint8]:
    """(side, side) uint8: the curves in white on black, drawn by a round pen `width` pixels wide.

    `fine`: paint this many times larger, then shrink, so that edges are soft.
    """
    picture = Image.new("L", (side * fine, side * fine))
    draw = ImageDraw.Draw(picture)
    radius = width * fine / 2
    for points in curves:
        large = [(x * fine, y * fine) for x, y in points]
        draw.line(large, fill=255, width=round(width * fine))
        for x, y in large:  # round ends and joins
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))


def _path(points: Stroke, width: int) -> dict[str, Any]:
    """A stroke as the canvas's own pen makes it."""
    return {
        "type": "Path",
        "path": [["L" if i else "M", x, y] for i, (x, y) in enumerate(points)],
        "stroke": PEN,
        "strokeWidth": width,
        "strokeLineCap": "round",
        "strokeLineJoin": "round",
        "fill": None,
    }


# Digits as some people write them, hard for networks to read. They were drawn for this program.
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
    """A digit of HARD, drawn with a pen `width` pixels wide. Raises KeyError for an unknown name."""
    return of_strokes(HARD[name], width)
