import pytest

from s5core import target
from s5core.target import Bound


@pytest.mark.parametrize(
    ("bound", "words", "sign"),
    [
        (target.ACCURACY, "at least 99.4 %", "≥ 99.4 %"),
        (target.PARAMETERS, "fewer than 10,000", "< 10,000"),
        (target.EPOCHS, "fewer than 15", "< 15"),
    ],
)
def test_a_bound_says_what_it_demands(bound: Bound, words: str, sign: str) -> None:
    assert (bound.words, bound.sign) == (words, sign)


@pytest.mark.parametrize(
    ("bound", "met", "missed"),
    [
        (target.ACCURACY, [99.4, 99.3951, 100], [99.39, 99.3949, 0]),
        (target.PARAMETERS, [9_999, 1], [10_000, 6_379_786]),
        (target.EPOCHS, [14, 1], [15]),
    ],
)
def test_a_bound_is_met_by_the_figure_that_is_shown(
    bound: Bound, met: list[float], missed: list[float]
) -> None:
    assert all(bound.met_by(figure) for figure in met)
    assert not any(bound.met_by(figure) for figure in missed)
