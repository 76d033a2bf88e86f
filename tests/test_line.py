"""Whose turn it is, and when: the rules alone, without a queue."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from s5core.events import Finished, Log, Progress, Started, Stopped, to_lines
from s5core.recipe import Recipe
from s5core.runs import folder, forecast, line
from s5core.runs.folder import Run
from s5core.runs.line import Entry
from tests.helpers import LEAST


def entry(name: str, since: float, begun: bool = False) -> Entry:
    """A run of the person with the first letter of its name."""
    return Entry(Run(Path(name), name, "step5", LEAST, Recipe(), "", owner=name[0]), since, begun)


def names(entries: list[Entry]) -> str:
    return " ".join(each.run.title for each in entries)


@pytest.mark.parametrize(
    ("waiting", "training", "expected"),
    [
        ("", "", ""),
        ("a1 b1 c1", "", "a1 b1 c1"),
        ("a1 a2 a3 b1", "", "a1 b1 a2 a3"),
        ("a1 a2 b1 b2 c1", "", "a1 b1 c1 a2 b2"),
        ("a2 b1", "a1", "b1 a2"),
        ("a3 b2 c1", "a1 a2 b1", "c1 b2 a3"),
        ("a2 a3 b2", "a1 b1", "a2 b2 a3"),
    ],
)
def test_one_persons_second_run_stands_behind_everybodys_first(waiting, training, expected):
    line_up = [entry(name, i) for i, name in enumerate(waiting.split())]
    busy = [entry(name, -1, begun=True) for name in training.split()]
    assert names(line.in_turn(line_up, busy)) == expected
    assert names(line.in_turn(reversed(line_up), busy)) == expected  # only the times count


def test_thirty_people_with_two_runs_each_all_have_their_first_before_anybodys_second():
    people = "abcdefghijklmnopqrstuvwxyzABCD"
    waiting = [entry(f"{who}{number}", 2 * i + number) for i, who in enumerate(people) for number in (1, 2)]
    turns = line.in_turn(waiting)
    assert [each.run.title for each in turns] == [f"{who}{n}" for n in (1, 2) for who in people]


def test_a_run_that_had_begun_before_a_restart_goes_on_first():
    assert names(line.in_turn([entry("a1", 0), entry("b1", 1, begun=True)])) == "b1 a1"


def test_a_run_begins_when_a_place_is_free():
    assert forecast.start_times([30, 10], [20, 5, 5], 2) == [10, 30, 30]
    assert forecast.start_times([], [20, 5, 7], 2) == [0, 0, 5]
    assert forecast.start_times([8], [3, 3], 1) == [8, 11]
    assert forecast.start_times([5], [], 2) == []


def test_what_a_run_still_takes_is_told_from_the_speed_of_its_last_look():
    started = Started("a CPU", "MNIST", 1000, 0, 9192, 3, 10, 1)
    look = Progress(2, 5, 0.1, 97.0, 0.1, 500.0)
    assert forecast.seconds_left(Log(started=started), 3) is None
    assert forecast.seconds_left(Log(started=started, progress=[look]), 3) == pytest.approx(3.0)
    last = replace(look, epoch=3, batch=10)
    assert forecast.seconds_left(Log(started=started, progress=[look, last]), 3) == 0


def new() -> Run:
    return folder.create("mine", "step5", LEAST, Recipe(epochs=3), "ada")


def test_a_line_that_was_written_down_is_found_in_the_order_of_arrival():
    late, early, begun, free = new(), new(), new(), new()
    for run, since, had in ((late, 3.0, False), (early, 2.0, False), (begun, 9.0, True)):
        line.keep(Entry(run, since, had))
    begun.events_path.write_bytes(to_lines([Stopped(0)]))  # as a server that ends stops its runs
    found = line.kept()
    assert [(each.run, each.begun, each.restored) for each in found] == [
        (begun, True, True),
        (early, False, True),
        (late, False, True),
    ]
    line.forget(early)
    line.forget(free)  # it never was in line
    assert [each.run for each in line.kept()] == [begun, late]


def test_a_run_that_came_to_its_end_leaves_the_line():
    run = new()
    line.keep(Entry(run, 1.0, begun=True))
    run.events_path.write_bytes(to_lines([Finished(3, 99.0, 99.0, 5.0)]))
    assert line.kept() == [] and not (run.folder / line.FILE).exists()


@pytest.mark.parametrize(
    "content", ["", "[]", "null", '{"since": "x", "begun": 1}', "[" * 100_000, '{"since": 1}']
)
def test_a_damaged_entry_is_none(content):
    run = new()
    (run.folder / line.FILE).write_text(content)
    assert line.kept() == []


def test_an_endless_time_is_read_as_the_earliest():
    run = new()
    (run.folder / line.FILE).write_text(json.dumps({"since": float("nan"), "begun": False}))
    assert line.kept() == [Entry(run, 0.0, restored=True)]


def test_a_deleted_run_does_not_come_back_with_its_place_in_line():
    run = new()
    folder.delete([run.id])
    line.keep(Entry(run, 1.0))
    assert not run.folder.exists()
