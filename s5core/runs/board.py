"""The board: what the people of a server share, by how surely it passes, then by size, then by time."""

from __future__ import annotations

from dataclasses import dataclass

from s5core.compare import Standing
from s5core.evidence import Sample, wilson_interval
from s5core.runs import folder, group
from s5core.runs.group import Group
from s5core.steps import STEPS
from s5core.summary import count_parameters


@dataclass(frozen=True)
class Entry:
    """A group of which at least one run is shared. All its seeds count, or one could share the luckiest."""

    group: Group
    sample: Sample  # what its finished runs have reached
    parameters: int
    seconds: float  # of training and validation, mean over its runs

    @property
    def name(self) -> str:
        """The step that it began from, and what its runs are called."""
        return f"{STEPS[self.group.runs[0].step].short}, {self.group.title}"

    @property
    def owner(self) -> str:
        """Id of the person whose it is."""
        return self.group.runs[0].owner

    @property
    def surely(self) -> float:
        """The lower end of the interval of its pass rate, in percent: one run that passes is less than nine
        of ten."""
        return wilson_interval(self.group.passes, self.group.over)[0]


def entries(digits: str) -> list[Entry]:
    """The board, its first place first. `digits`: the name of those on which the runs must be validated."""
    found: dict[frozenset[str], Entry] = {}
    for run in folder.list_runs():
        if not run.shared or run.step not in STEPS:
            continue
        made = group.of(run)
        if made.sample is None or made.data != digits:
            continue
        entry = Entry(
            made,
            made.sample,
            count_parameters(run.layers),
            sum(each.seconds for each in made.outcomes) / max(1, made.over),
        )
        found.setdefault(frozenset(each.id for each in made.runs), entry)
    return sorted(found.values(), key=lambda entry: (-entry.surely, entry.parameters, entry.seconds))


def standings(board: list[Entry]) -> list[Standing]:
    """The entries as figures to be drawn beside those of the steps, each called by its place."""
    return [
        Standing(
            f"#{place}",
            "shared",
            entry.parameters,
            entry.sample.mean,
            entry.sample.deviation,
            len(entry.sample.accuracies),
        )
        for place, entry in enumerate(board, start=1)
    ]
