"""Measure how often the page Draw shows "Not sure": for drawn digits, and for what is no digit.

    python -m benchmarks.doubt DIGITS.npz

writes `benchmarks/results/doubt.json`: for step 5 and each of its variants, how many drawings get the
mark. It counts the file's digits, the misread ones among them, and the letters and shapes of
`benchmarks/letters.py`. Each letter and shape is drawn upright, turned and leaning.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from benchmarks import files, letters
from s5core import checkpoint, data, steps
from s5core.drawing import familiarity, fit, reading, score

PEN_WIDTH = 18
SLANTS: list[dict[str, float]] = [
    {"turn": 0},
    {"turn": 8},
    {"turn": -8},
    {"lean": 0.2},
    {"lean": -0.2},
    {"turn": 8, "lean": 0.2},
]  # degrees, share of the height


def fields_of(characters: dict[str, str]) -> Tensor:
    """Every character in every slant as the networks see it: (characters x slants, 1, 28, 28) uint8."""
    return torch.cat(
        [
            fit.of_sketch(letters.draw(strokes, PEN_WIDTH, **slant))
            for strokes in characters.values()
            for slant in SLANTS
        ]
    )


def main() -> None:
    """Measure and write."""
    digits = files.drawn_digits(__doc__)
    reading.use_one_thread()  # as in the app
    models = {name: trained.model() for name, trained in checkpoint.load_shipped(steps.STEPS).items()}
    known = {
        name: familiarity.measure(model, data.practice_set())
        for name, model in models.items()
        if name.startswith("step5")
    }

    def doubted(name: str, field: Tensor, answers: dict[str, reading.Reading]) -> bool:
        """Whether the page would mark the answer of one network as not sure."""
        familiar = known[name]
        knows = familiar is None or familiar.knows(models[name], field)
        return reading.doubt(answers, name, knows) is not None

    sets = {
        "digits": score.fields(digits, PEN_WIDTH),
        "letters": fields_of(letters.LETTERS),
        "shapes": fields_of(letters.SHAPES),
    }
    content: dict[str, Any] = {"slants": len(SLANTS), "of": {}, "steps": {name: {} for name in known}}
    for kind, fields in sets.items():
        answers = [reading.read_digit(models, field) for field in fields.split(1)]
        content["of"][kind] = len(fields)
        for name in known:
            found = [doubted(name, *each) for each in zip(fields.split(1), answers, strict=True)]
            content["steps"][name][kind] = sum(found)
            if kind == "digits":
                wrong = [
                    each[name].answer != label
                    for each, label in zip(answers, digits.labels.tolist(), strict=True)
                ]
                content["steps"][name]["errors"] = sum(wrong)
                content["steps"][name]["errors_doubted"] = sum(map(min, wrong, found))
    files.write("doubt", content)


if __name__ == "__main__":
    main()
