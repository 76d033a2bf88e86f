"""Measure which drawings are taken for several digits.

    python -m benchmarks.several DIGITS.npz

writes `benchmarks/results/several.json`: how many of the file's digits are refused, and how many pairs of
them, side by side, are noticed: refused, or marked as no digit. Pairs have all gaps and sizes. How much
surer the parts must be than the whole is chosen on four fifths of the writers, for each fifth in turn: the
least that refuses none of their digits. The results also have the value in use.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks import files, folds
from s5core.drawing import detector, fit, score, sketch
from s5core.drawing.reading import use_one_thread
from s5core.drawing.score import DrawnDigits
from s5core.drawing.sketch import Stroke

PAIRS = 3000
GAPS = (0.03, 0.1, 0.2, 0.4, 0.8)  # of the taller digit's height
SMALLEST = 0.5  # height of the second digit, of the first one's
MARGINS = np.arange(0, 4.01, 0.25)  # that are tried


def surplus(strokes: list[Stroke]) -> float:
    """How much more the parts of a drawing look like digits than the whole of it does, in log-odds."""
    whole = fit.redrawn(strokes)
    return max(fit.surplus(whole, [*map(fit.redrawn, parts)]) for parts in fit.parts_of_strokes(strokes))


def pair(
    first: Sequence[Stroke], second: Sequence[Stroke], gap: float, size: float, lift: float
) -> list[Stroke]:
    """Two digits side by side, the first one 100 pixels high. `gap`, `size`: as shares of its height.
    `lift`: where the second one stands, 0 at the top, 1 at the foot."""
    left, right = _upright(first, 100), _upright(second, 100 * size)
    shift = np.array([sketch.bounds(left)[1][0] + 100 * gap, lift * 100 * (1 - size)])
    return left + sketch.moved(right, 1, shift)


def _upright(strokes: Sequence[Stroke], height: float) -> list[Stroke]:
    """The strokes from (0, 0) on, as high as that; one that lies flat, at most as wide."""
    low, high = sketch.bounds(strokes)
    scale = height / max(*(high - low), 1e-6)
    return sketch.moved(strokes, scale, -low * scale)


def pairs(digits: DrawnDigits) -> tuple[list[list[Stroke]], NDArray[np.int64], NDArray[np.float64]]:
    """Pairs by one writer each, their writers and their gaps; in half of them the smaller one comes first."""
    generator = np.random.default_rng(0)
    made, writers, gaps = [], [], []
    for number in range(PAIRS):
        first = int(generator.integers(len(digits.labels)))
        second = int(generator.choice(np.flatnonzero(digits.writers == digits.writers[first])))
        gap, size, lift = GAPS[number % len(GAPS)], generator.uniform(SMALLEST, 1), generator.random()
        both = pair(digits.strokes[first], digits.strokes[second], gap, size, lift)
        if generator.random() < 0.5:  # the mirror image of where they stand, not of the digits
            both = pair(digits.strokes[second], digits.strokes[first], gap / size, 1 / size, lift)
        made.append(both)
        writers.append(int(digits.writers[first]))
        gaps.append(gap)
    return made, np.array(writers), np.array(gaps)


def main() -> None:
    """Measure and write."""
    digits = files.drawn_digits(__doc__)
    use_one_thread()
    fold = folds.of_writers(digits.writers)
    single = np.array(
        [
            surplus(sketch.strokes_of(score.draw(one, 18, np.random.default_rng([0, i])).drawing))
            for i, one in enumerate(digits.strokes)
        ]
    )
    made, writers, gaps = pairs(digits)
    both = np.array([surplus(one) for one in made])
    strange = np.array([float(detector.log_odds(fit.redrawn(one))) < detector.LEAST for one in made])

    def least(known: NDArray[np.bool_]) -> float:
        """The margin that refuses none of these digits."""
        return float(min((m for m in MARGINS if not (single[known] > m).any()), default=MARGINS[-1]))

    own = np.array([least(fold[digits.writers] != part) for part in range(folds.FOLDS)])
    refused, noticed = single > own[fold[digits.writers]], both > own[fold[writers]]
    files.write(
        "several",
        {
            "digits": len(single),
            "pairs": len(both),
            "margins": own.tolist(),
            "left_out": {
                "refused": int(refused.sum()),
                "pairs_refused": round(100 * float(noticed.mean()), 2),
                "pairs_noticed": round(100 * float((noticed | strange).mean()), 2),
            },
            "in_use": {
                "margin": fit.SURER,
                "refused": int((single > fit.SURER).sum()),
                "pairs_refused": round(100 * float((both > fit.SURER).mean()), 2),
                "pairs_noticed": round(100 * float(((both > fit.SURER) | strange).mean()), 2),
                "by_gap": {
                    str(gap): round(100 * float((both[gaps == gap] > fit.SURER).mean()), 1) for gap in GAPS
                },
            },
            "most_like_several": sorted(round(x, 2) for x in single.tolist() if math.isfinite(x))[-5:],
        },
    )


if __name__ == "__main__":
    main()
