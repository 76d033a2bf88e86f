"""What people may do: ownership, the teacher, the limits. The queue's workers are ready but do nothing."""

from __future__ import annotations

import contextlib
import re
import threading
from dataclasses import replace

import pytest

from s5core import checkpoint
from s5core.checkpoint import Checkpoint
from s5core.configuration import Configuration, ConfigurationError
from s5core.events import Finished, to_lines
from s5core.files import ROOT
from s5core.recipe import Recipe, RecipeError
from s5core.runs import classroom, folder, group, people, space
from s5core.runs.classroom import Classroom, ClassroomError
from s5core.runs.folder import Run, RunError
from s5core.runs.messages import Done
from s5core.runs.people import Person
from s5core.runs.queue import Queue
from tests.helpers import LEAST, TINY, Idle, wait_for

ADA, BEN = Person("ada"), Person("ben")
SECRET = "a long secret"


def classroom_of(**settings: object) -> Classroom:
    jobs = settings.setdefault("jobs", 1)
    assert isinstance(jobs, int)
    return Classroom(Queue(jobs, Idle), Configuration(**settings))  # type: ignore[arg-type]


@pytest.fixture
def room() -> Classroom:
    return classroom_of()


@pytest.fixture
def school() -> tuple[Classroom, Person]:
    """A classroom with its teacher."""
    made = classroom_of(teacher_secret=SECRET)
    made.admit(Person("tea"), SECRET, "10.0.0.1")
    return made, made.person("tea", is_local=False)


def start(room: Classroom, person: Person = ADA, **changes: object) -> Run:
    return room.start(person, "mine", "step5", LEAST, Recipe(epochs=3).replace(**changes))


def finish(room: Classroom) -> None:
    """Let the run in training come to its end."""
    (slot,) = (slot for slot in room.queue.workers() if slot.run)
    assert isinstance(slot.handle, Idle) and slot.run
    slot.run.events_path.write_bytes(to_lines([Finished(3, 99.0, 99.0, 5.0)]))
    slot.handle.hear(Done())


def titles(room: Classroom) -> list[str]:
    return [run.owner for run in room.queue.training()] + [run.owner for run in room.queue.waiting()]


def test_people_take_turns_in_a_real_queue(room):
    for person in (ADA, ADA, ADA, BEN, Person("cleo")):
        start(room, person)
    assert titles(room) == ["ada", "ben", "cleo", "ada", "ada"]
    finish(room)
    assert titles(room) == ["ben", "cleo", "ada", "ada"]
    start(room, Person("dan"))
    start(room, BEN)
    # Ada has none in training any more: her next one came when her first had ended, before Dan.
    assert titles(room) == ["ben", "cleo", "ada", "dan", "ada", "ben"]


def test_what_a_person_started_is_theirs_and_nobody_elses(room):
    run = start(room)
    other = start(room, BEN)
    assert folder.open_run(run.id).owner == "ada"
    forbidden = [
        lambda: room.stop(BEN, run.id),
        lambda: room.resume(BEN, run.id),
        lambda: room.set_rate(BEN, run.id, 0.1),
        lambda: room.rename(BEN, run.id, "hers"),
        lambda: room.pin(BEN, [other.id, run.id], True),
        lambda: room.delete(BEN, [run.id]),
        lambda: room.pause(BEN, True),
        lambda: room.lock(BEN, True),
        lambda: room.clear(BEN),
    ]
    for change in forbidden:
        with pytest.raises(ClassroomError):
            change()
    assert room.queue.is_active(run.id) and folder.open_run(run.id) == run
    assert not folder.open_run(other.id).pinned and not room.queue.paused and not room.locked
    room.rename(ADA, run.id, "better")
    room.pin(ADA, [run.id], True)
    room.stop(ADA, run.id)
    wait_for(lambda: not room.queue.is_active(run.id))
    room.delete(ADA, [run.id])
    with pytest.raises(ClassroomError, match="The run better is not yours"):
        room.restore(BEN, [run.id])
    room.restore(ADA, [run.id])
    assert folder.open_run(run.id).pinned
    with pytest.raises(RunError):
        room.delete(ADA, ["../x"])


def test_a_design_is_saved_not_trained_and_is_its_owners(room):
    run = room.save(ADA, "step5", TINY, Recipe(epochs=3), "narrow")
    assert folder.open_run(run.id) == run and (run.design, run.title, run.owner) == (
        "narrow",
        "narrow",
        "ada",
    )
    assert not room.queue.is_active(run.id) and not run.log().started
    with pytest.raises(ClassroomError, match="not yours"):
        room.resume(BEN, run.id)
    room.resume(ADA, run.id)
    assert room.queue.is_active(run.id)


def test_a_person_saves_only_so_many_designs_and_none_too_large_or_while_all_is_locked(school):
    room, teacher = school
    room.limits = Configuration(designs=1, parameters=100)
    with pytest.raises(ClassroomError, match="parameters.*S5_PARAMETERS"):
        room.save(ADA, "step5", TINY, Recipe(), "large")
    first = room.save(ADA, "step5", LEAST, Recipe(), "one")
    with pytest.raises(ClassroomError, match="saved 1 design that.*S5_DESIGNS"):
        room.save(ADA, "step5", LEAST, Recipe(), "two")
    room.save(BEN, "step5", LEAST, Recipe(), "two")
    first.events_path.write_bytes(to_lines([Finished(3, 99.0, 99.0, 5.0)]))
    room.save(ADA, "step5", LEAST, Recipe(), "two")
    room.lock(teacher, True)
    with pytest.raises(ClassroomError, match="locked"):
        room.save(BEN, "step5", LEAST, Recipe(), "three")
    assert len(folder.list_runs()) == 3


def test_a_repeated_run_gets_its_missing_seeds_and_each_takes_its_turn():
    room = classroom_of(jobs=1, waiting=3)
    run = start(room, learning_rate=0.05)
    start(room, BEN)
    room.repeat(ADA, run.id, 3)
    assert titles(room) == ["ada", "ben", "ada", "ada"]
    found = group.of(run)
    assert [each.recipe.seed for each in found.runs] == [0, 1, 2]
    assert [each.title for each in found.runs] == ["mine", "mine, seed 1", "mine, seed 2"]
    assert {each.recipe.learning_rate for each in found.runs} == {0.05}
    room.repeat(ADA, run.id, 3)  # has all it needs
    assert len(folder.list_runs()) == 4
    with pytest.raises(ClassroomError, match="not yours"):
        room.repeat(BEN, run.id, 5)


def test_a_repetition_takes_no_more_of_the_line_than_one_person_may():
    room = classroom_of(jobs=1, waiting=3)
    run = start(room)
    with pytest.raises(ClassroomError, match=r"3 of 4 runs are in line\. 3 runs of yours wait .*S5_WAITING"):
        room.repeat(ADA, run.id, 5)
    assert room.queue.count_waiting("ada") == 3
    with pytest.raises(ClassroomError, match="^3 runs of yours wait in line already"):
        room.repeat(ADA, run.id, 5)
    finish(room)  # the next one begins, and makes room for the last seed
    room.repeat(ADA, run.id, 5)
    assert [each.recipe.seed for each in group.of(run).runs] == [0, 1, 2, 3, 4]


def test_a_run_that_nothing_is_trained_like_is_not_repeated(room):
    made = checkpoint.load(checkpoint.shipped_path("step4"))
    run = room.adopt(ADA, made, "step4", "from a file")
    with pytest.raises(ClassroomError, match="came from a file"):
        room.repeat(ADA, run.id, 3)
    assert folder.list_runs() == [run]


def test_the_seeds_that_a_teacher_adds_are_the_owners(school):
    room, teacher = school
    run = start(room)
    room.repeat(teacher, run.id, 3)
    assert {each.owner for each in folder.list_runs()} == {"ada"}


def test_the_test_accuracy_of_a_finished_run_is_opened_once(room):
    run = start(room, split="holdout")
    assert run.is_sealed
    with pytest.raises(ClassroomError, match="finished run"):
        room.open_test(ADA, run.id)
    finish(room)
    with pytest.raises(ClassroomError, match="not yours"):
        room.open_test(BEN, run.id)
    room.open_test(ADA, run.id)
    opened = run.test_opened()
    assert opened and not run.is_sealed
    (run.folder / "test.json").write_text('{"opened": "2020-01-01T00:00:00+00:00"}')
    room.open_test(ADA, run.id)  # the first time counts
    assert run.test_opened() == "2020-01-01T00:00:00+00:00"
    (run.folder / "test.json").write_text("damaged")
    assert not run.is_sealed  # whoever damages the record does not seal the test again


def test_a_run_on_the_test_digits_is_never_sealed(room):
    assert not start(room).is_sealed


def test_an_owner_shares_a_run_and_takes_it_back(room):
    run = start(room)
    with pytest.raises(ClassroomError, match="not yours"):
        room.share(BEN, [run.id], True)
    room.share(ADA, [run.id], True)
    room.rename(ADA, run.id, "better")
    assert folder.open_run(run.id).shared and folder.open_run(run.id).title == "better"
    room.share(ADA, [run.id], False)
    assert not folder.open_run(run.id).shared


def test_pages_change_runs_only_by_way_of_the_classroom():
    direct = re.compile(
        r"folder\.(create|adopt|rename|pin|share|open_test|delete|restore)\b"
        r"|(jobs\(\)|jobs|queue)\.(submit|stop|set_rate|pause)\("
    )
    for path in [ROOT / "streamlit_app.py", *(ROOT / "pages").rglob("*.py")]:
        assert not direct.search(path.read_text("utf-8")), path


def test_a_run_that_nobody_owns_is_a_teachers(school):
    room, teacher = school
    run = folder.create("old", "step5", LEAST, Recipe())
    for person in (ADA, Person("")):
        with pytest.raises(ClassroomError):
            room.rename(replace(person, id=person.id or "x"), run.id, "new")
    room.rename(teacher, run.id, "new")
    assert folder.open_run(run.id).title == "new"


def test_an_active_run_is_not_deleted_and_a_rate_out_of_range_is_refused(room):
    run = start(room)
    with pytest.raises(ClassroomError, match="Stop it first"):
        room.delete(ADA, [run.id])
    with pytest.raises(RecipeError, match="learning_rate is -1"):
        room.set_rate(ADA, run.id, -1)


def test_who_is_alone_at_the_machine_may_do_everything():
    room = classroom_of()
    run = start(room, BEN)
    room.enter("ada")
    room.enter("ada")  # in two tabs
    assert room.person("ada", is_local=True).may_change(run)
    assert not room.person("ada", is_local=False).may_change(run)
    room.enter("ben")
    assert not room.person("ada", is_local=True).may_change(run)
    room.leave("ben")
    assert room.person("ada", is_local=True).is_alone
    assert not classroom_of(teacher_secret=SECRET).person("ada", is_local=True).is_alone


# The teacher


def test_the_right_secret_makes_a_teacher_and_a_wrong_one_does_not():
    room = classroom_of(teacher_secret=SECRET)
    for wrong in ("", "x", SECRET + " ", "é" * 20):
        with pytest.raises(ClassroomError, match="not the teacher's secret"):
            room.admit(ADA, wrong, "10.0.0.1")
    assert not room.person("ada", is_local=False).is_teacher
    room.admit(ADA, SECRET, "10.0.0.1")
    assert room.person("ada", is_local=False).is_teacher and not room.person("ben", False).is_teacher
    room.dismiss(ADA)
    assert not room.person("ada", is_local=False).is_teacher


def test_too_many_wrong_secrets_are_followed_by_a_wait(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(classroom.time, "monotonic", lambda: now[0])
    room = classroom_of(teacher_secret=SECRET)
    for i in range(classroom.TRIES):
        with pytest.raises(ClassroomError, match="not the teacher's secret"):
            room.admit(Person(f"guest{i}"), "wrong", "10.0.0.1")  # new cookies help nobody
    with pytest.raises(ClassroomError, match="too many wrong secrets"):
        room.admit(ADA, SECRET, "10.0.0.1")
    room.admit(BEN, SECRET, "10.0.0.2")
    now[0] += classroom.WINDOW
    room.admit(ADA, SECRET, "10.0.0.1")


def test_many_addresses_have_no_more_tries_than_all_together():
    room = classroom_of(teacher_secret=SECRET)
    for i in range(classroom.TRIES_OF_ALL):
        with pytest.raises(ClassroomError, match="not the teacher's"):
            room.admit(ADA, "wrong", f"10.0.0.{i}")
    with pytest.raises(ClassroomError, match="too many"):
        room.admit(ADA, SECRET, "10.0.1.1")


def test_without_a_secret_nobody_is_a_teacher(room):
    with pytest.raises(ClassroomError, match="S5_TEACHER_SECRET is not set"):
        room.admit(ADA, "", "10.0.0.1")


def test_a_short_secret_is_refused():
    with pytest.raises(ConfigurationError, match="S5_TEACHER_SECRET could be guessed"):
        classroom_of(teacher_secret="short")


def test_a_teacher_may_change_everything(school):
    room, teacher = school
    run = start(room)
    room.stop(teacher, run.id)
    wait_for(lambda: not room.queue.is_active(run.id))
    room.delete(teacher, [run.id])
    assert folder.list_runs() == []


def test_no_run_begins_while_the_line_is_paused(school):
    room, teacher = school
    first = start(room)
    room.pause(teacher, True)
    second = start(room, BEN)
    finish(room)
    assert room.queue.training() == [] and room.queue.place(second.id) == 1
    assert not room.queue.is_active(first.id)
    room.pause(teacher, False)
    assert room.queue.training() == [second]


def test_only_a_teacher_changes_anything_while_the_controls_are_locked(school, practice_checkpoint):
    room, teacher = school
    run = start(room)
    room.lock(teacher, True)
    for change in (
        lambda: start(room),
        lambda: room.stop(ADA, run.id),
        lambda: room.resume(ADA, run.id),
        lambda: room.rename(ADA, run.id, "x"),
        lambda: room.delete(ADA, [run.id]),
        lambda: room.adopt(ADA, practice_checkpoint, "step5", "x"),
    ):
        with pytest.raises(ClassroomError, match="locked the controls"):
            change()
    start(room, teacher)
    room.lock(teacher, False)
    room.stop(ADA, run.id)


def test_pause_and_lock_outlive_a_restart_while_there_is_a_teacher(school):
    room, teacher = school
    room.pause(teacher, True)
    room.lock(teacher, True)
    again = classroom_of(teacher_secret=SECRET)
    assert again.locked and again.queue.paused
    without = classroom_of()
    assert not without.locked and not without.queue.paused


def test_the_class_s_data_are_cleared_and_a_teachers_stay(school):
    room, teacher = school
    people.set_nickname("ada", "Ada")
    people.set_nickname("tea", "Ms T")
    kept = start(room, teacher)
    gone = [start(room), start(room, BEN)]
    deleted = start(room, BEN)
    room.stop(BEN, deleted.id)
    room.delete(BEN, [deleted.id])
    assert room.clear(teacher) == 2
    assert folder.list_runs() == [kept] and not any(map(room.queue.is_active, (run.id for run in gone)))
    with pytest.raises(RunError):
        folder.open_deleted(deleted.id)
    assert (people.nickname("ada"), people.nickname("tea")) == ("", "Ms T")


# The limits


@pytest.fixture
def practice_checkpoint() -> Checkpoint:
    return checkpoint.load(checkpoint.shipped_path("step5"))


def test_a_hundred_clicks_make_no_hundred_runs():
    room = classroom_of(jobs=2, waiting=3)
    for _ in range(5):  # two train and three wait
        start(room)
    for _ in range(95):
        with pytest.raises(ClassroomError, match="3 runs of yours wait in line already.*S5_WAITING"):
            start(room)
    assert len(folder.list_runs()) == 5
    start(room, BEN)  # nobody else is kept out


def test_a_hundred_clicks_at_the_same_moment_neither():
    room = classroom_of(jobs=2, waiting=3)

    def click() -> None:
        with contextlib.suppress(ClassroomError):
            start(room)

    clicks = [threading.Thread(target=click) for _ in range(100)]
    for each in clicks:
        each.start()
    for each in clicks:
        each.join()
    assert len(folder.list_runs()) == 5


def test_resuming_takes_a_place_in_line_as_well():
    room = classroom_of(waiting=1)
    first, second = start(room), start(room)
    room.stop(ADA, second.id)
    third = start(room)
    with pytest.raises(ClassroomError, match="1 run of yours waits"):
        room.resume(ADA, second.id)
    room.resume(ADA, third.id)  # it is in line already
    assert room.queue.training() == [first] and room.queue.waiting() == [third]


def test_the_line_has_an_end():
    room = classroom_of(line=2)
    for name in ("a", "b", "c"):
        start(room, Person(name))
    with pytest.raises(ClassroomError, match="2 runs wait in line already.*S5_LINE"):
        start(room)


@pytest.mark.parametrize(
    ("settings", "changes", "message"),
    [
        ({"epochs": 10}, {"epochs": 11}, r"11 epochs. Here it may have 10 at most \(S5_EPOCHS\)"),
        ({"batch": 64}, {"batch_size": 65}, "65 digits in a batch.*S5_BATCH"),
        ({"parameters": 89}, {}, "90 parameters. Here it may have 89.*S5_PARAMETERS"),
    ],
)
def test_a_run_that_is_too_large_is_refused_before_it_is_made(settings, changes, message):
    room = classroom_of(**{"batch": 128} | settings)
    with pytest.raises(ClassroomError, match=message):
        start(room, **changes)
    assert folder.list_runs() == []


def test_a_person_keeps_only_so_many_uploads(practice_checkpoint):
    room = classroom_of(uploads=1)
    run = room.adopt(ADA, practice_checkpoint, "step5", "one")
    with pytest.raises(ClassroomError, match="You have opened 1 checkpoint.*S5_UPLOADS"):
        room.adopt(ADA, practice_checkpoint, "step5", "two")
    room.adopt(BEN, practice_checkpoint, "step5", "two")
    room.delete(ADA, [run.id])
    room.adopt(ADA, practice_checkpoint, "step5", "two")


def heavy(room: Classroom, title: str, pinned: bool = False) -> Run:
    """A run that is over and takes 400 kB."""
    run = folder.create(title, "step5", LEAST, Recipe(), "ada")
    run.model_path.write_bytes(bytes(400_000))
    return folder.pin(run, pinned)


def test_the_oldest_unpinned_runs_go_when_the_disk_is_used_up_after_they_were_named():
    room = classroom_of(disk=0.001)  # 1 MB
    pinned, oldest = heavy(room, "pinned", pinned=True), heavy(room, "oldest")
    assert room.space().is_short and [run.title for run in room.space().next] == ["oldest"]
    start(room)  # needs 0.2 MB: no room
    assert {run.title for run in folder.list_runs()} == {"pinned", "mine"}
    assert not oldest.folder.exists() and pinned.folder.exists()


def test_no_run_goes_unannounced():
    room = classroom_of(disk=0.001)
    heavy(room, "one")
    assert not room.space().is_short
    heavy(room, "two"), heavy(room, "three")
    with pytest.raises(ClassroomError, match=r"all of the 0.001 GB.*the oldest will go: \w+, \w+\. Pin"):
        start(room)
    assert len(folder.list_runs()) == 3
    announced = {run.title for run in room.space().next}
    start(room)
    assert {"one", "two", "three"} - {run.title for run in folder.list_runs()} <= announced


def test_the_trash_goes_first_and_active_runs_stay():
    room = classroom_of(disk=0.001)
    active = start(room)
    active.model_path.write_bytes(bytes(400_000))
    room.delete(ADA, [heavy(room, "deleted").id])
    start(room, BEN)
    assert len(folder.list_runs()) == 2
    assert space.measure(0.001, room.queue.is_active).next == ()
    with pytest.raises(RunError):
        folder.open_deleted(active.id)


def test_a_large_network_needs_more_room_than_a_small_one():
    assert space.needed(TINY) > space.needed(LEAST) > space.LOG


# Nicknames


def test_a_nickname_is_kept_cleaned_and_taken_away():
    people.set_nickname("ada", "  Ada \u202e\n L ")
    assert people.nickname("ada") == people.name("ada") == "Ada L"
    people.set_nickname("ada", "")
    assert people.name("ada1234") == "guest ada1" and people.name("") == ""


def test_a_damaged_file_of_nicknames_hides_nothing(runs):
    runs.mkdir()
    for content in ("", "[]", "{", "[" * 100_000):
        (runs / "people.json").write_text(content)
        assert people.name("ada1234") == "guest ada1"
    people.set_nickname("ada", "Ada")
    assert people.nickname("ada") == "Ada"


def test_the_newest_thousand_nicknames_are_kept(monkeypatch):
    monkeypatch.setattr(people, "MOST", 3)
    for i in range(5):
        people.set_nickname(f"id{i}", f"name {i}")
    assert [people.nickname(f"id{i}") for i in range(5)] == ["", "", "name 2", "name 3", "name 4"]


def test_an_id_tells_nothing_of_its_token():
    token = people.new_token()
    assert len(token) == 43 and token != people.new_token()
    assert people.id_of(token) == people.id_of(token) and people.id_of(token) not in token
