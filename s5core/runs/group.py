"""A group: runs that differ in their seed alone. Together they are one result.

Nothing is written down for it. Whoever repeats a run with other seeds adds to its group, and a group has
one run for each seed: the same seed twice would only count the same result twice.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property

from s5core.evidence import Sample, pass_rate
from s5core.recipe import Recipe
from s5core.runs import folder, outcome
from s5core.runs.folder import Run
from s5core.runs.outcome import OVER, Outcome
from s5core.summary import count_parameters
from s5core.target import ACCURACY, EPOCHS, PARAMETERS
from s5core.words import count

_SEED = re.compile(r", seed \d+(?: \(\d+\))?$")  # at the end of a run's title
_SAME = [field.name for field in fields(Recipe) if field.name != "seed"]


@dataclass(frozen=True)
class Group:
    """Runs of one person with the same network, recipe and digits, and each with another seed."""

    runs: tuple[Run, ...]  # by their seeds, at least one

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """Those of the runs, in the same order, as they were when somebody first asked."""
        return [outcome.of(run) for run in self.runs]

    @property
    def data(self) -> str:
        """The name of the digits; empty where none of the runs has begun."""
        return next(filter(None, (found.data for found in self.outcomes)), "")

    @property
    def title(self) -> str:
        """What its runs are called, without their seeds."""
        return _SEED.sub("", self.runs[0].title)

    @property
    def over(self) -> int:
        """How many of the runs have come to their end: finished or diverged."""
        return sum(found.state in OVER for found in self.outcomes)

    @property
    def sample(self) -> Sample | None:
        """What the finished runs have reached; None where none has finished."""
        done = [found for found in self.outcomes if found.state == "finished"]
        reached = tuple(found.accuracy for found in done if found.accuracy is not None)
        return Sample(reached, done[0].digits) if reached and done[0].digits else None

    @property
    def keeps_bounds(self) -> bool:
        """Whether network and recipe keep the exercise's bounds on parameters and epochs."""
        first = self.runs[0]
        return PARAMETERS.met_by(count_parameters(first.layers)) and EPOCHS.met_by(first.recipe.epochs)

    @property
    def passes(self) -> int:
        """How many of the runs keep all three bounds of the exercise."""
        return self.sample.passes if self.sample and self.keeps_bounds else 0

    @property
    def curves(self) -> list[list[tuple[float, float]]]:
        """Of each run, the training and the validation accuracy after every finished epoch."""
        return [
            [(metrics.train_accuracy, metrics.validation_accuracy) for metrics in outcome.history(run)]
            for run in self.runs
        ]

    def missing_seeds(self, wanted: int) -> list[int]:
        """The lowest seeds that the group lacks, so many that it then has `wanted` runs."""
        taken = {run.recipe.seed for run in self.runs}
        lacking = max(0, wanted - len(taken))
        return [seed for seed in range(wanted + len(taken)) if seed not in taken][:lacking]

    def describe(self) -> str:
        """What the group has reached, in Markdown."""
        if not self.over:
            return "No run of this group has finished yet."
        words = []
        if self.over == 1 and self.sample:
            words += [f"One run {'passed' if self.passes else 'missed the goal'}."]
        elif self.sample:
            spread = " (mean ± standard deviation)" if self.sample.deviation is not None else ""
            words += [
                f"With {count(self.over, 'seed')}: **{self.sample}** in the last epoch{spread};",
                f"**{pass_rate(self.passes, self.over)}**.",
            ]
        if self._diverged:
            words += [f"{count(self._diverged, 'run')} diverged, which counts as missed."]
        if self.sample and self.sample.passes and not self.keeps_bounds:
            words += [
                f"{self.sample.passes} reached {ACCURACY.figure}, but the exercise allows {PARAMETERS.words} "
                f"parameters and {EPOCHS.words} epochs."
            ]
        if left := len(self.runs) - self.over:
            words += [f"{count(left, 'more run')} of this group {'is' if left == 1 else 'are'} not finished."]
        return " ".join(words)

    @property
    def _diverged(self) -> int:
        return sum(found.state == "diverged" for found in self.outcomes)


def groups(runs: Iterable[Run]) -> list[Group]:
    """The groups that these runs make, in the order of their first runs."""
    alike: dict[Hashable, list[Run]] = {}
    for run in runs:
        alike.setdefault(_key(run), []).append(run)
    return [group for members in alike.values() for group in _by_digits(members)]


def of(run: Run) -> Group:
    """The group of a run, among all runs."""
    alike = [
        other
        for other in folder.list_runs()
        if (other.owner, other.step) == (run.owner, run.step) and _key(other) == _key(run)
    ]
    found = _by_digits([run, *(other for other in alike if other.id != run.id)], preferred=run.id)
    return next(group for group in found if any(member.id == run.id for member in group.runs))


def why_alone(run: Run) -> str:
    """Why a run can have no group, in a sentence; empty where it can."""
    found = outcome.of(run)
    if found.state == "opened from a file":
        return "This run came from a file. Train its recipe here, and repeat that run with more seeds."
    if found.rate_changed:
        return "The learning rate of this run was changed in training, so no other run is trained like it."
    return ""


def _key(run: Run) -> Hashable:
    """What the runs of a group have in common, apart from the digits."""
    alone = run.id if why_alone(run) else ""
    recipe = tuple(getattr(run.recipe, name) for name in _SAME)
    return alone, run.owner, run.step, run.layers, recipe


def _by_digits(runs: list[Run], preferred: str = "") -> list[Group]:
    """Runs that have all but the digits in common, one group for each set of digits. A run that has not
    begun will have those of the others. Where a seed has several runs, the `preferred` one stands for it,
    or one that is over, or the oldest."""
    data = {run.id: outcome.of(run).data for run in runs}
    likely = next(filter(None, data.values()), "")
    by_data: dict[str, dict[int, Run]] = {}
    for run in sorted(
        runs, key=lambda run: (run.id != preferred, outcome.of(run).state not in OVER, run.created)
    ):
        by_data.setdefault(data[run.id] or likely, {}).setdefault(run.recipe.seed, run)
    return [Group(tuple(members[seed] for seed in sorted(members))) for members in by_data.values()]
