"""Groups of seeds: which runs belong together, and what they have reached."""

from __future__ import annotations

import pytest

from s5core.events import Diverged, Epoch, Event, Finished, Metrics, RateChanged, Started, to_lines
from s5core.layers import Conv, GlobalAvgPool, Network
from s5core.recipe import Recipe
from s5core.runs import folder, group
from s5core.runs.folder import Run
from s5core.steps import STEPS
from tests.helpers import LEAST

SMALL = STEPS["step5_small"].layers  # within the budget


def make(
    seed: int = 0,
    accuracy: float | None = 99.5,
    data: str = "MNIST",
    owner: str = "ada",
    layers: Network = SMALL,
    ends: Event | None = None,
    **changes: object,
) -> Run:
    """A run of one epoch; without an accuracy it has not begun."""
    run = folder.create("mine", "step5", layers, Recipe(epochs=1, seed=seed, **changes), owner)  # type: ignore[arg-type]
    if accuracy is not None:
        metrics = Metrics(1, 0.2, 95.0, 0.1, accuracy, 50, 0.1, 8.0)
        started = Started("a CPU", data, 60_000, 10_000, 3546, 1, 469, 1)
        events: list[Event] = [started, Epoch(metrics), ends or Finished.of((metrics,))]
        run.events_path.write_bytes(to_lines(events))
    return run


def seeds(found: group.Group) -> list[int]:
    return [run.recipe.seed for run in found.runs]


def test_runs_that_differ_in_their_seed_alone_are_one_result() -> None:
    first = make(0, 99.50)
    for seed, accuracy in ((1, 99.40), (2, 99.30), (3, 99.46), (4, 99.20)):
        make(seed, accuracy)
    found = group.of(first)
    assert seeds(found) == [0, 1, 2, 3, 4] and found.over == 5 and found.passes == 3
    words = found.describe().replace("\N{NO-BREAK SPACE}", " ")
    assert "With 5 seeds: **99.37 ± 0.12 %**" in words and "**3 of 5 pass" in words
    assert "23 to 88 %" in words
    assert [len(curve) for curve in found.curves] == [1] * 5


def test_what_else_differs_makes_another_group() -> None:
    first = make()
    make(1, owner="ben")
    make(2, learning_rate=0.05)
    make(3, layers=LEAST)
    make(4, data="practice set")
    waiting = make(5, accuracy=None)
    assert seeds(group.of(first)) == [0, 5]
    assert group.of(waiting).describe() == group.of(first).describe()
    assert len(group.groups(folder.list_runs())) == 5


def test_a_seed_counts_once_and_a_finished_run_before_one_that_waits() -> None:
    finished, waiting = make(accuracy=99.1), make(accuracy=None)
    (found,) = group.groups(folder.list_runs())
    assert found.runs == (finished,)
    assert group.of(waiting).runs == (waiting,)


def test_a_run_whose_rate_was_changed_in_training_stays_alone() -> None:
    first, changed = make(), make(1)
    with changed.events_path.open("ab") as log:
        log.write(to_lines([RateChanged(0.2)]))
    assert seeds(group.of(first)) == [0] and seeds(group.of(changed)) == [1]
    assert "was changed in training" in group.why_alone(changed) and not group.why_alone(first)


def test_a_diverged_run_counts_as_missed() -> None:
    first = make(0, 99.5)
    make(1, 99.0, ends=Diverged(2, 7, float("nan"), 3.0))
    found = group.of(first)
    assert (found.over, found.passes) == (2, 1)
    assert "1 of 2 pass" in found.describe() and "1 run diverged, which counts as missed." in found.describe()


def test_a_network_over_the_budget_cannot_pass() -> None:
    big = (Conv(200, kernel=10), Conv(10), GlobalAvgPool())
    first = make(0, layers=big)
    make(1, layers=big)
    found = group.of(first)
    assert found.passes == 0
    assert "0 of 2 pass" in found.describe() and "2 reached 99.4 %, but the exercise" in found.describe()


@pytest.mark.parametrize(
    ("taken", "wanted", "missing"),
    [([0], 3, [1, 2]), ([7], 3, [0, 1]), ([1, 0, 2], 3, []), ([0, 2], 4, [1, 3])],
)
def test_missing_seeds_are_the_lowest(taken: list[int], wanted: int, missing: list[int]) -> None:
    runs = [make(seed) for seed in taken]
    assert group.of(runs[0]).missing_seeds(wanted) == missing


def test_a_single_run_tells_whether_it_passed() -> None:
    assert group.of(make(accuracy=99.4)).describe() == "One run passed."
    assert group.of(make(accuracy=99.3, learning_rate=0.05)).describe() == "One run missed the goal."
    assert group.of(make(accuracy=None, learning_rate=0.07)).describe().startswith("No run of this group")


def test_a_seed_that_waits_takes_no_digits_from_its_group() -> None:
    make(3)
    first = make(0, accuracy=None)
    assert group.of(first).data == "MNIST" and group.of(make(learning_rate=0.4, accuracy=None)).data == ""
