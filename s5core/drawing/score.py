"""How well networks read digits that people drew with a pen.

The strokes come from a file. Each digit is put on the app's canvas where a hand might draw it, and
is read as the app reads it. The file is an .npz with `label` (N,), `writer` (N,), `points` (P, 2)
with x to the right and y down, `stroke_offsets` (S + 1,) into the points and `digit_offsets`
(N + 1,) into the strokes.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from s5core.checkpoint import Checkpoint
from s5core.drawing import fit, sketch
from s5core.drawing.reading import read_digit
from s5core.drawing.sketch import Sketch, Stroke
from s5core.errors import UserError
from s5core.evaluate import Evaluation, evaluate
from s5core.layers import CLASSES

WIDTHS = (8, 18, 30)  # of the pen, in pixels of the canvas
MARGIN = (0.08, 0.3)  # smallest and largest free margin around a digit, as a share of the canvas
OFF_CENTRE = 0.5  # largest distance of a digit from the middle, as a share of the room around it
RESAMPLES = 2000  # bootstrap samples of the writers, for the interval
TIMED = 200  # drawings whose reading is timed

Way = Literal["strokes", "picture", "shrunk"]
WAYS: dict[Way, Callable[[Sketch], Tensor]] = {
    "strokes": fit.of_sketch,
    "picture": lambda drawn: fit.of_ink(fit.ink(_pixels(drawn))),
    "shrunk": lambda drawn: fit.of_sketch(drawn, center=False),
}


class DrawnError(UserError):
    """A file of drawn digits that cannot be used; the message says why."""


@dataclass(frozen=True, eq=False)
class DrawnDigits:
    """Digits as strokes, in the coordinates of the tablet on which they were written."""

    labels: Tensor  # (N,) int64, 0 to 9
    writers: NDArray[np.int64]  # (N,): the number of each digit's writer, from 0
    strokes: list[list[Stroke]]  # for each digit its strokes


@dataclass(frozen=True)
class Score:
    """How well a network reads the digits when the pen has a certain width; all in percent."""

    accuracy: float
    interval: tuple[float, float]  # 95 %, by a bootstrap over the writers
    by_class: dict[int, float]  # accuracy for each class that has digits
    calibration_error: float  # in points: the expected difference of confidence and accuracy


def load_digits(path: Path) -> DrawnDigits:
    """Read a file of drawn digits. Raises DrawnError for any other file, or a damaged one."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise DrawnError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, zipfile.BadZipFile, EOFError) as error:  # TypeError: a single array
        raise DrawnError(f"{path} is damaged or not an .npz file of drawn digits.") from error
    missing = {"label", "writer", "points", "stroke_offsets", "digit_offsets"} - set(arrays)
    if missing:
        raise DrawnError(f"{path} has no array {min(missing)!r}, so it is no file of drawn digits.")
    whole = ("label", "stroke_offsets", "digit_offsets")
    if any(arrays[name].ndim != 1 or arrays[name].dtype.kind not in "iu" for name in whole):
        raise DrawnError(
            f"{path} is damaged: {', '.join(whole)} must be one-dimensional arrays of whole numbers."
        )
    if (
        arrays["points"].ndim != 2
        or arrays["points"].shape[1] != 2
        or arrays["points"].dtype.kind not in "iuf"
    ):
        raise DrawnError(f"{path} is damaged: its points must be pairs of numbers.")
    labels = torch.from_numpy(arrays["label"].astype(np.int64))
    if not len(labels) or labels.min() < 0 or labels.max() >= CLASSES:
        raise DrawnError(f"{path} must have at least one label, and only labels from 0 to {CLASSES - 1}.")
    ends, digits = (arrays[name].astype(np.int64) for name in ("stroke_offsets", "digit_offsets"))
    fits = len(digits) == len(labels) + 1 and len(arrays["writer"]) == len(labels)
    if not (fits and digits[-1] < len(ends) and ends[-1] <= len(arrays["points"])):
        raise DrawnError(f"{path} is damaged: its offsets do not fit its {len(labels):,} labels.")
    if min(digits[0], ends[0]) < 0 or (np.diff(ends) < 0).any() or (np.diff(ends[digits]) < 1).any():
        raise DrawnError(f"{path} is damaged: each digit needs a point, and no offset may be below the last.")
    points = arrays["points"].astype(float).tolist()
    strokes = [
        [
            [(x, y) for x, y in points[ends[i] : ends[i + 1]]]
            for i in range(first, last)
            if ends[i] < ends[i + 1]
        ]
        for first, last in pairwise(digits)
    ]
    return DrawnDigits(labels, np.unique(arrays["writer"], return_inverse=True)[1], strokes)


def draw(strokes: Sequence[Stroke], width: int, generator: np.random.Generator) -> Sketch:
    """The digit on the app's canvas, in a random place and size, by a pen `width` pixels wide."""
    low, high = sketch.bounds(strokes)
    side = sketch.SIDE * (1 - 2 * generator.uniform(*MARGIN)) - width
    scale = side / max(*(high - low), 1e-6)
    room = sketch.SIDE * (1 - 2 * MARGIN[0]) - ((high - low) * scale + width)
    middle = sketch.SIDE / 2 + generator.uniform(-1, 1, 2) * room.clip(0) / 2 * OFF_CENTRE
    return sketch.of_lines(sketch.moved(strokes, scale, middle - (low + high) / 2 * scale), width)


def fields(digits: DrawnDigits, width: int, way: Way = "strokes") -> Tensor:
    """All digits as the networks see them: (N, 1, 28, 28) uint8.

    `way`: use the strokes, as the app does, or the canvas's picture, or only shrink that picture.
    """
    seen = [
        WAYS[way](draw(strokes, width, np.random.default_rng([0, number])))
        for number, strokes in enumerate(digits.strokes)
    ]
    return torch.cat(seen)


def rate(digits: DrawnDigits, found: Evaluation) -> Score:
    """The score of a network that answered `found` to these digits."""
    right = ~found.wrong.numpy()
    writers = int(digits.writers.max()) + 1
    of_writer = np.bincount(digits.writers, weights=right, minlength=writers)
    written = np.bincount(digits.writers, minlength=writers)
    chosen = np.random.default_rng(0).integers(writers, size=(RESAMPLES, writers))
    low, high = np.quantile(of_writer[chosen].sum(1) / written[chosen].sum(1), (0.025, 0.975))
    return Score(
        accuracy=found.accuracy,
        interval=(100 * float(low), 100 * float(high)),
        by_class={part.digit: part.accuracy for part in found.by_class()},
        calibration_error=found.calibration_error,
    )


def milliseconds(model: nn.Module, digits: DrawnDigits) -> float:
    """The mean time from the strokes of a drawing to the network's answer."""
    drawn = [draw(strokes, WIDTHS[1], np.random.default_rng(0)) for strokes in digits.strokes[:TIMED]]
    began = time.perf_counter()
    for one in drawn:
        read_digit({"": model}, fit.of_sketch(one))
    return 1000 * (time.perf_counter() - began) / len(drawn)


def measure(
    models: Mapping[str, nn.Module], digits: DrawnDigits, way: Way = "strokes"
) -> dict[str, dict[int, Score]]:
    """The score of each network for each width of the pen. `models`: in eval mode, on the CPU."""
    scores: dict[str, dict[int, Score]] = {name: {} for name in models}
    for width in WIDTHS:
        seen = fields(digits, width, way)
        for name, model in models.items():
            scores[name][width] = rate(digits, evaluate(model, seen, digits.labels))
    return scores


def report(networks: Mapping[str, Checkpoint], digits: DrawnDigits, way: Way = "strokes") -> dict[str, Any]:
    """The scores of `measure` as JSON data, with the milliseconds that each network needs for a drawing."""
    models = {name: network.model() for name, network in networks.items()}
    return {
        "digits": len(digits.labels),
        "writers": int(digits.writers.max()) + 1,
        "way": way,
        "steps": {
            name: _to_json(scores) | {"milliseconds": round(milliseconds(models[name], digits), 2)}
            for name, scores in measure(models, digits, way).items()
        },
    }


def _to_json(scores: Mapping[int, Score]) -> dict[str, Any]:
    """The scores of one network, in percent; `scores` has one for each width of the pen."""
    return {
        "accuracy": {str(width): round(s.accuracy, 2) for width, s in scores.items()},
        "mean": round(sum(s.accuracy for s in scores.values()) / len(scores), 2),
        "interval": {str(width): [round(end, 2) for end in s.interval] for width, s in scores.items()},
        "by_class": {
            str(width): {str(number): round(value, 2) for number, value in s.by_class.items()}
            for width, s in scores.items()
        },
        "calibration_error": {str(width): round(s.calibration_error, 2) for width, s in scores.items()},
    }


def _pixels(drawn: Sketch) -> NDArray[np.uint8]:
    if drawn.pixels is None:
        raise DrawnError("There is nothing drawn.")
    return drawn.pixels
