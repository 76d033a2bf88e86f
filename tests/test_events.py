"""Events, their JSON, and the log that keeps them."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from s5core.events import (
    Diverged,
    Epoch,
    Event,
    Failed,
    Finished,
    LogWriter,
    Metrics,
    Progress,
    RateChanged,
    Started,
    Stopped,
    from_json,
    read_log,
    to_json,
    to_lines,
)

STARTED = Started("CPU", "practice set", 4000, 1000, 90, 3, 32, 1)
PROGRESS = Progress(1, 1, 2.3, 10.0, 0.1, 900.0)


def metrics(epoch: int) -> Metrics:
    return Metrics(epoch, 0.5, 80.0, 0.4, 90.0, 100, 0.1, 1.5)


ALL = [
    STARTED,
    PROGRESS,
    Epoch(metrics(1)),
    Finished(2, 90.0, 91.0, 3.0),
    Diverged(1, 7, math.inf, 3.0),
    RateChanged(0.05),
    Stopped(2),
    Failed("The disk is full."),
]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "events.jsonl"


def write(path: Path, *events: Event) -> None:
    with LogWriter(path) as log:
        for event in events:
            log.write(event)


def test_here_is_one_of_each_kind():
    assert {type(event) for event in ALL} == set(get_args(Event))


@pytest.mark.parametrize("event", ALL, ids=lambda event: type(event).__name__)
def test_an_event_survives_json(event):
    assert from_json(json.loads(json.dumps(to_json(event)))) == event


@pytest.mark.parametrize(
    "changed",
    [
        {"epoch": "1"},
        {"epoch": 1.5},
        {"epoch": True},
        {"loss": None},
        {"loss": math.nan},
        {"loss": math.inf},
        {"loss": 10**400},
        {"another": 1},
        {"event": "of a later version"},
        {"event": ["progress"]},
    ],
    ids=repr,
)
def test_what_is_mistyped_is_no_event(changed):
    with pytest.raises(ValueError, match=r"must be|needs|no event"):
        from_json(to_json(PROGRESS) | changed)


def test_an_event_needs_all_its_values():
    data = to_json(Epoch(metrics(1)))
    del data["seconds"]
    with pytest.raises(ValueError, match="Metrics needs epoch, train_loss"):
        from_json(data)


def test_the_log_tells_what_happened(path):
    end = Finished(2, 90.0, 91.0, 3.0)
    write(path, STARTED, PROGRESS, Epoch(metrics(1)), Epoch(metrics(2)), end)
    log = read_log(path)
    assert log.progress
    assert read_log(path, progress=False) == replace(log, progress=[])
    assert (log.started, log.progress, log.epochs) == (STARTED, [PROGRESS], [metrics(1), metrics(2)])
    assert log.end == end


def test_events_that_are_written_at_once_are_read_alike(path):
    path.write_bytes(to_lines([STARTED, Epoch(metrics(1)), Stopped(1)]))
    assert (read_log(path).epochs, read_log(path).end) == ([metrics(1)], Stopped(1))


def test_each_line_can_be_read_at_once(path):
    with LogWriter(path) as log:
        log.write(STARTED)
        assert read_log(path).started == STARTED


def test_half_a_line_is_left_for_the_next_look(path):
    line = to_lines([Epoch(metrics(1))])
    path.write_bytes(to_lines([STARTED]) + line[:20])
    assert read_log(path).epochs == []
    with path.open("ab") as file:
        file.write(line[20:])
    assert read_log(path).epochs == [metrics(1)]


def test_what_a_killed_writer_left_unfinished_is_cut_off(path):
    path.write_bytes(to_lines([STARTED]) + b'{"event": "pr')
    write(path, Stopped(1))
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["started", "stopped"]


@pytest.mark.parametrize(
    "damaged",
    [
        b"\0\0\0\0",
        b"[]",
        b'{"event": "of a later version"}',
        b"{}",
        b"",
        b'{"event": "epoch"',
        b"[" * 200_000,
        b'{"event": "rate", "value": NaN}',
    ],
    ids=lambda damaged: repr(damaged[:20]),
)
def test_a_line_that_is_no_event_is_passed_over(path, damaged):
    path.write_bytes(to_lines([STARTED]) + damaged + b"\n" + to_lines([Epoch(metrics(1))]))
    log = read_log(path)
    assert (log.started, log.epochs, log.peak) == (STARTED, [metrics(1)], None)


def test_what_came_after_the_checkpoint_is_void_once_resumed(path):
    second = Progress(2, 5, 1.0, 50.0, 0.1, 900.0)
    write(path, STARTED, PROGRESS, Epoch(metrics(1)), second, Epoch(metrics(2)), Stopped(2))
    assert read_log(path).end == Stopped(2)
    write(path, Started("CPU", "practice set", 4000, 1000, 90, 3, 32, 2))
    log = read_log(path)
    assert log.end is None
    assert [past.epoch for past in log.progress] == [1] and log.epochs == [metrics(1)]


def test_a_rate_that_was_set_before_a_start_is_void(path):
    write(path, STARTED, RateChanged(0.05))
    assert read_log(path).peak == 0.05
    write(path, STARTED)
    assert read_log(path).peak is None
