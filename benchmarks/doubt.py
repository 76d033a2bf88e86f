"""Measure how often the page Draw shows "Not sure": for drawn digits, and for what is no digit.

    python -m benchmarks.doubt DIGITS.npz LETTERS.npz

writes `benchmarks/results/doubt.json`: for step 5 and each of its variants, how many of the first file's
digits get the mark, the misread ones among them, and how many percent of the letters and symbols of the
second file get none, so that they are called a digit. `s5core/drawing/score.py` describes the files. It
counts the letters and shapes of `benchmarks/letters.py` too, each drawn upright, turned and leaning.

`left_out` checks the detector's limit: for each fifth of the digits' writers the limit is chosen on the
others, so that at most 3 % of their digits are in doubt. Then it is tried on that fifth, and on the letters.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import files, folds, letters
from s5core import checkpoint, steps
from s5core.drawing import detector, fit, reading, score
from s5core.drawing.score import DrawnDigits, DrawnLetters, Seen

PEN_WIDTH = 18
SLANTS: list[dict[str, float]] = [
    {"turn": 0},
    {"turn": 8},
    {"turn": -8},
    {"lean": 0.2},
    {"lean": -0.2},
    {"turn": 8, "lean": 0.2},
]  # degrees, share of the height
DOUBTED = 0.03  # of the digits, at most
LIMITS = np.arange(-4, 4.01, 0.1)  # of the detector, that are tried


def fields_of(characters: dict[str, str]) -> Tensor:
    """Every character in every slant as the networks see it: (characters x slants, 1, 28, 28) uint8."""
    return torch.cat(
        [
            fit.of_sketch(letters.draw(strokes, PEN_WIDTH, **slant))
            for strokes in characters.values()
            for slant in SLANTS
        ]
    )


class Doubts:
    """Which drawings step 5 or a variant would be marked for, with any limit of the detector."""

    def __init__(self, models: dict[str, torch.nn.Sequential], seen: Seen) -> None:
        self.logits = score.read(models, seen)
        self.refused = seen.refused
        self.odds = detector.log_odds(seen.fields).numpy()
        everything = torch.ones(len(seen.fields), dtype=torch.bool)
        self._otherwise = score.doubted(self.logits, everything)  # marked for another reason

    def of(self, name: str, limit: float = detector.LEAST) -> np.typing.NDArray[np.bool_]:
        """(N,): what the app would not call a digit with confidence, a refused drawing among it."""
        return np.asarray(self._otherwise[name] | (self.odds < limit) | self.refused)


def check_limit(digits: DrawnDigits, of_digits: Doubts, of_letters: Doubts, kinds: dict[str, Any]) -> Any:
    """The share of digits in doubt, and of what is called a digit, with limits that were chosen on other
    writers; in percent."""
    name = score.FIRST
    marks = np.stack([of_digits.of(name, limit) for limit in LIMITS])
    fold = folds.of_writers(digits.writers)[digits.writers]
    limits, doubted = [], np.zeros(len(fold), dtype=bool)
    for part in range(folds.FOLDS):
        few = marks[:, fold != part].mean(1) <= DOUBTED
        best = int(np.flatnonzero(few).max(initial=0))
        limits.append(round(float(LIMITS[best]), 1))
        doubted[fold == part] = marks[best, fold == part]
    called = np.stack([~of_letters.of(name, limit) for limit in limits])
    return {
        "limits": limits,
        "digits_doubted": round(100 * float(doubted.mean()), 2),
        **{kind: round(100 * float(called[:, chosen].mean()), 2) for kind, chosen in kinds.items()},
    }


def kinds_of(drawn: DrawnLetters) -> dict[str, Any]:
    """Which drawings are letters, symbols, and lookalikes of digits."""
    alike = np.array([text in score.LOOKALIKES for text in drawn.texts])
    letter = np.array([text.isalpha() for text in drawn.texts])
    return {"letters": letter & ~alike, "symbols": ~letter & ~alike, "lookalikes": alike}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("digits", type=Path, metavar="DIGITS.npz")
    parser.add_argument("letters", type=Path, metavar="LETTERS.npz")
    options = parser.parse_args()
    reading.use_one_thread()  # as in the app
    digits, drawn = score.load_digits(options.digits), score.load_letters(options.letters)
    models = {name: trained.model() for name, trained in checkpoint.load_shipped(steps.STEPS).items()}

    def font(characters: dict[str, str]) -> Doubts:
        fields = fields_of(characters)
        return Doubts(models, Seen(fields, np.zeros(len(fields), dtype=bool)))

    of_digits = Doubts(models, score.see(digits, PEN_WIDTH))
    of_letters = Doubts(models, score.see(drawn, PEN_WIDTH))
    fonts = {"font_letters": font(letters.LETTERS), "font_shapes": font(letters.SHAPES)}
    kinds = kinds_of(drawn)
    content: dict[str, Any] = {"digits": len(digits.labels), "slants": len(SLANTS), "steps": {}}
    for name in (name for name in models if name.startswith(score.FIRST)):
        marked = of_digits.of(name)
        wrong = (of_digits.logits[name].argmax(1) != digits.labels).numpy()
        called = ~of_letters.of(name)
        content["steps"][name] = {
            "doubted": int(marked.sum()),
            "errors": int(wrong.sum()),
            "errors_doubted": int((wrong & marked).sum()),
            **{kind: round(100 * float(called[chosen].mean()), 2) for kind, chosen in kinds.items()},
            **{kind: round(100 * float((~found.of(name)).mean()), 2) for kind, found in fonts.items()},
        }
    content["left_out"] = check_limit(digits, of_digits, of_letters, kinds)
    files.write("doubt", content, models)


if __name__ == "__main__":
    main()
