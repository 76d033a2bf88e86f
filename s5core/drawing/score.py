"""How well networks read digits that were drawn with a pen: a file of strokes, put on the canvas
as a hand would, and read as the app reads them.

A file is an .npz with `label` (N,), `writer` (N,), `points` (P, 2) with x to the right and y down,
`stroke_offsets` (S + 1,) into the points and `digit_offsets` (N + 1,) into the strokes.
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
MARGIN = (0.08, 0.3)  # what a hand leaves free at each side, as a share of the canvas
OFF_CENTRE = 0.5  # how far a digit stands off the middle, as a share of the room there is
RESAMPLES = 2000  # of the writers, for the interval
TIMED = 200  # digits read one by one for the time that one takes

Way = Literal["strokes", "picture", "shrunk"]
WAYS: dict[Way, Callable[[Sketch], Tensor]] = {
    "strokes": fit.of_sketch,
    "picture": lambda drawn: fit.of_ink(fit.ink(_pixels(drawn))),
    "shrunk": lambda drawn: fit.of_sketch(drawn, center=False),
}


class DrawnError(UserError):
    """A file of drawn digits that cannot be used; the message says what is wrong."""


@dataclass(frozen=True, eq=False)
class DrawnDigits:
    """Digits as strokes in the coordinates of whatever they were written on."""

    labels: Tensor  # (N,) int64, 0 to 9
    writers: NDArray[np.int64]  # (N,), numbers from 0
    strokes: list[list[Stroke]]  # of each digit


@dataclass(frozen=True)
class Score:
    """How one network reads the digits, drawn by a pen of one width; all in percent."""

    accuracy: float
    interval: tuple[float, float]  # 95 %, by drawing the writers anew
    by_class: dict[int, float]  # of the digits that somebody wrote
    calibration_error: float  # in points: how far confidence and accuracy are apart


def load(path: Path) -> DrawnDigits:
    """Read a file of drawn digits. Raises DrawnError for a file that is none."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise DrawnError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, zipfile.BadZipFile, EOFError) as error:  # TypeError: a single array
        raise DrawnError(f"{path} is damaged or no .npz file of drawn digits.") from error
    missing = {"label", "writer", "points", "stroke_offsets", "digit_offsets"} - set(arrays)
    if missing:
        raise DrawnError(f"{path} has no array {min(missing)!r}: it is no file of drawn digits.")
    whole = ("label", "stroke_offsets", "digit_offsets")
    if any(arrays[name].ndim != 1 or arrays[name].dtype.kind not in "iu" for name in whole):
        raise DrawnError(f"{path} is damaged: {', '.join(whole)} must be rows of whole numbers.")
    if (
        arrays["points"].ndim != 2
        or arrays["points"].shape[1] != 2
        or arrays["points"].dtype.kind not in "iuf"
    ):
        raise DrawnError(f"{path} is damaged: its points must be pairs of numbers.")
    labels = torch.from_numpy(arrays["label"].astype(np.int64))
    if not len(labels) or labels.min() < 0 or labels.max() >= CLASSES:
        raise DrawnError(f"{path} needs labels from 0 to {CLASSES - 1}, and at least one.")
    ends, digits = (arrays[name].astype(np.int64) for name in ("stroke_offsets", "digit_offsets"))
    fits = len(digits) == len(labels) + 1 and len(arrays["writer"]) == len(labels)
    if not (fits and digits[-1] < len(ends) and ends[-1] <= len(arrays["points"])):
        raise DrawnError(f"{path} is damaged: its offsets do not fit its {len(labels):,} labels.")
    if min(digits[0], ends[0]) < 0 or (np.diff(ends) < 0).any() or (np.diff(ends[digits]) < 1).any():
        raise DrawnError(f"{path} is damaged: each digit needs a point, and offsets must not fall.")
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
    """The digit on the app's canvas, by a pen of `width` pixels: somewhere and of some size."""
    points = np.array([point for stroke in strokes for point in stroke])
    low, high = points.min(0), points.max(0)
    side = sketch.SIDE * (1 - 2 * generator.uniform(*MARGIN)) - width
    scale = side / max(*(high - low), 1e-6)
    room = sketch.SIDE * (1 - 2 * MARGIN[0]) - ((high - low) * scale + width)
    middle = sketch.SIDE / 2 + generator.uniform(-1, 1, 2) * room.clip(0) / 2 * OFF_CENTRE
    shift = middle - (low + high) / 2 * scale
    placed = [[(x * scale + shift[0], y * scale + shift[1]) for x, y in stroke] for stroke in strokes]
    return sketch.of_lines(placed, width)


def fields(digits: DrawnDigits, width: int, way: Way = "strokes") -> Tensor:
    """All digits as the networks see them: (N, 1, 28, 28) uint8. `way`: from their strokes, as
    the app does, from the canvas's picture, or with that picture merely shrunk."""
    seen = [
        WAYS[way](draw(strokes, width, np.random.default_rng([0, number])))
        for number, strokes in enumerate(digits.strokes)
    ]
    return torch.cat(seen)


def score(digits: DrawnDigits, found: Evaluation) -> Score:
    """Sum up what a network found in the digits."""
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
    """What one drawing takes from its strokes to the network's answer, on average."""
    drawn = [draw(strokes, WIDTHS[1], np.random.default_rng(0)) for strokes in digits.strokes[:TIMED]]
    began = time.perf_counter()
    for one in drawn:
        read_digit({"": model}, fit.of_sketch(one))
    return 1000 * (time.perf_counter() - began) / len(drawn)


def measure(
    models: Mapping[str, nn.Module], digits: DrawnDigits, way: Way = "strokes"
) -> dict[str, dict[int, Score]]:
    """The score of each network for each width of the pen. The networks: in eval mode, on the CPU."""
    scores: dict[str, dict[int, Score]] = {name: {} for name in models}
    for width in WIDTHS:
        seen = fields(digits, width, way)
        for name, model in models.items():
            scores[name][width] = score(digits, evaluate(model, seen, digits.labels))
    return scores


def report(networks: Mapping[str, Checkpoint], digits: DrawnDigits, way: Way = "strokes") -> dict[str, Any]:
    """What `measure` finds as JSON data, with the milliseconds that each network takes a drawing."""
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
    """One network's scores, in percent, by the width of the pen."""
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
