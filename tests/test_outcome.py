from __future__ import annotations

from typing import Any

import pytest

from s5core import checkpoint
from s5core.events import (
    Diverged,
    Epoch,
    Event,
    Failed,
    Finished,
    Metrics,
    Progress,
    RateChanged,
    Started,
    Stopped,
    to_lines,
)
from s5core.recipe import Recipe
from s5core.runs import folder, outcome
from s5core.runs.outcome import Outcome, State
from tests.helpers import LEAST

STARTED = Started("CPU", "practice set", 4000, 1000, 90, 3, 32, 1)
HERE: dict[str, Any] = {"data": "practice set", "digits": 1000}  # what STARTED tells of the digits
PROGRESS = Progress(1, 1, 2.3, 10.0, 0.1, 1000.0)
FIRST = Epoch(Metrics(1, 0.5, 80.0, 0.4, 90.0, 100, 0.1, 2.0))
SECOND = Epoch(Metrics(2, 0.3, 90.0, 0.2, 95.5, 45, 0.1, 1.5))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], Outcome("not started")),
        ([STARTED, PROGRESS], Outcome("interrupted", **HERE)),
        ([STARTED, PROGRESS, FIRST, SECOND], Outcome("interrupted", 95.5, 45, 3.5, **HERE)),
        ([STARTED, FIRST, Stopped(1)], Outcome("stopped", 90.0, 100, 2.0, **HERE)),
        ([STARTED, FIRST, SECOND, Finished(2, 95.5, 95.5, 3.5)], Outcome("finished", 95.5, 45, 3.5, **HERE)),
        ([STARTED, Diverged(1, 7, float("nan"), 3.0)], Outcome("diverged", **HERE)),
        ([STARTED, RateChanged(0.2)], Outcome("interrupted", rate_changed=True, **HERE)),
        ([Failed("No worker.")], Outcome("failed")),
        ([FIRST, SECOND, Stopped(2)], Outcome("opened from a file", 95.5, 45, 3.5)),
    ],
)
def test_the_outcome_is_that_of_the_last_event(events: list[Event], expected: Outcome) -> None:
    run = folder.create("mine", "step5", LEAST, Recipe(epochs=3))
    run.events_path.write_bytes(to_lines(events))
    assert outcome.of(run) == expected


def test_a_log_that_grows_is_read_again() -> None:
    run = folder.create("mine", "step5", LEAST, Recipe(epochs=3))
    states: list[State] = [outcome.of(run).state]
    run.events_path.write_bytes(to_lines([STARTED]))
    states.append(outcome.of(run).state)
    run.events_path.write_bytes(to_lines([STARTED, Stopped(0)]))
    states.append(outcome.of(run).state)
    assert states == ["not started", "interrupted", "stopped"]


def test_an_uploaded_network_was_opened_from_a_file() -> None:
    shipped = checkpoint.load(checkpoint.shipped_path("step5"))
    found = outcome.of(folder.adopt(shipped, "step5", "from outside"))
    assert (found.state, found.accuracy) == ("opened from a file", shipped.accuracy)


def test_the_history_is_that_of_the_finished_epochs_and_grows_with_the_log() -> None:
    run = folder.create("mine", "step5", LEAST, Recipe(epochs=3))
    assert outcome.history(run) == [] and outcome.version(run) is None
    run.events_path.write_bytes(to_lines([STARTED, PROGRESS, FIRST, PROGRESS]))
    before = outcome.version(run)
    assert outcome.history(run) == [FIRST.metrics]
    assert outcome.history(run) is outcome.history(run)  # read once
    run.events_path.write_bytes(to_lines([STARTED, PROGRESS, FIRST, PROGRESS, SECOND]))
    assert outcome.history(run) == [FIRST.metrics, SECOND.metrics]
    assert outcome.version(run) != before
