"""How sure a result is: the error of a measured accuracy, the spread of seeds, and whether a difference is
more than noise.

Chance comes in twice. Other digits would have given another accuracy: `standard_error` and
`disagreement_chance` are about that. And another seed would have given another network: `seeds_chance`
and `single_chance` are about that, and only they can tell whether a recipe is better than another.

A chance is a p-value: the probability, 0 to 1, that two equally good things differ at least that much.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from s5core.target import ACCURACY
from s5core.words import MINUS, NO_BREAK, percent

NOISE = 0.05  # from this chance on a difference is called noise

Kind = Literal["seeds", "one run", "digits", "same digits"]  # which chance a verdict is about


def standard_error(accuracy: float, digits: int) -> float:
    """Standard error, in points, of an accuracy in percent that was measured on this number of
    digits: the standard deviation of a binomial share. Raises ValueError out of range.

    >>> round(standard_error(99.4, 10_000), 3)
    0.077
    """
    if not 0 <= accuracy <= 100 or digits < 1:
        raise ValueError(f"{accuracy} % of {digits} digits is no accuracy")
    share = accuracy / 100
    return 100 * math.sqrt(share * (1 - share) / digits)


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """95 % confidence interval, in percent, of a share: `right` of `count` digits are read right, or runs
    pass.

    It also holds for a handful and at 100 %, where the standard error is of no use (Wilson, "Probable
    inference, the law of succession, and statistical inference", 1927). Raises ValueError out of range.
    """
    if not 0 <= right <= count or count < 1:
        raise ValueError(f"{right} of {count} is no share")
    z = 1.959964  # 95 % of a normal distribution lie within this number of standard deviations
    share, weight = right / count, z**2 / count
    centre = (share + weight / 2) / (1 + weight)
    reach = z / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    return 100 * max(0.0, centre - reach), 100 * min(1.0, centre + reach)


def disagreement_chance(first: int, second: int) -> float:
    """The chance of a difference between two networks on the same digits, of which `first` only the first
    network reads wrong and `second` only the second one. What both read alike says nothing.

    The exact test of McNemar ("Note on the sampling error of the difference between correlated
    proportions or percentages", 1947): each of these digits is a throw of a fair coin.
    """
    return min(1.0, 2 * list(_fair_coin(first + second))[min(first, second)])


def lead_by_luck(disagreements: int) -> int:
    """The largest difference in errors that is still noise between two networks of which exactly one is
    wrong on this number of digits."""
    return next(
        disagreements - 2 * few for few, tail in enumerate(_fair_coin(disagreements)) if 2 * tail >= NOISE
    )


def _fair_coin(throws: int) -> Iterator[float]:
    """The probability of at most 0, 1, 2, … heads."""
    total = 0.0
    for heads in range(throws + 1):
        ways = math.lgamma(throws + 1) - math.lgamma(heads + 1) - math.lgamma(throws - heads + 1)
        total += math.exp(ways - throws * math.log(2))
        yield total


@dataclass(frozen=True)
class Sample:
    """The accuracies that the runs of one recipe reached, each with another seed; at least one."""

    accuracies: tuple[float, ...]  # of the last epoch, in percent
    digits: int  # on which each was measured

    @property
    def mean(self) -> float:
        """In percent."""
        return statistics.mean(self.accuracies)

    @property
    def deviation(self) -> float | None:
        """Standard deviation over the seeds, in points; None for a single run."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else None

    @property
    def passes(self) -> int:
        """How many of the runs reach the exercise's accuracy."""
        return sum(map(ACCURACY.met_by, self.accuracies))

    @property
    def variance(self) -> float:
        """Of the seeds, in square points. Accuracies come in steps of one digit, so that two equal ones
        need not be exactly alike: it is at least the variance within a step."""
        return max((self.deviation or 0.0) ** 2, (100 / self.digits) ** 2 / 12)

    def __str__(self) -> str:
        spread = "" if self.deviation is None else f" ± {self.deviation:.2f}"
        return f"{self.mean:.2f}{spread}{NO_BREAK}%"


def seeds_chance(first: Sample, second: Sample) -> float:
    """The chance of the difference of two means, each over two runs at least (Welch, "The generalization of
    'Student's' problem when several different population variances are involved", 1947)."""
    parts = [sample.variance / len(sample.accuracies) for sample in (first, second)]
    freedom = sum(parts) ** 2 / sum(
        part**2 / (len(sample.accuracies) - 1) for part, sample in zip(parts, (first, second), strict=True)
    )
    return student_tail((first.mean - second.mean) / math.sqrt(sum(parts)), math.floor(freedom + 1e-9))


def single_chance(accuracy: float, sample: Sample) -> float:
    """The chance that one more run of a sample's recipe lies as far from its mean as this accuracy in
    percent. The sample has two runs at least."""
    count = len(sample.accuracies)
    spread = math.sqrt(sample.variance * (1 + 1 / count))
    return student_tail((accuracy - sample.mean) / spread, count - 1)


def student_tail(t: float, freedom: int) -> float:
    """The probability that Student's t is at least as far from zero, for a whole number of degrees of
    freedom. To round Welch's down makes the test a little stricter.

    The finite series of Abramowitz and Stegun, "Handbook of mathematical functions", 26.7.3 and 26.7.4.
    """
    angle = math.atan(abs(t) / math.sqrt(freedom))
    term = math.cos(angle) if freedom % 2 else 1.0
    total = 0.0
    for k in range(2 + freedom % 2, freedom + 1, 2):
        total += term
        term *= (k - 1) / k * math.cos(angle) ** 2
    inside = math.sin(angle) * total
    if freedom % 2:
        inside = 2 / math.pi * (angle + inside)
    return max(0.0, 1 - inside)


@dataclass(frozen=True)
class Verdict:
    """Whether the second of two things is better than the first by more than chance."""

    points: float  # accuracy of the second less that of the first
    chance: float
    kind: Kind

    @property
    def is_noise(self) -> bool:
        """Whether chance alone often makes such a difference."""
        return self.chance >= NOISE

    @property
    def words(self) -> str:
        """The verdict in sentences, in Markdown."""
        if abs(self.points) < 0.005:
            return "**There is no difference.**"
        size = f"{abs(self.points):.2f} points"
        head = "**This difference is noise.**" if self.is_noise else "**This difference is more than noise.**"
        return f"{head} {_WHY[self.kind].format(size=size, often=often(self.chance))}"


_WHY: dict[Kind, str] = {
    "seeds": "If both recipes were equally good, the seeds alone would make a difference of at least {size} "
    "in {often} such comparisons.",
    "one run": "One more run of the recipe with several seeds would be at least {size} away from their mean "
    "in {often} cases.",
    "digits": "Two equally good networks would be at least {size} apart in {often} cases, because there are "
    "only so many digits. This is about these two networks alone: only several seeds of both "
    "can tell which recipe is better.",
    "same digits": "Both networks read the same digits. Two equally good ones that disagree on as many "
    "would be at least {size} apart in {often} cases. This is about these two networks "
    "alone: only several seeds of both can tell which recipe is better.",
}


def compare(first: Sample, second: Sample, disagreements: tuple[int, int] | None = None) -> Verdict:
    """Whether the second sample differs from the first by more than chance.

    `disagreements`: for two single runs on the same digits, how many only the first and only the second
    read wrong, where that is known.
    """
    points = second.mean - first.mean
    many = [sample for sample in (first, second) if len(sample.accuracies) > 1]
    if len(many) == 2:
        return Verdict(points, seeds_chance(first, second), "seeds")
    if many:
        single = second if many[0] is first else first
        return Verdict(points, single_chance(single.mean, many[0]), "one run")
    if disagreements is not None:
        return Verdict(points, disagreement_chance(*disagreements), "same digits")
    spread = math.hypot(*(standard_error(sample.mean, sample.digits) for sample in (first, second)))
    away = abs(points) / spread if spread else math.inf if points else 0.0
    return Verdict(points, 2 * (1 - NormalDist().cdf(away)), "digits")


def often(chance: float) -> str:
    """A chance in words: "43 of 100", "fewer than 1 of 100"."""
    share = round(100 * chance)
    if share < 1:
        return "fewer than 1 of 100"
    return f"{share} of 100"


def pass_rate(passes: int, runs: int) -> str:
    """How many runs pass, and how sure the rate is: "3 of 5 pass (95 % interval of the rate: 23 to 88 %)"."""
    low, high = wilson_interval(passes, runs)
    interval = f"{percent(95, 0)} interval of the rate: {low:.0f} to {percent(high, 0)}"
    return f"{passes} of {runs} pass{'' if runs > 1 else 'es'} ({interval})"


def step_apart(points: float) -> str:
    """A difference in points with its sign: "+0.05 points"."""
    return f"{points:+.2f} points".replace("-", MINUS)
