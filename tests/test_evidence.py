"""How sure a result is: the figures against scipy, and the words that follow from them."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from s5core import evidence
from s5core.evidence import Sample, compare

GOOD = Sample((99.45, 99.46, 99.51, 99.57, 99.50), 10_000)
BETTER = Sample((99.61, 99.66, 99.63, 99.70, 99.64), 10_000)
ALIKE = Sample((99.47, 99.52, 99.44, 99.53), 10_000)


def one(accuracy: float) -> Sample:
    return Sample((accuracy,), 10_000)


def test_the_standard_error_is_that_of_a_share() -> None:
    assert evidence.standard_error(99.4, 10_000) == pytest.approx(0.0772, abs=1e-4)  # sqrt(0.994 * 0.006 / n)
    assert evidence.standard_error(50, 100) == pytest.approx(5)
    assert evidence.standard_error(100, 10_000) == 0
    for wrong in ((101, 10), (-1, 10), (50, 0)):
        with pytest.raises(ValueError, match="no accuracy"):
            evidence.standard_error(*wrong)


def test_the_wilson_interval_agrees_with_scipy() -> None:
    for right, digits in [(0, 1), (1, 1), (3, 5), (0, 60), (57, 60), (60, 60), (9940, 10_000)]:
        theirs = stats.binomtest(right, digits).proportion_ci(method="wilson")
        expected = (100 * theirs.low, 100 * theirs.high)
        assert evidence.wilson_interval(right, digits) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("right", "count"), [(1, 0), (-1, 5), (6, 5)])
def test_an_impossible_share_has_no_interval(right: int, count: int) -> None:
    with pytest.raises(ValueError, match="is no share"):
        evidence.wilson_interval(right, count)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 0), (12, 25), (25, 12), (8, 8), (700, 900)])
def test_the_paired_test_agrees_with_scipy(first: int, second: int) -> None:
    theirs = stats.binomtest(first, first + second).pvalue if first + second else 1.0
    assert evidence.disagreement_chance(first, second) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("disagreements", [0, 1, 5, 6, 40, 999])
def test_a_lead_by_luck_is_noise_and_a_larger_one_is_not(disagreements: int) -> None:
    lead = evidence.lead_by_luck(disagreements)
    few = (disagreements - lead) // 2
    assert evidence.disagreement_chance(few, disagreements - few) >= evidence.NOISE
    if few:
        assert evidence.disagreement_chance(few - 1, disagreements - few + 1) < evidence.NOISE


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 30, 101])
@pytest.mark.parametrize("t", [0.0, 0.4, -2.2, 3.0, 12.0])
def test_the_tail_of_students_t_agrees_with_scipy(t: float, freedom: int) -> None:
    assert evidence.student_tail(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), abs=1e-12)


@pytest.mark.parametrize("second", [BETTER, ALIKE])
def test_means_are_compared_like_welch_a_little_more_strictly(second: Sample) -> None:
    theirs = stats.ttest_ind(GOOD.accuracies, second.accuracies, equal_var=False)
    chance = evidence.seeds_chance(GOOD, second)
    freedom = math.floor(theirs.df)
    assert chance == pytest.approx(2 * stats.t.sf(abs(theirs.statistic), freedom), abs=1e-9)
    assert theirs.pvalue <= chance < theirs.pvalue + 0.02


def test_a_single_run_is_compared_with_the_spread_of_one_more() -> None:
    verdict = compare(GOOD, one(99.50))
    assert verdict.kind == "one run" and verdict.is_noise
    assert not compare(one(98.9), GOOD).is_noise
    assert compare(one(98.9), GOOD).points == pytest.approx(0.598)


def test_two_single_runs_are_compared_by_their_digits() -> None:
    known = compare(one(99.40), one(99.55), disagreements=(30, 15))
    assert known.kind == "same digits" and not known.is_noise
    unknown = compare(one(99.38), one(99.42))
    assert unknown.kind == "digits" and unknown.is_noise
    assert not compare(one(98.0), one(99.4)).is_noise
    assert compare(one(100.0), one(100.0)).chance == 1


def test_equal_accuracies_of_few_digits_are_no_certainty() -> None:
    first, second = Sample((97.3, 97.3), 1000), Sample((97.4, 97.4), 1000)
    assert compare(first, second).is_noise
    assert not compare(first, Sample((99.4, 99.4), 1000)).is_noise


def test_the_words_say_whether_it_is_noise_and_how_often_chance_does_it() -> None:
    words = compare(GOOD, ALIKE).words
    assert words.startswith("**This difference is noise.**") and "of 100 such comparisons" in words
    assert "more than noise" in compare(GOOD, BETTER).words
    assert compare(GOOD, GOOD).words == "**There is no difference.**"
    assert "only several seeds of both" in compare(one(99.38), one(99.42)).words
    assert [evidence.often(chance) for chance in (0.001, 0.434, 1)] == [
        "fewer than 1 of 100",
        "43 of 100",
        "100 of 100",
    ]


def test_the_pass_rate_has_its_interval() -> None:
    sample = Sample((99.5, 99.4, 99.396, 99.3, 98.0), 10_000)
    assert sample.passes == 3  # 99.396 is shown as 99.40
    assert evidence.pass_rate(3, 5).replace("\N{NO-BREAK SPACE}", " ") == (
        "3 of 5 pass (95 % interval of the rate: 23 to 88 %)"
    )
    assert str(sample).startswith("99.12 ± 0.63") and str(one(99.4)).startswith("99.40\N{NO-BREAK SPACE}%")
