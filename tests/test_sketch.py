from __future__ import annotations

import numpy as np
import pytest

from s5core import sketch


def test_a_curve_runs_through_its_points_and_turns_sharply_at_double_ones():
    bow = sketch.curve([(0, 0), (50, 40), (100, 0)])
    assert bow[0] == (0, 0) and bow[sketch.SMOOTH] == (50, 40) and bow[-1] == (100, 0)
    assert all(y < 41 for _, y in bow)
    bend = sketch.curve([(0, 0), (0, 0), (100, 0), (100, 0), (100, 100), (100, 100)])
    assert all(x == pytest.approx(100) or y == pytest.approx(0) for x, y in bend)


@pytest.mark.parametrize("name", sketch.HARD)
def test_a_hard_digit_is_on_the_canvas_as_it_is_painted(name):
    made = sketch.hard_digit(name, 20)
    assert made.pixels.shape == (280, 280) and made.pixels.dtype == np.uint8
    assert made.pixels[0].max() == made.pixels[:, 0].max() == 0  # the edge is paper
    assert len(made.drawing["objects"]) == len(sketch.HARD[name])
    for stroke in made.drawing["objects"]:
        for _, x, y in stroke["path"]:
            assert made.pixels[round(y), round(x)] == 255


def test_a_wider_pen_leaves_more_ink():
    thin, thick = (sketch.hard_digit("4, open", width).pixels for width in (10, 30))
    assert thick.mean() == pytest.approx(3 * thin.mean(), rel=0.2)


def test_a_drawing_from_a_browser_keeps_one_channel():
    image = np.zeros((280, 280, 4), dtype=np.uint8)
    image[..., 3] = 255
    image[100, 50, :3] = 200
    kept = sketch.of_canvas({"objects": []}, image).pixels
    assert kept.shape == (280, 280) and kept.base is None and kept[100, 50] == 200 and kept.sum() == 200
