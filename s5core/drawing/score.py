"""How well networks read digits that people drew with a pen, and how often they take a letter for one.

The strokes come from a file. Each drawing is put on the app's canvas where a hand might draw it, and
is read as the app reads it. The file is an .npz with `label` (N,) or, for letters and symbols, `text`
(N,), with `writer` (N,), `points` (P, 2) with x to the right and y down, `stroke_offsets` (S + 1,)
into the points and `digit_offsets` (N + 1,) into the strokes.
"""

from __future__ import annotations

import contextlib
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
from s5core.drawing import detector, fit, sketch
from s5core.drawing.fit import DigitError
from s5core.drawing.reading import Reading, doubt, read_digit
from s5core.drawing.sketch import Sketch, Stroke
from s5core.errors import UserError
from s5core.evaluate import Evaluation, evaluate
from s5core.layers import CLASSES

WIDTHS = (8, 18, 30)  # of the pen, in pixels of the canvas
MARGIN = (0.08, 0.3)  # smallest and largest free margin around a digit, as a share of the canvas
OFF_CENTRE = 0.5  # largest distance of a digit from the middle, as a share of the room around it
RESAMPLES = 2000  # bootstrap samples of the writers, for the interval
TIMED = 200  # drawings whose reading is timed
FIRST = "step5"  # the network that stands for the others, and that the app shows first

# Characters that people also write for a digit, or that hold too little ink to tell: counted apart.
LOOKALIKES = frozenset("OoIlZzSsBbgqGQDi" + "|/_-" + ".,:;'`" + "()[]{}")

Way = Literal["strokes", "picture", "shrunk"]
WAYS: dict[Way, Callable[[Sketch], Tensor]] = {
    "strokes": fit.of_sketch,
    "picture": lambda drawn: fit.of_ink(fit.ink(_pixels(drawn))),
    "shrunk": lambda drawn: fit.of_sketch(drawn, center=False),
}


class DrawnError(UserError):
    """A file of drawn digits that cannot be used; the message says why."""


@dataclass(frozen=True, eq=False)
class Drawings:
    """What people drew, as strokes in the coordinates of the tablet on which they drew it."""

    writers: NDArray[np.int64]  # (N,): the number of each drawing's writer, from 0
    strokes: list[list[Stroke]]  # for each drawing its strokes


@dataclass(frozen=True, eq=False)
class DrawnDigits(Drawings):
    """Drawings of digits."""

    labels: Tensor  # (N,) int64, 0 to 9


@dataclass(frozen=True, eq=False)
class DrawnLetters(Drawings):
    """Drawings of letters and symbols."""

    texts: NDArray[np.str_]  # (N,): one character each


@dataclass(frozen=True, eq=False)
class Seen:
    """Drawings as the networks see them."""

    fields: Tensor  # (N, 1, 28, 28) uint8; empty where the drawing is refused
    refused: NDArray[np.bool_]  # (N,): taken for several digits


@dataclass(frozen=True)
class Score:
    """How well a network reads the digits when the pen has a certain width. A refused digit is an error."""

    accuracy: float  # in percent
    interval: tuple[float, float]  # in percent: 95 %, by a bootstrap over the writers
    by_class: dict[int, float]  # in percent, for each class that has digits
    calibration_error: float  # of the digits that were read, in points; see `Evaluation`
    refused: int  # digits that no network got to see
    doubted: int  # digits that were read, and whose answer the app would mark as not sure
    wrong_and_sure: int  # digits that were read wrong, without such a mark


def load(path: Path) -> DrawnDigits | DrawnLetters:
    """Read a file of drawn digits, or of letters. Raises DrawnError for any other, or a damaged one."""
    try:
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise DrawnError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, zipfile.BadZipFile, EOFError) as error:  # TypeError: a single array
        raise DrawnError(f"{path} is damaged or not an .npz file of drawn digits.") from error
    answer = "text" if "text" in arrays and "label" not in arrays else "label"
    missing = {answer, "writer", "points", "stroke_offsets", "digit_offsets"} - set(arrays)
    if missing:
        raise DrawnError(f"{path} has no array {min(missing)!r}, so it is no file of drawn digits.")
    kinds = {answer: "iu" if answer == "label" else "U", "stroke_offsets": "iu", "digit_offsets": "iu"}
    if any(arrays[name].ndim != 1 or arrays[name].dtype.kind not in kind for name, kind in kinds.items()):
        raise DrawnError(
            f"{path} is damaged: label, stroke_offsets and digit_offsets must be one-dimensional arrays of "
            "whole numbers, and text one of characters."
        )
    if (
        arrays["points"].ndim != 2
        or arrays["points"].shape[1] != 2
        or arrays["points"].dtype.kind not in "iuf"
    ):
        raise DrawnError(f"{path} is damaged: its points must be pairs of numbers.")
    names = arrays[answer]
    if not len(names):
        raise DrawnError(f"{path} is empty: it must have at least one {answer}.")
    if answer == "label" and (names.min() < 0 or names.max() >= CLASSES):
        raise DrawnError(f"{path} must have only labels from 0 to {CLASSES - 1}.")
    ends, digits = (arrays[name].astype(np.int64) for name in ("stroke_offsets", "digit_offsets"))
    fits = len(digits) == len(names) + 1 and len(arrays["writer"]) == len(names)
    if not (fits and digits[-1] < len(ends) and ends[-1] <= len(arrays["points"])):
        raise DrawnError(f"{path} is damaged: its offsets do not fit its {len(names):,} drawings.")
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
    writers = np.unique(arrays["writer"], return_inverse=True)[1]
    if answer == "text":
        return DrawnLetters(writers, strokes, names)
    return DrawnDigits(writers, strokes, torch.from_numpy(names.astype(np.int64)))


def load_digits(path: Path) -> DrawnDigits:
    """Read a file of drawn digits. Raises DrawnError for any other file, or a damaged one."""
    found = load(path)
    if isinstance(found, DrawnLetters):
        raise DrawnError(f"{path} has no array 'label': it is a file of letters, not of digits.")
    return found


def load_letters(path: Path) -> DrawnLetters:
    """Read a file of drawn letters. Raises DrawnError for any other file, or a damaged one."""
    found = load(path)
    if isinstance(found, DrawnDigits):
        raise DrawnError(f"{path} has no array 'text': it is a file of digits, not of letters.")
    return found


def draw(strokes: Sequence[Stroke], width: int, generator: np.random.Generator) -> Sketch:
    """The digit on the app's canvas, in a random place and size, by a pen `width` pixels wide."""
    low, high = sketch.bounds(strokes)
    side = sketch.SIDE * (1 - 2 * generator.uniform(*MARGIN)) - width
    scale = side / max(*(high - low), 1e-6)
    room = sketch.SIDE * (1 - 2 * MARGIN[0]) - ((high - low) * scale + width)
    middle = sketch.SIDE / 2 + generator.uniform(-1, 1, 2) * room.clip(0) / 2 * OFF_CENTRE
    return sketch.of_lines(sketch.moved(strokes, scale, middle - (low + high) / 2 * scale), width)


def see(drawings: Drawings, width: int, way: Way = "strokes") -> Seen:
    """All drawings as the networks see them.

    `way`: use the strokes, as the app does, or the canvas's picture, or only shrink that picture.
    """
    fields = torch.zeros(len(drawings.strokes), 1, fit.SIDE, fit.SIDE, dtype=torch.uint8)
    refused = np.zeros(len(fields), dtype=bool)
    for number, strokes in enumerate(drawings.strokes):
        try:
            fields[number] = WAYS[way](draw(strokes, width, np.random.default_rng([0, number])))[0]
        except DigitError:
            refused[number] = True
    return Seen(fields, refused)


def read(models: Mapping[str, nn.Module], seen: Seen) -> dict[str, Tensor]:
    """The logits of each network, (N, 10). `models`: in eval mode, on the CPU."""
    unknown = torch.zeros(len(seen.fields), dtype=torch.int64)
    return {name: evaluate(model, seen.fields, unknown).logits for name, model in models.items()}


def doubted(logits: Mapping[str, Tensor], known: Tensor) -> dict[str, NDArray[np.bool_]]:
    """Of which drawings the app would say that it is not sure of a network's answer: (N,) for each.
    `known`: (N,) bool, which of them look like digits."""
    rows = [logit.softmax(1).tolist() for logit in logits.values()]
    marks: dict[str, list[bool]] = {name: [] for name in logits}
    for looks, *one in zip(known.tolist(), *rows, strict=True):
        answers = {name: Reading(tuple(row)) for name, row in zip(logits, one, strict=True)}
        for name, found in marks.items():
            found.append(doubt(answers, name, looks) is not None)
    return {name: np.array(found, dtype=bool) for name, found in marks.items()}


def rate(digits: DrawnDigits, logits: Tensor, refused: NDArray[np.bool_], doubts: NDArray[np.bool_]) -> Score:
    """The score of a network that answered `logits` (N, 10) to these digits. `refused`, `doubts`: (N,)."""
    found = Evaluation(logits, digits.labels)
    wrong = found.wrong.numpy()
    right = ~wrong & ~refused
    writers = int(digits.writers.max()) + 1
    of_writer = np.bincount(digits.writers, weights=right, minlength=writers)
    written = np.bincount(digits.writers, minlength=writers)
    chosen = np.random.default_rng(0).integers(writers, size=(RESAMPLES, writers))
    low, high = np.quantile(of_writer[chosen].sum(1) / written[chosen].sum(1), (0.025, 0.975))
    read = torch.from_numpy(~refused)
    labels = digits.labels.numpy()
    return Score(
        accuracy=100 * float(right.mean()),
        interval=(100 * float(low), 100 * float(high)),
        by_class={int(label): 100 * float(right[labels == label].mean()) for label in np.unique(labels)},
        calibration_error=Evaluation(logits[read], digits.labels[read]).calibration_error
        if read.any()
        else 0,
        refused=int(refused.sum()),
        doubted=int((doubts & ~refused).sum()),
        wrong_and_sure=int((wrong & ~doubts & ~refused).sum()),
    )


def milliseconds(model: nn.Module, digits: DrawnDigits) -> float:
    """The mean time of the processor from the strokes of a drawing to the answer, or to its refusal."""
    drawn = [draw(strokes, WIDTHS[1], np.random.default_rng(0)) for strokes in digits.strokes[:TIMED]]
    began = time.process_time()
    for one in drawn:
        with contextlib.suppress(DigitError):
            read_digit({"": model}, fit.of_sketch(one))
    return 1000 * (time.process_time() - began) / len(drawn)


def measure(
    models: Mapping[str, nn.Module], digits: DrawnDigits, way: Way = "strokes"
) -> dict[str, dict[int, Score]]:
    """The score of each network for each width of the pen. `models`: in eval mode, on the CPU; an
    answer is in doubt where the networks together say so."""
    scores: dict[str, dict[int, Score]] = {name: {} for name in models}
    for width in WIDTHS:
        seen = see(digits, width, way)
        logits = read(models, seen)
        doubts = doubted(logits, detector.is_digit(seen.fields))
        for name in models:
            scores[name][width] = rate(digits, logits[name], seen.refused, doubts[name])
    return scores


def called_digits(
    models: Mapping[str, nn.Module], letters: DrawnLetters, way: Way = "strokes"
) -> dict[str, NDArray[np.bool_]]:
    """Which letters each network takes for a digit without doubt: (widths, N) for each."""
    called: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in models}
    for width in WIDTHS:
        seen = see(letters, width, way)
        for name, doubts in doubted(read(models, seen), detector.is_digit(seen.fields)).items():
            called[name].append(~doubts & ~seen.refused)
    return {name: np.stack(found) for name, found in called.items()}


def report(
    networks: Mapping[str, Checkpoint], drawings: DrawnDigits | DrawnLetters, way: Way = "strokes"
) -> dict[str, Any]:
    """The scores of `measure` or of `called_digits` as JSON data. For digits also the milliseconds that
    each network needs for a drawing."""
    models = {name: network.model() for name, network in networks.items()}
    about: dict[str, Any] = {"writers": int(drawings.writers.max()) + 1, "way": way}
    if isinstance(drawings, DrawnLetters):
        called = called_digits(models, drawings, way)
        of_steps = {name: {"called_digit": _by_kind(found, drawings)} for name, found in called.items()}
        first = FIRST if FIRST in of_steps else next(iter(of_steps))
        return {
            "drawings": len(drawings.texts),
            **about,
            "network": first,
            **of_steps[first],
            "steps": of_steps,
        }
    return {
        "digits": len(drawings.labels),
        **about,
        "steps": {
            name: _to_json(scores) | {"milliseconds": round(milliseconds(models[name], drawings), 2)}
            for name, scores in measure(models, drawings, way).items()
        },
    }


def _by_kind(called: NDArray[np.bool_], letters: DrawnLetters) -> dict[str, Any]:
    """The share of the drawings, in percent, for each kind of character; None for a kind without any."""

    def share(chosen: NDArray[np.bool_]) -> float | None:
        return round(100 * float(called[:, chosen].mean()), 2) if chosen.any() else None

    alike = np.array([text in LOOKALIKES for text in letters.texts])
    letter = np.array([text.isalpha() for text in letters.texts])
    return {
        "letters": share(letter & ~alike),
        "symbols": share(~letter & ~alike),
        "lookalikes": share(alike),
        "by_character": {str(text): share(letters.texts == text) for text in np.unique(letters.texts)},
    }


def _to_json(scores: Mapping[int, Score]) -> dict[str, Any]:
    """The scores of one network; `scores` has one for each width of the pen. Shares are in percent,
    `refused`, `doubted` and `wrong_and_sure` are numbers of digits."""
    return {
        "accuracy": {str(width): round(s.accuracy, 2) for width, s in scores.items()},
        "mean": round(sum(s.accuracy for s in scores.values()) / len(scores), 2),
        "interval": {str(width): [round(end, 2) for end in s.interval] for width, s in scores.items()},
        "by_class": {
            str(width): {str(number): round(value, 2) for number, value in s.by_class.items()}
            for width, s in scores.items()
        },
        "calibration_error": {str(width): round(s.calibration_error, 2) for width, s in scores.items()},
        "refused": {str(width): s.refused for width, s in scores.items()},
        "doubted": {str(width): s.doubted for width, s in scores.items()},
        "wrong_and_sure": {str(width): s.wrong_and_sure for width, s in scores.items()},
    }


def _pixels(drawn: Sketch) -> NDArray[np.uint8]:
    if drawn.pixels is None:
        raise DrawnError("There is nothing drawn.")
    return drawn.pixels
