from __future__ import annotations

import numpy as np
import pytest

from benchmarks import novelty, several
from s5core.drawing import fit, sketch
from s5core.drawing.fit import DigitError


def strokes_of(name: str) -> list[sketch.Stroke]:
    return sketch.strokes_of(sketch.hard_digit(name, 20).drawing)


@pytest.mark.parametrize("name", sketch.HARD)
def test_a_digit_in_parts_stays_one_at_every_size(name):
    for size in np.linspace(0.3, 1.1, 9):  # a limit on a length would be met by rounding at some size
        fit.of_strokes(sketch.moved(strokes_of(name), size, np.array([0.37, 0.11])))


def test_an_eight_of_two_circles_is_one_digit_and_two_zeros_are_two():
    turn = np.linspace(0, 2 * np.pi, 30)
    circle = [(50 + 40 * float(np.cos(t)), 50 + 40 * float(np.sin(t))) for t in turn]
    below = [[(x, y + 84) for x, y in circle]]
    assert fit.of_strokes([circle, *below]).any()
    with pytest.raises(DigitError, match="several digits"):
        fit.of_strokes([circle, *sketch.moved(below, 1, np.array([120.0, -84.0]))])


@pytest.mark.parametrize("gap", several.GAPS)
def test_pairs_of_every_gap_are_several(gap):
    for size in (0.5, 1.0, 2.0):
        both = several.pair(strokes_of("5 like an S"), strokes_of("3 with a flat top"), gap, size, 0.5)
        parts = [[x for x, _ in stroke] for stroke in both]
        assert min(parts[1]) - max(parts[0]) == pytest.approx(100 * gap, abs=0.1)
        assert several.surplus(both) > fit.SURER


def test_auroc_counts_a_tie_as_half():
    assert novelty.rank(np.array([1.0, 2.0]), np.array([0.0, -1.0])) == 100
    assert novelty.rank(np.array([1.0]), np.array([1.0, 0.0, 2.0, 3.0])) == pytest.approx(37.5)
