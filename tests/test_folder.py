import json
import os
import time

import pytest
import torch

from s5core import checkpoint, steps
from s5core.checkpoint import Checkpoint
from s5core.events import Failed, Finished, Log, Started, State, Stopped, to_lines
from s5core.layers import build
from s5core.optimizer import state_shapes
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.folder import Run, RunError
from tests.helpers import LEAST

STARTED = Started("CPU", "practice set", 4000, 1000, 90, 3, 32, 1)


def test_a_run_is_found_again():
    made = folder.create("mine", "step5", LEAST, Recipe(epochs=3))
    assert folder.open_run(made.id) == made
    assert folder.list_runs() == [made]
    assert made.log() == Log()


def test_runs_of_one_moment_are_listed_in_the_order_in_which_they_were_made():
    made = [folder.create(f"seed {seed}", "step5", LEAST, Recipe(seed=seed)).id for seed in range(8)]
    assert [run.id for run in folder.list_runs()] == made[::-1]  # the newest first


def settle() -> None:
    """Let the folder of runs be one that has not changed for a while."""
    os.utime(folder.home(), (1e9, 1e9))


def test_a_listing_counts_until_the_next_change():
    first = folder.create("first", "step5", LEAST, Recipe())
    settle()
    assert folder.listing() is folder.listing()
    second = folder.create("second", "step5", LEAST, Recipe())
    assert {run.id for run in folder.list_runs()} == {first.id, second.id}
    for change in (
        lambda: folder.rename(first, "another name"),
        lambda: folder.pin(second),
        lambda: folder.delete([second.id]),
        lambda: folder.restore([second.id]),
    ):
        settle()
        before = folder.list_runs()
        change()
        assert folder.list_runs() != before
    settle()
    (folder.home() / "copied").mkdir()
    for file in first.folder.glob("*.json"):  # as a copy by hand, which takes its time
        assert len(folder.list_runs()) == 2
        (folder.home() / "copied" / file.name).write_bytes(file.read_bytes())
    assert len(folder.list_runs()) == 3


@pytest.mark.parametrize("name", ["my own net, Ø 3x3!", "a/b", "..", "", "x" * 100])
def test_a_run_of_any_network_is_found_again(name):
    made = folder.create("mine", name, LEAST, Recipe())
    assert folder.list_runs() == [made] == [folder.open_run(made.id)]
    assert made.step == name


def test_a_failure_is_told_after_half_a_line():
    run = folder.create("mine", "step5", LEAST, Recipe())
    run.events_path.write_bytes(to_lines([STARTED]) + b'{"event": "bat')
    run.fail("No worker.")
    assert run.log().end == Failed("No worker.")


@pytest.mark.parametrize("id", ["..", "../../etc", "a/b", "", "x" * 100, "a\0b", "C:\\x"])
def test_a_link_cannot_leave_the_folder(id):
    with pytest.raises(RunError, match="is not the name of a run"):
        folder.open_run(id)


def test_a_run_that_is_not_here_is_named():
    with pytest.raises(RunError, match="There is no run 20200101-step5 here"):
        folder.open_run("20200101-step5")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"title": "x"}', '{"layers": 3}', "null"])
def test_a_damaged_folder_hides_no_other_run(runs, content):
    good = folder.create("mine", "step5", LEAST, Recipe())
    (runs / "bad").mkdir()
    (runs / "bad" / "config.json").write_text(content)
    assert folder.list_runs() == [good]
    with pytest.raises(RunError, match="The run bad cannot be read"):
        folder.open_run("bad")


def test_an_uploaded_checkpoint_becomes_a_run():
    shipped = checkpoint.load(checkpoint.shipped_path("step5"))
    run = folder.adopt(shipped, "step5", "from outside")
    read = folder.open_run(run.id)
    assert read.layers == steps.STEPS["step5"].layers and read.step == "step5"
    assert tuple(read.log().epochs) == shipped.history
    end = read.log().end
    assert isinstance(end, Finished) and end.validation_accuracy == shipped.accuracy
    assert torch.equal(read.checkpoint().weights["0.weight"], shipped.weights["0.weight"])


def test_an_uploaded_checkpoint_with_epochs_left_can_go_on():
    shipped = checkpoint.load(checkpoint.shipped_path("step5"))
    fresh = shipped.recipe.make_optimizer(build(shipped.layers))
    momentum = {name: torch.zeros(shape) for name, shape in state_shapes(fresh).items()}
    state = State(shipped.history[:3], 0.3, shipped.weights, momentum)
    half = Checkpoint.of("step5", shipped.layers, shipped.recipe, shipped.data, state)
    assert (run := folder.adopt(half, "step5", "half of it")).log().end == Stopped(3)
    assert run.checkpoint().state is not None


def make(title: str = "mine", step: str = "step5") -> Run:
    return folder.create(title, step, LEAST, Recipe(epochs=3))


def test_two_runs_of_a_step_never_have_the_same_name():
    names = [make(), make(), make("mine", "step4"), make()]
    assert [run.title for run in names] == ["mine", "mine (2)", "mine", "mine (3)"]
    assert folder.rename(make("other"), "mine").title == "mine (4)"
    assert folder.rename(names[0], "mine").title == "mine"  # its own name is free for it


def test_a_new_name_and_a_pin_are_kept_and_the_config_is_not_changed():
    run, newer = make("first"), make("second")
    config = (run.folder / "config.json").read_bytes()
    folder.pin(folder.rename(run, "  for the\n class\x00  "))
    kept = folder.open_run(run.id)
    assert (kept.title, kept.pinned) == ("for the class", True)
    assert folder.list_runs() == [kept, newer]  # although it is older
    assert folder.rename(kept, "").title == "first" and folder.open_run(run.id).pinned
    assert not folder.pin(kept, False).pinned and folder.open_run(run.id).title == "first"
    assert (run.folder / "config.json").read_bytes() == config


def test_what_somebody_expected_is_kept_with_the_run():
    said = folder.Expectation("it will\nhelp", 99.3)
    run = folder.create("mine", "step5", LEAST, Recipe(), expected=said)
    assert folder.open_run(run.id).expected == folder.Expectation("it will help", 99.3)
    assert folder.create("none", "step5", LEAST, Recipe()).expected is None
    config = json.loads((run.folder / "config.json").read_text())
    for odd in ("high", {"text": 7, "accuracy": None}, {"text": "x", "accuracy": "much"}):
        (run.folder / "config.json").write_text(json.dumps(config | {"expected": odd}))
        assert folder.open_run(run.id).expected is None


def test_a_long_name_is_cut():
    assert folder.rename(make(), "x" * 500).title == "x" * folder.LONGEST_NAME


@pytest.mark.parametrize("notes", ["", "[]", '{"name": 3}', "null"])
def test_damaged_notes_hide_no_run(notes):
    run = make()
    (run.folder / "notes.json").write_text(notes)
    assert folder.list_runs() == [run]


def test_a_deleted_run_comes_back_whole():
    run, other = make(), make("other")
    run.events_path.write_bytes(to_lines([STARTED]))
    folder.pin(run)
    folder.delete([run.id])
    assert folder.list_runs() == [other]
    with pytest.raises(RunError, match="it was deleted"):
        folder.open_run(run.id)
    folder.restore([run.id])
    back = folder.open_run(run.id)
    assert (back.title, back.pinned, back.log().started) == ("mine", True, STARTED)


def test_a_run_that_comes_back_leaves_its_name_to_the_run_that_has_it_now():
    run = make()
    folder.delete([run.id])
    assert make().title == "mine"
    folder.restore([run.id])
    assert folder.open_run(run.id).title == "mine (2)"


def test_the_trash_is_emptied_of_old_runs_at_the_next_deletion(runs):
    long_ago = time.time() - (folder.DAYS_IN_TRASH + 0.1) * 24 * 60 * 60
    old, new, last = make("old"), make("new"), make("last")
    os.utime(old.folder, (long_ago, long_ago))  # its own age does not count
    folder.delete([old.id, new.id])
    trash = runs / folder.TRASH
    assert {path.name for path in trash.iterdir()} == {old.id, new.id}
    os.utime(trash / old.id, (long_ago, long_ago))
    folder.delete([last.id])
    assert {path.name for path in trash.iterdir()} == {new.id, last.id}
    with pytest.raises(RunError, match="no longer in the trash"):
        folder.restore([old.id])


def test_the_trash_lists_the_runs_that_can_come_back(runs):
    first, second, kept = make("first"), make("second"), make("kept")
    assert folder.deleted() == []
    folder.delete([first.id])
    folder.delete([second.id])
    (runs / folder.TRASH / "damaged").mkdir()
    assert {run.title for run in folder.deleted()} == {"first", "second"}
    folder.restore(run.id for run in folder.deleted())
    assert folder.deleted() == [] and set(folder.list_runs()) == {first, second, kept}


def test_a_run_that_somebody_else_has_deleted_is_passed_over():
    gone, run = make(), make("other")
    folder.delete([gone.id])
    folder.delete([gone.id, run.id])
    assert folder.list_runs() == []
    folder.restore([gone.id, run.id])
    assert len(folder.list_runs()) == 2


@pytest.mark.parametrize("id", ["..", "../../etc", ".trash", ""])
def test_nothing_but_runs_is_deleted_or_restored(id):
    make()
    for change in (folder.delete, folder.restore):
        with pytest.raises(RunError, match="is not the name of a run"):
            change([id])


@pytest.mark.parametrize("accuracy", [10**400, -1, 100.5, True])
def test_an_expectation_that_is_no_accuracy_is_none(accuracy):
    run = folder.create("mine", "step5", LEAST, Recipe(), expected=folder.Expectation("more", 99.0))
    path = run.folder / "config.json"
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | {"expected": {"text": "more", "accuracy": accuracy}}))
    assert folder.open_run(run.id).expected is None


@pytest.mark.parametrize("opened", ["yesterday", "2030-01-01T00:00:00", "0001-01-01T00:00:00+14:00", 3])
def test_a_test_that_was_opened_at_no_time_counts_as_opened_at_the_beginning(opened):
    run = folder.create("mine", "step5", LEAST, Recipe(split="holdout"))
    (run.folder / "test.json").write_text(json.dumps({"opened": opened}))
    assert run.test_opened() == run.created and not run.is_sealed


def test_a_run_that_was_deleted_does_not_come_back_when_it_fails():
    run = folder.create("mine", "step5", LEAST, Recipe())
    folder.delete([run.id])
    with pytest.raises(FileNotFoundError):
        run.fail("No worker.")
    assert not run.folder.exists()
    folder.restore([run.id])
    assert folder.open_run(run.id) == run
