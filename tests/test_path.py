from __future__ import annotations

import re

import pytest

from s5core.views.path import Stop, steps_path

OVER = Stop("Step 1", "A clean skeleton", 13_312, (98.7, 98.9))
UNDER = Stop("Step 2", "Global <average> pooling", 8_412, (98.6, 78.8, 83.7))


def heights(picture: str) -> list[float]:
    """Of the large circles, the means; without the one of the key."""
    return [float(y) for y in re.findall(r'<circle [^>]*cy="([\d.]+)" r="10"', picture)][:-1]


def test_each_network_has_its_name_its_parameters_and_the_budget_in_words():
    texts = re.findall("<text[^>]*>([^<]*)</text>", steps_path((OVER, UNDER)))
    assert {"Step 1", "A clean skeleton", "13,312", "○ over budget"} <= set(texts)
    assert {"Step 2", "8,412", "● under budget", "2 of 3 runs", "lost a class"} <= set(texts)
    assert "Target: at least 99.4 %" in texts


@pytest.mark.parametrize(("lower", "higher"), [(90.0, 99.0), (0.0, 90.0)])
def test_a_tenth_of_the_errors_is_always_the_same_length(lower: float, higher: float):
    one, other = heights(steps_path((Stop("a", "", 1, (lower,) * 2), Stop("b", "", 1, (higher,) * 2))))
    two, third = heights(steps_path((Stop("a", "", 1, (99.0,) * 2), Stop("b", "", 1, (99.9,) * 2))))
    assert one - other == pytest.approx(two - third, abs=0.2) and one > other


def test_a_network_without_errors_is_at_the_top_of_the_axis():
    perfect, good = heights(steps_path((Stop("a", "", 1, (100.0,) * 2), Stop("b", "", 1, (99.0,) * 2))))
    assert 0 < perfect < good


def test_a_network_that_was_not_measured_has_its_words_alone():
    picture = steps_path((OVER, Stop("Step 2", "", 8_412, ())))
    assert len(heights(picture)) == 1 and "8,412" in picture


def test_the_chosen_network_has_a_frame_and_words_are_escaped():
    assert steps_path((OVER, UNDER)).count("<rect") == 1  # the target region
    picture = steps_path((OVER, UNDER), "Step 2")
    assert picture.count("<rect") == 2 and "<average>" not in picture
    assert "2 of them lost a class" in picture  # in the alternative text
