from __future__ import annotations

from typing import Any

import pytest

from s5core.views import live
from s5core.views.live import Curve


def without_points(specification: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in specification.items() if name != "datasets"}


def loss(*points: tuple[float, float]) -> dict[str, Any]:
    return live.curves([Curve("training", points)], "loss", 14, (0.01, 3.0), logarithmic=True)


def test_curves_gain_points_and_nothing_else_changes() -> None:
    first, later = loss((0.1, 2.0)), loss((0.1, 2.0), (0.2, 1.0))
    assert without_points(first) == without_points(later)
    assert [len(first["datasets"][name]) for name in ("points", "ends")] == [1, 1]
    assert [len(later["datasets"][name]) for name in ("points", "ends")] == [2, 1]


def test_a_point_beyond_the_scale_is_drawn_at_its_edge() -> None:
    (high, low) = loss((1, 7.0), (2, 0.001))["datasets"]["points"]
    assert (high["value"], high["exact"]) == (3.0, 7.0)
    assert (low["value"], low["exact"]) == (0.01, 0.001)


def test_a_longer_curve_is_cut_off_at_the_last_epoch_of_the_run() -> None:
    points = loss((14, 0.1), (15, 0.05))["datasets"]["points"]
    assert [point["epoch"] for point in points] == [14]


def test_the_scale_of_the_rates_never_changes() -> None:
    first, later = live.rates([(0.0, 0.01)], 7, 0.3), live.rates([(0.0, 0.01), (2.0, 0.3)], 7, 0.3)
    assert without_points(first) == without_points(later)
    assert first["encoding"]["y"]["scale"]["domain"] == [0, 0.3]


@pytest.mark.parametrize("target", [None, 99.4])
def test_a_target_is_a_line_of_its_own(target: float | None) -> None:
    drawn = live.curves([Curve("validation", [(1, 99.0)])], "accuracy, %", 14, (98.0, 100.0), target)
    rules = [layer for layer in drawn["layer"] if layer["mark"]["type"] == "rule"]
    assert len(rules) == (target is not None)
    for layer in drawn["layer"]:
        assert drawn["datasets"][layer["data"]["name"]]
    for rule in rules:
        assert drawn["datasets"][rule["data"]["name"]] == [{"target": 99.4}]
