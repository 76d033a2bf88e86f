from __future__ import annotations

from typing import Any

import pytest
import torch

from s5core.evaluate import ClassResult
from s5core.views import answers
from s5core.views.palette import BLUE, GREY, ORANGE, RED
from s5core.views.style import Specification


def rows_of(chart: Specification) -> list[dict[str, Any]]:
    """The rows of the chart's first layer."""
    rows: list[dict[str, Any]] = chart["datasets"][chart.get("data", chart["layer"][0].get("data"))["name"]]
    return rows


def bar_colours(chart: Specification) -> list[str]:
    """The colour of each bar of a chart of probabilities."""
    scale = chart["layer"][0]["encoding"]["color"]["scale"]
    colours = dict(zip(scale["domain"], scale["range"], strict=True))
    return [colours[row["is"]] for row in rows_of(chart)]


def test_probabilities_are_bars_in_percent_and_the_answer_is_blue() -> None:
    chart = answers.class_probabilities([0.9, 0.0996, 0.0004] + 7 * [0.0])
    assert [row["text"] for row in rows_of(chart)] == ["90.0", "10.0", *8 * [""]]
    assert bar_colours(chart) == [BLUE, *9 * [GREY]]


@pytest.mark.parametrize(("true", "colours"), [(0, [BLUE, GREY, GREY]), (2, [BLUE, GREY, ORANGE])])
def test_a_true_digit_is_orange_unless_it_is_the_answer(true: int, colours: list[str]) -> None:
    assert bar_colours(answers.class_probabilities([0.8, 0.1, 0.1], true)) == colours


def test_a_confusion_matrix_shades_its_errors_and_not_its_diagonal() -> None:
    counts = torch.diag(torch.full((10,), 900))
    counts[4, 9] = 7
    chart = answers.confusion_matrix(counts, chosen=(4, 9))
    drawn = chart
    cells, numbers = drawn["layer"]
    (cell,) = drawn["params"]
    assert cell["name"] == "cell" and cell["value"] == [{"true": 4, "said": 9}]
    assert "datum.right" in cells["encoding"]["color"]["condition"]["test"]
    assert cells["encoding"]["color"]["value"] == RED
    assert {row["shade"] for row in rows_of(chart)} == {answers.FAINT, answers.STRONG}
    assert numbers["transform"] == [{"filter": "datum.count > 0"}]
    (row,) = [row for row in rows_of(chart) if row["count"] == 7]
    assert (row["true"], row["said"], row["right"]) == (4, 9, False)
    assert row["shade"] == answers.STRONG  # the most errors of a cell, whatever the diagonal holds
    assert "value" not in answers.confusion_matrix(counts)["params"][0]


@pytest.mark.parametrize(("errors", "start"), [(10, 98), (100, 80), (700, 0)])
def test_the_axis_of_the_classes_reaches_below_the_worst(errors: int, start: float) -> None:
    classes = [ClassResult(digit, 1000, errors if digit == 8 else 0) for digit in range(10)]
    chart = answers.class_accuracy(classes, target=99.4)
    drawn = chart["layer"][0]["encoding"]["x"]
    assert drawn["scale"]["domain"] == [start, 100]
    assert f"begins at {start:g} %" in drawn["title"]
    assert rows_of(chart)[8]["words"] == f"{errors:,} of 1,000 wrong"
