import pytest

from s5core import words
from s5core.words import NO_BREAK


def plain(text: str) -> str:
    return text.replace(NO_BREAK, " ")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.count(1, "digit"), "1 digit"),
        (words.count(0, "digit"), "0 digits"),
        (words.count(1000, "digit"), "1,000 digits"),
        (words.count(2, "class", "classes"), "2 classes"),
        (words.percent(99.449), "99.45 %"),
        (words.percent(100, 0), "100 %"),
        (words.percent(None), "–"),
        (words.cell("=1+1"), "'=1+1"),
        (words.cell("rate 0.1"), "rate 0.1"),
        (words.probability(0.973), "97.3 %"),
        (words.probability(0.9994), "over 99.9 %"),
        (words.probability(1), "over 99.9 %"),
        (words.probability(0.0004), "under 0.1 %"),
        (words.probability(0.0), "under 0.1 %"),
        (words.probability(0.974, places=0), "97 %"),
        (words.probability(0.996, places=0), "over 99 %"),
        (words.signed(1196), "+1,196"),
        (words.signed(-0.44, 1), "−0.4"),
        (words.signed(-0.04, 1), "+0.0"),
        (words.number(-0.424), "−0.42"),
        (words.duration(42.3), "42 s"),
        (words.duration(59.7), "1 min"),
        (words.duration(185), "3 min 5 s"),
        (words.estimate(1), "5 s"),
        (words.estimate(52.6), "55 s"),
        (words.estimate(61), "1 min"),
        (words.estimate(754), "13 min"),
        (words.digit(8), "an 8"),
        (words.digit(9), "a 9"),
    ],
)
def test_numbers_in_words(said: str, expected: str) -> None:
    assert plain(said) == expected


def test_a_figure_and_its_unit_stay_on_one_line() -> None:
    assert " " not in words.percent(99.4) + words.probability(0.9999) + words.probability(0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fetch it with `python -m s5core data`: now.", r"Fetch it with `python -m s5core data`\: now\."),
        ("The run **x** `a`b` is not yours", r"The run \*\*x\*\* `a`b\` is not yours"),
        ("`![](a)\n\n![](b)`", "\\`\\!\\[\\]\\(a\\)\n\n\\!\\[\\]\\(b\\)\\`"),
        ("``[a](b)`", r"\`\`\[a\]\(b\)\`"),
    ],
)
def test_only_a_command_in_a_message_is_markdown(text: str, expected: str) -> None:
    assert words.message(text) == expected
