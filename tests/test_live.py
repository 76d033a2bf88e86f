from __future__ import annotations

import math
from typing import Any

import pytest

from s5core.events import Epoch, Log, Metrics, Progress, Started
from s5core.views import live
from s5core.views.live import BY_ERRORS, LOSS, Curve, Point, linear

ACCURACIES = [0.0, 9.8, 50.0, 90.0, 98.0, 99.4, 99.99, 100.0]


def without_points(specification: dict[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in specification.items() if name != "datasets"}


def drawn(*points: Point, axis: live.Axis = BY_ERRORS) -> dict[str, Any]:
    return live.curves([Curve("validation", points)], axis, 14)


def epochs(rows: list[dict[str, Any]]) -> list[float]:
    return [row["epoch"] for row in rows]


def vertical_scale(specification: dict[str, Any]) -> dict[str, Any]:
    scales = [layer["encoding"]["y"]["scale"] for layer in specification["layer"]]
    assert all(scale == scales[0] for scale in scales)
    scale: dict[str, Any] = scales[0]
    return scale


def test_curves_gain_points_and_nothing_else_changes() -> None:
    first, later = drawn((0.1, 20)), drawn((0.1, 20), (0.2, 99))
    assert without_points(first) == without_points(later)
    assert [len(first["datasets"][name]) for name in ("points", "dots")] == [1, 1]
    assert [len(later["datasets"][name]) for name in ("points", "dots")] == [2, 1]


def test_the_axis_of_errors_has_a_place_for_every_accuracy() -> None:
    chart = drawn(*((i, accuracy) for i, accuracy in enumerate(ACCURACIES)))
    assert [row["value"] for row in chart["datasets"]["points"]] == ACCURACIES
    scale = vertical_scale(chart)
    assert (scale["type"], scale["domain"], scale["reverse"]) == ("symlog", [0, 100], True)
    heights = [-math.log1p(row["y"] / scale["constant"]) for row in chart["datasets"]["points"]]
    assert heights == sorted(heights)  # a higher accuracy is drawn higher
    labels = chart["layer"][0]["encoding"]["y"]["axis"]["values"]
    assert [round(100 - value, 6) for value in labels] == [0, 50, 90, 99, 99.4, 99.9, 100]


@pytest.mark.parametrize("low", [0, 90, 98])
def test_a_point_below_a_linear_axis_is_absent_and_breaks_the_line(low: float) -> None:
    points = [(1, 99.0), (2, low - 0.01), (3, 99.2), (4, 99.3)]
    rows = drawn(*points, axis=linear(low))["datasets"]["points"]
    assert [(row["epoch"], row["y"]) for row in rows] == [(1, 99.0), (3, 99.2), (4, 99.3)]
    assert [row["part"] for row in rows] == [0, 1, 1]
    assert live.outside([Curve("validation", points)], linear(low), 14) == 1
    assert live.outside([Curve("validation", [(15, 0.0)])], linear(98), 14) == 0


def test_a_part_of_a_line_is_not_joined_to_the_next() -> None:
    lines = [layer for layer in drawn((1, 99.0))["layer"] if layer["mark"]["type"] == "line"]
    assert lines and all(layer["encoding"]["detail"]["field"] == "part" for layer in lines)


def test_nothing_is_clamped() -> None:
    for axis in (BY_ERRORS, LOSS, linear(98)):
        assert not vertical_scale(drawn((1, 99.0), axis=axis)).get("clamp")
    assert drawn((1, 12.0), (2, 0.001), axis=LOSS)["datasets"]["points"] == []


def test_the_run_is_drawn_above_other_runs() -> None:
    others, ours = Curve("another run", [(1, 98.0)], faint=True), Curve("validation", [(1, 99.0)])
    for lines in ([others, ours], [ours, others]):
        chart = live.curves(lines, BY_ERRORS, 14)
        order = [layer["data"]["name"] for layer in chart["layer"]]
        assert order.index("others") < order.index("points") < order.index("dots")
        assert [row["line"] for row in chart["datasets"]["others"]] == ["another run"]
        assert [row["line"] for row in chart["datasets"]["points"]] == ["validation"]


def test_validation_has_a_dot_at_each_epoch_and_training_at_its_end() -> None:
    points = [(1, 98.0), (2, 99.0)]
    chart = live.curves([Curve("training", points), Curve("validation", points, dots=True)], BY_ERRORS, 14)
    dots = [(row["line"], row["epoch"]) for row in chart["datasets"]["dots"]]
    assert dots == [("training", 2), ("validation", 1), ("validation", 2)]


def test_a_longer_curve_is_cut_off_at_the_last_epoch_of_the_run() -> None:
    assert epochs(drawn((14, 99.0), (15, 99.1))["datasets"]["points"]) == [14]


def test_the_scale_of_the_rates_never_changes() -> None:
    first, later = live.rates([(0.0, 0.01)], 7, 0.3), live.rates([(0.0, 0.01), (2.0, 0.3)], 7, 0.3)
    assert without_points(first) == without_points(later)
    assert first["encoding"]["y"]["scale"]["domain"] == [0, 0.3]


@pytest.mark.parametrize("target", [None, 99.4])
def test_a_target_is_a_labelled_line_of_its_own(target: float | None) -> None:
    chart = live.curves([Curve("validation", [(1, 99.0)])], BY_ERRORS, 14, target)
    kinds = [layer["mark"]["type"] for layer in chart["layer"] if layer["data"]["name"] == "target"]
    assert kinds == (["rule", "text"] if target else [])
    rows = chart["datasets"]["target"]
    assert [(round(row["y"], 6), row["words"]) for row in rows] == (
        [(0.6, "target 99.4 %")] if target else []
    )


STARTED = Started("a CPU", "MNIST", 10_000, 100, 10, 2, 10, 1)


def batch(epoch: int, number: int, accuracy: float) -> Progress:
    return Progress(epoch, number, 1.0, accuracy, 0.1, 1000.0)


def epoch(number: int, accuracy: float) -> Epoch:
    return Epoch(Metrics(number, 1.0, accuracy, 0.5, 98.5, 2, 0.1, 1.0))


def log(*events: Progress | Epoch) -> Log:
    made = Log()
    for event in (STARTED, *events):
        made.take(event)
    return made


def test_training_accuracy_is_that_of_the_digits_since_the_point_before() -> None:
    so_far = log(batch(1, 1, 10), batch(1, 5, 50), epoch(1, 70), batch(2, 1, 100), batch(2, 5, 80))
    points = live.training_accuracy(so_far, batch_size=1000)
    # 50 % of 5,000 digits are 2,500 right, 100 of them in the first 1,000: 2,400 of 4,000.
    expected = [(0.1, 10), (0.5, 60), (1.0, 90), (1.1, 100), (1.5, 75)]
    assert points == [pytest.approx(point) for point in expected]


def test_a_few_digits_make_no_point_but_the_first() -> None:
    so_far = log(batch(1, 1, 10), batch(1, 2, 10), batch(1, 6, 50), batch(1, 9, 60), epoch(1, 70))
    assert [x for x, _ in live.training_accuracy(so_far, batch_size=250)] == [0.025, 0.15, 1.0]
    assert live.training_loss(so_far, batch_size=250)[-1] == (1.0, pytest.approx(1.0))


def test_the_first_batch_makes_the_first_point() -> None:
    assert live.training_accuracy(log(batch(1, 1, 12.5)), 1000) == [(0.1, 12.5)]
    assert live.training_accuracy(Log(), 100) == []


def test_the_summary_says_what_the_chart_shows() -> None:
    assert "not begun" in live.summary(Log(), 7)
    assert "training accuracy 12.50" in live.summary(log(batch(1, 1, 12.5)), 7)
    words = live.summary(log(epoch(1, 97)), 7)
    assert words.startswith("Validation accuracy 98.50") and "after 1 of 7 epochs" in words
    assert "training accuracy 97.00" in words
