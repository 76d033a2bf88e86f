"""The charts of s5core/views/steps.py. (The catalogue of steps has the same file name.)"""

from __future__ import annotations

import math

import altair as alt
import pytest

from s5core.compare import CurvePoint, Standing
from s5core.views.steps import steps_accuracy, steps_curves
from s5core.words import percent


def texts(chart: alt.LayerChart) -> list[str]:
    """The text of each arrow under the axis."""
    return [row["text"] for rows in chart.to_dict()["datasets"].values() for row in rows if "text" in row]


def test_what_lies_below_the_axis_is_an_arrow_with_its_figure():
    low = Standing("step3", "ours", parameters=7_216, accuracy=98.5)
    assert texts(steps_accuracy([low], {"step3": "3"}, floor=99)) == [f"3: {percent(98.5, 1)}"]
    assert not texts(steps_accuracy([low], {"step3": "3"}, floor=98))


def test_the_letter_of_a_square_keeps_clear_of_our_marks():
    """Our marks are drawn on top, so that a letter below one of them could not be read."""
    ours = Standing("step5", "ours", parameters=7_800, accuracy=99.5)
    square = Standing("them/net", "elsewhere", parameters=7_900, accuracy=99.5)
    alone = Standing("them/other", "elsewhere", parameters=2_000, accuracy=99.0)
    badges = {"step5": "5", "them/net": "d", "them/other": "e"}
    spec = steps_accuracy([ours, square, alone], badges).to_dict()
    rows = {row["badge"]: row for rows in spec["datasets"].values() for row in rows if "dx" in row}
    assert (rows["e"]["dx"], rows["e"]["dy"]) == (14, 0)  # where nothing is near, at its right
    assert math.hypot(rows["d"]["dx"], rows["d"]["dy"]) >= 20  # past the edge of the circle
    letters = [layer["mark"] for layer in spec["layer"] if layer["mark"]["type"] == "text"]
    assert {"expr": "datum.dx"} in [text.get("dx") for text in letters]
    shapes = [layer["transform"][0]["filter"] for layer in spec["layer"] if layer["mark"]["type"] == "point"]
    assert "elsewhere" in shapes[0] and "ours" in shapes[-1]  # drawn last, and so on top


def test_the_place_of_a_shared_result_is_written_where_no_mark_is():
    """On the board its triangle lies on the circle of a step as often as not."""
    ours = [Standing("step5", "ours", 7_800, 99.5), Standing("fast", "ours", 8_600, 99.45)]
    shared = Standing("board1", "shared", 8_300, 99.5)
    badges = {"step5": "5", "fast": "Fast", "board1": "#1"}
    spec = steps_accuracy([*ours, shared], badges).to_dict()
    [number] = [row for rows in spec["datasets"].values() for row in rows if row.get("badge") == "#1"]
    assert math.hypot(number["dx"], number["dy"]) >= 14 + 11  # radius of a circle, and of the writing


def test_a_short_name_is_written_once_even_where_its_figure_was_also_reported():
    ours = [Standing("fast", "ours", 9_000, 99.4), Standing("both", "ours", 12_000, 99.4)]
    reported = Standing("both", "reported", 12_000, 99.5)
    spec = steps_accuracy([*ours, reported], {"fast": "Fast", "both": "Both"}).to_dict()
    named = [layer for layer in spec["layer"] if "oneOf" in str(layer.get("transform"))]
    assert [layer["transform"][-1]["filter"] for layer in named] == [{"field": "name", "oneOf": ["fast"]}]


@pytest.mark.parametrize(("last", "floor"), [(99.4, 98), (97.2, 95), (10.0, 0), (0.1, 0)])
def test_every_last_epoch_is_on_the_axis_of_the_curves(last: float, floor: float):
    point = CurvePoint(epoch=1, train=99.0, validation=last, lowest=last, highest=last)
    assert f'"domain":[{floor:.1f},100]' in steps_curves({"Step 1": [point]}).to_json(indent=None).replace(
        " ", ""
    )
