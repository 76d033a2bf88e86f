from __future__ import annotations

import pytest

from s5core import words


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.9731, "97.3 %"), (0.9999, "over 99.9 %"), (0.00004, "under 0.1 %"), (0.1, "10.0 %")],
)
def test_a_probability_is_as_exact_as_it_is_of_use(share: float, text: str) -> None:
    assert words.probability(share) == text.replace(" ", words.NO_BREAK)


def test_a_digit_has_its_article() -> None:
    assert [words.digit(label) for label in (1, 8, 9)] == ["a 1", "an 8", "a 9"]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (words.count(1, "digit"), "1 digit"),
        (words.count(1000, "digit"), "1,000 digits"),
        (words.count(2, "class", "classes"), "2 classes"),
        (words.percent(99.449), f"99.45{words.NO_BREAK}%"),
        (words.percent(5, 0), f"5{words.NO_BREAK}%"),
        (words.percent(None), "–"),
        (words.signed(1196), "+1,196"),
        (words.signed(-0.42, 1), "−0.4"),
        (words.signed(-0.001, 1), "+0.0"),
        (words.number(-0.421), "−0.42"),
        (words.duration(41.6), "42 s"),
        (words.duration(185), "3 min 5 s"),
    ],
)
def test_numbers_in_words(said: str, text: str) -> None:
    assert said == text
