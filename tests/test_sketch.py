from __future__ import annotations

import numpy as np
import pytest

from s5core.drawing import sketch


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


# As a browser sent it: a seven, then moved with the canvas's own tools.
SEVEN = {
    "type": "Path", "originX": "center", "originY": "center", "left": 133.0049, "top": 150.01,
    "width": 126.0498, "height": 180.02, "stroke": "#ffffff", "strokeWidth": 20, "scaleX": 1, "scaleY": 1,
    "angle": 0, "flipX": False, "flipY": False,
    "path": [
        ["M", 69.98, 60], ["Q", 70, 60, 91.5, 60], ["Q", 113, 60, 134.5, 60], ["Q", 156, 60, 178, 60],
        ["Q", 200, 60, 188, 90], ["Q", 176, 120, 153, 180], ["L", 129.98, 240.02],
    ],
}  # fmt: skip


def ends(drawing: dict) -> list[tuple[float, float]]:
    (stroke,) = sketch.strokes_of(drawing)
    return [stroke[0], stroke[-1]]


def test_strokes_stand_where_they_were_drawn():
    assert ends({"objects": [SEVEN]}) == [
        pytest.approx((69.98, 60), abs=1),
        pytest.approx((129.98, 240.02), abs=1),
    ]


@pytest.mark.parametrize(
    ("change", "first", "last"),
    [
        ({"left": 163.0, "top": 170.0}, (100, 80), (160, 260)),
        ({"scaleX": 0.5, "scaleY": 0.5}, (101.5, 105), (131.5, 195)),
        ({"flipX": True}, (196, 60), (136, 240)),
        ({"angle": 90}, (223, 87), (43, 147)),
    ],
)
def test_strokes_follow_the_tools_of_the_canvas(change, first, last):
    assert ends({"objects": [SEVEN | change]}) == [pytest.approx(first, abs=1), pytest.approx(last, abs=1)]


def test_our_own_strokes_are_read_back():
    made = sketch.of_strokes([[(50, 50), (50, 50), (200, 200), (200, 200)]], 20)
    ((first, *_, last),) = sketch.strokes_of(made.drawing)
    assert (first, last) == ((50, 50), (200, 200))


def line(colour: str, *points: tuple[float, float]) -> dict:
    path = [["L" if i else "M", *point] for i, point in enumerate(points)]
    return {"type": "Path", "path": path, "stroke": colour, "strokeWidth": 20}


def test_an_eraser_cuts_what_was_drawn_before_it():
    drawn, eraser = line(sketch.PEN, (20, 100), (220, 100)), line(sketch.PAPER, (120, 50), (120, 150))
    left, right = sketch.strokes_of({"objects": [drawn, eraser]})
    assert left[0] == (20, 100) and left[-1][0] == pytest.approx(109, abs=1)
    assert right[0][0] == pytest.approx(131, abs=1) and right[-1] == (220, 100)
    assert len(sketch.strokes_of({"objects": [eraser, drawn]})) == 1
    everything = line(sketch.PAPER, (20, 100), (220, 100))
    assert sketch.strokes_of({"objects": [drawn, everything]}) == []


def test_the_last_rectangle_on_a_canvas_is_found_wherever_fabric_measures_it():
    assert sketch.last_rectangle(None) is None and sketch.last_rectangle(sketch.EMPTY.drawing) is None
    first = {
        "type": "Rect",
        "left": 10,
        "top": 20,
        "width": 30,
        "height": 40,
        "originX": "left",
        "originY": "top",
    }
    moved = {"type": "rect", "left": 50, "top": 60, "width": 20, "height": 10, "scaleX": 2}
    centred = moved | {"originX": "center", "originY": "center"}
    assert sketch.last_rectangle({"objects": [first]}) == (10, 20, 40, 60)
    assert sketch.last_rectangle({"objects": [first, moved]}) == (50, 60, 90, 70)
    assert sketch.last_rectangle({"objects": [moved, centred]}) == (30, 55, 70, 65)
    assert sketch.last_rectangle(sketch.hard_digit("4, open", 20).drawing) is None
