"""Compare ways to read a drawing.

    python -m benchmarks.readings DIGITS.npz

writes `benchmarks/results/readings.json`: how many of the digits three networks read right, drawn with pens
of all widths and read from their strokes and from their picture, in the app's way and in others. The way
that is best for the other writers is then tried on each fifth of the writers: a difference that is only luck
does not survive that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks import files, folds
from s5core import checkpoint, steps
from s5core.augment import affine
from s5core.drawing import fit, score, sketch
from s5core.drawing.reading import use_one_thread
from s5core.drawing.score import DrawnDigits
from s5core.drawing.sketch import Stroke
from s5core.layers import CLASSES
from s5core.modules import to_unit

NETWORKS = ("step5", "step5_small", "step5_fast")
MOST_SLANT = 0.5  # pixels to the side for a pixel down that are straightened
IN_USE = "as in the app"
# A mean of several networks is another network: it is no way to read with one.
TOGETHER = ("mean of these three networks", "mean of all networks")
UNMOVED = {"angle": 0.0, "right": 0.0, "down": 0.0, "scale": 1.0, "shear": 0.0}
VIEWS: dict[str, Sequence[Mapping[str, float]]] = {
    IN_USE: [{}],
    "mean of 3 views, turned by 6 degrees": [{}, {"angle": -6}, {"angle": 6}],
    "mean of 3 views, slanted by 8 degrees": [{}, {"shear": -8}, {"shear": 8}],
    "mean of 3 views, a tenth larger and smaller": [{}, {"scale": 0.9}, {"scale": 1.1}],
    "mean of 5 views, moved by a pixel": [{}, {"right": -1}, {"right": 1}, {"down": -1}, {"down": 1}],
}


def straightened(strokes: list[Stroke]) -> list[Stroke]:
    """Strokes without their slant: no correlation of right and down is left in their points."""
    points = np.concatenate([np.asarray(stroke, dtype=float) for stroke in strokes])
    across, down = (points - points.mean(0)).T
    slant = float(np.clip((across @ down) / max(float(down @ down), 1e-6), -MOST_SLANT, MOST_SLANT))
    return [[(x - slant * y, y) for x, y in stroke] for stroke in strokes]


@torch.inference_mode()
def mean_of_views(model: nn.Module, fields: Tensor, views: Sequence[Mapping[str, float]]) -> Tensor:
    """The mean probabilities, (N, 10), that a network gives to moved copies of each digit."""
    total = torch.zeros(len(fields), CLASSES)
    for view in views:
        moves = {name: torch.full((len(fields),), value) for name, value in (UNMOVED | dict(view)).items()}
        images = affine(to_unit(fields), **moves) if view else to_unit(fields)
        total += torch.cat([model(batch).softmax(1) for batch in images.split(500)])
    return total / len(views)


def ways_to_see(digits: DrawnDigits) -> dict[str, dict[str, list[Tensor]]]:
    """For strokes and for pictures the ways to bring each digit to 28x28: one tensor (N, 1, 28, 28) for each
    width of the pen, and one for all widths where they make no difference."""
    drawn = [
        sketch.strokes_of(score.draw(strokes, score.WIDTHS[1], np.random.default_rng([0, number])).drawing)
        for number, strokes in enumerate(digits.strokes)
    ]
    pens = (1.8, 2.2, 2.5, 2.9)
    redrawn = {
        IN_USE: torch.cat([fit.redrawn(strokes) for strokes in drawn]),
        "slant removed": torch.cat([fit.redrawn(straightened(strokes)) for strokes in drawn]),
        **{
            f"redrawn {pen} pixels wide": torch.cat([fit.redrawn(strokes, pen) for strokes in drawn])
            for pen in pens
        },
    }
    pictures = [score.see(digits, width, "picture").fields for width in score.WIDTHS]
    return {"strokes": {name: [fields] for name, fields in redrawn.items()}, "picture": {IN_USE: pictures}}


def read(models: Mapping[str, nn.Module], seen: Mapping[str, list[Tensor]]) -> dict[str, dict[str, Tensor]]:
    """The answers of each network in each way, (widths, N)."""
    ways: dict[str, tuple[list[Tensor], Sequence[Mapping[str, float]]]] = {
        name: (seen[IN_USE], views) for name, views in VIEWS.items()
    }
    ways |= {name: (fields, [{}]) for name, fields in seen.items()}
    found: dict[str, dict[str, Tensor]] = {name: {} for name in NETWORKS}
    for way, (fields, views) in ways.items():
        for name in NETWORKS:
            seen_by = [mean_of_views(models[name], each, views) for each in fields]
            found[name][way] = torch.stack(seen_by).argmax(2)
    for title, names in zip(TOGETHER, (NETWORKS, tuple(models)), strict=True):
        means = [
            torch.stack([mean_of_views(models[name], fields, [{}]) for name in names]).mean(0)
            for fields in seen[IN_USE]
        ]
        answers = torch.stack(means).argmax(2)
        for name in NETWORKS:
            found[name][title] = answers
    return found


def choose(right: Mapping[str, NDArray[np.bool_]], writers: NDArray[np.int64]) -> float:
    """The accuracy, in percent, where the way for each fifth of the writers is the one that is best for the
    others. `right`: (widths, N) for each way."""
    fold = folds.of_writers(writers)[writers]
    kept = [
        max(right.values(), key=lambda each: each[:, fold != part].mean())[:, fold == part]
        for part in range(folds.FOLDS)
    ]
    return 100 * float(np.concatenate(kept, 1).mean())


def rate(answers: Mapping[str, Tensor], digits: DrawnDigits) -> dict[str, Any]:
    """What one network reaches in each way, and with a way that is chosen on other writers; in percent."""
    right = {way: (found == digits.labels).numpy() for way, found in answers.items()}
    own = {way: each for way, each in right.items() if way not in TOGETHER}
    return {
        "ways": {way: round(100 * float(each.mean()), 2) for way, each in right.items()},
        "left_out": round(choose(own, digits.writers), 2),
    }


def main() -> None:
    """Measure and write."""
    digits = files.drawn_digits(__doc__)
    use_one_thread()
    models = {name: trained.model() for name, trained in checkpoint.load_shipped(steps.STEPS).items()}
    content = {
        kind: {name: rate(answers, digits) for name, answers in read(models, seen).items()}
        for kind, seen in ways_to_see(digits).items()
    }
    files.write("readings", {"digits": len(digits.labels), **content}, models)


if __name__ == "__main__":
    main()
