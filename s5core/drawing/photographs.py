"""How well the networks read photographs of digits.

The photographs are files of one folder whose names say what is on them: `shadow_012_7.png` is the twelfth
of the kind "shadow", and shows a 7.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from s5core.drawing import detector, fit, photo, reading
from s5core.drawing.fit import DigitError
from s5core.errors import UserError

NAME = re.compile(r"(?P<kind>.+)_\d+_(?P<label>\d)\.\w+")  # of a file


class PhotographsError(UserError):
    """A folder without photographs to measure with; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """What came of one photograph."""

    kind: str
    right: bool  # the network read the digit
    refused: bool  # no digit was found
    sure: bool  # an answer without doubt
    seconds: float  # of the processor, from the file to the answers of all networks


def measure(models: Mapping[str, nn.Module], name: str, folder: Path) -> list[Outcome]:
    """What the network called `name` reads in each photograph; the others help to tell whether it is in
    doubt. `models`: in eval mode, on the CPU. Raises PhotographsError if the folder has no photograph."""
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise PhotographsError(f"{folder} cannot be read: {error.strerror}.") from error
    named = [(path, found) for path in files if (found := NAME.fullmatch(path.name))]
    if not named:
        raise PhotographsError(
            f"{folder} has no photograph: a file's name must say its kind, a number and the digit, as in "
            "shadow_012_7.png."
        )
    return [_read(models, name, path, found["kind"], int(found["label"])) for path, found in named]


def _read(models: Mapping[str, nn.Module], name: str, path: Path, kind: str, label: int) -> Outcome:
    began = time.process_time()
    try:
        field = fit.of_ink(photo.ink(photo.open_image(path)))
    except DigitError:
        return Outcome(kind, False, True, False, time.process_time() - began)
    answers = reading.read_digit(models, field)
    sure = reading.doubt(answers, name, bool(detector.is_digit(field))) is None
    return Outcome(kind, answers[name].answer == label, False, sure, time.process_time() - began)


def report(models: Mapping[str, nn.Module], name: str, folder: Path) -> dict[str, Any]:
    """The outcomes as JSON data, in percent; `mean` is that of the kinds' shares of right answers, and
    `milliseconds` are those of the processor for one photograph."""
    outcomes = measure(models, name, folder)
    kinds: dict[str, dict[str, float]] = {}
    for kind in sorted({outcome.kind for outcome in outcomes}):
        own = [outcome for outcome in outcomes if outcome.kind == kind]
        counts = {
            "right": sum(outcome.right for outcome in own),
            "refused": sum(outcome.refused for outcome in own),
            "wrong_and_sure": sum(outcome.sure and not outcome.right for outcome in own),
        }
        kinds[kind] = {what: round(100 * count / len(own), 2) for what, count in counts.items()}
    return {
        "network": name,
        "photographs": len(outcomes),
        "kinds": kinds,
        "mean": round(statistics.mean(shares["right"] for shares in kinds.values()), 2),
        "milliseconds": round(1000 * statistics.mean(outcome.seconds for outcome in outcomes), 1),
    }
