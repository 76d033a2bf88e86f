"""The connected parts of a picture's ink, and those of them that make up the digit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]  # (height, width)

LEAST = 0.03  # of the picture's longer side: a smaller part is dust
SPECK = 0.12  # of the largest part's longer side: a smaller part does not belong to the digit
NEAR = 0.6  # of the largest part's longer side: a part with a wider gap does not belong to the digit
PRINTED = 0.01  # of the picture's longer side: such thin lines are printed, if they are also thinner than
THIN = 0.5  # of the thickness of the digit's lines
EQUAL = 0.5  # of the largest part's longer side: a part as long as this could be a digit of its own
BAND = 0.2  # of a frame's height or width: its lines lie that close to the sides of its box, also when turned
ALONG = 0.8  # of each side, at least, is covered by a frame


@dataclass(frozen=True)
class Part:
    """Ink that hangs together, also across corners."""

    number: int  # its value in the labels, from 1
    left: int
    top: int
    right: int  # the column after its last one
    bottom: int  # the row after its last one
    area: int  # pixels

    @property
    def length(self) -> int:
        """The longer side of its box."""
        return max(self.right - self.left, self.bottom - self.top)

    def contains(self, other: Part) -> bool:
        """Whether the box of another part lies within its own."""
        inside = self.left <= other.left and self.top <= other.top
        return inside and other.right <= self.right and other.bottom <= self.bottom

    def gap(self, other: Part) -> float:
        """Pixels between the boxes of two parts; 0 where they overlap."""
        across = max(self.left, other.left) - min(self.right, other.right)
        down = max(self.top, other.top) - min(self.bottom, other.bottom)
        return float(np.hypot(max(across, 0), max(down, 0)))


def find_parts(inked: Mask) -> tuple[NDArray[np.int64], list[Part]]:
    """The connected parts of a picture: a label for each pixel, 0 for paper, and the parts.

    A run is a row of neighbouring pixels with ink. Runs of two rows that touch belong together
    (union-find over runs: Rosenfeld and Pfaltz, "Sequential operations in digital picture processing",
    1966).
    """
    edges = np.diff(np.pad(inked, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, begins = np.nonzero(edges == 1)
    ends = np.nonzero(edges == -1)[1]
    parent = list(range(len(rows)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    firsts = np.searchsorted(rows, np.arange(inked.shape[0] + 1)).tolist()
    starts, stops = begins.tolist(), ends.tolist()
    for row in range(1, inked.shape[0]):
        above, here = firsts[row - 1], firsts[row]
        while above < firsts[row] and here < firsts[row + 1]:
            if starts[above] <= stops[here] and starts[here] <= stops[above]:
                parent[root(here)] = root(above)
            if stops[above] < stops[here]:
                above += 1
            else:
                here += 1
    labels = np.zeros(inked.shape, dtype=np.int64)
    numbers: dict[int, int] = {}
    boxes: list[list[int]] = []
    for run, row in enumerate(rows.tolist()):
        number = numbers.setdefault(root(run), len(numbers) + 1)
        start, stop = starts[run], stops[run]
        labels[row, start:stop] = number
        if number > len(boxes):
            boxes.append([start, row, stop, row + 1, stop - start])
        else:
            box = boxes[number - 1]
            box[:] = min(box[0], start), box[1], max(box[2], stop), row + 1, box[4] + stop - start
    return labels, [Part(i, *box) for i, box in enumerate(boxes, 1)]


def choose_digit(labels: NDArray[np.int64], parts: Sequence[Part]) -> list[Part]:
    """The parts that make up the digit. `labels`, `parts`: as `find_parts` gives them.

    Whatever touches the border, such as a ruling, a desk or a thumb, is not the digit, unless all ink
    does. Nor is a frame around the digit, nor what is left of a printed line, nor dust. A second part as
    long as a digit stays, however far away it is: whoever reads the digit will see that there are two.
    """
    height, width = labels.shape
    large = [part for part in parts if part.length >= LEAST * max(height, width)] or list(parts)
    inner = [
        part
        for part in large
        if part.left > 0 and part.top > 0 and part.right < width and part.bottom < height
    ]
    free = [part for part in inner if not _is_frame(labels, part, inner)] or inner or large
    if not free:
        return []
    main = max(free, key=lambda part: part.area)
    pen = _thickness(labels, len(parts))
    printed = min(PRINTED * max(height, width), THIN * pen[main.number])
    small = [part for part in parts if part not in large]
    return [
        part
        for part in [*free, *small]
        if part.length >= SPECK * main.length
        and pen[part.number] >= printed
        and (part.gap(main) <= NEAR * main.length or part.length >= EQUAL * main.length)
    ]


def _thickness(labels: NDArray[np.int64], count: int) -> NDArray[np.float64]:
    """How many pixels thick the lines of each part are, by its number: twice its area over the length of
    its edge."""
    inked = np.pad(labels > 0, 1)
    inner = inked[:-2, 1:-1] & inked[2:, 1:-1] & inked[1:-1, :-2] & inked[1:-1, 2:]
    area = np.bincount(labels.ravel(), minlength=count + 1)
    edge = np.bincount(labels.ravel(), weights=~inner.ravel(), minlength=count + 1)
    return 2 * area / np.maximum(edge, 1)


def _is_frame(labels: NDArray[np.int64], part: Part, others: Sequence[Part]) -> bool:
    """Whether a part goes all the way round another one, close to the sides of its own box."""
    if not any(other is not part and part.contains(other) for other in others):
        return False
    own = labels[part.top : part.bottom, part.left : part.right] == part.number
    depth, breadth = (max(1, round(BAND * side)) for side in own.shape)
    sides = own[:depth].any(0), own[-depth:].any(0), own[:, :breadth].any(1), own[:, -breadth:].any(1)
    return all(float(side.mean()) >= ALONG for side in sides)
