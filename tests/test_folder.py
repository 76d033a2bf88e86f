import json

import pytest
import torch

from s5core import checkpoint, steps
from s5core.checkpoint import Checkpoint
from s5core.layers import Conv, GlobalAvgPool
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.folder import Failed, RunError, Stopped
from s5core.train import Batch, Epoch, Finished, Metrics, Started, State, event_to_json

LAYERS = (Conv(10), GlobalAvgPool())
STARTED = Started("CPU", "practice set", 4000, 1000, 90, 3, 32, 1)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path / "runs"))
    return tmp_path / "runs"


def metrics(epoch: int, accuracy: float = 90.0) -> Metrics:
    return Metrics(epoch, 0.5, 80.0, 0.4, accuracy, 100, 0.1, 1.5)


def write(run: folder.Run, *events) -> None:
    with open(run.events_path, "a") as file:
        for event in events:
            line = event if isinstance(event, dict) else event_to_json(event)
            file.write(json.dumps(line) + "\n")


def test_a_run_is_found_again():
    made = folder.create("mine", "step5", LAYERS, Recipe(epochs=3))
    assert folder.open_run(made.id) == made
    assert folder.list_runs() == [made]
    assert made.log() == folder.Log()


def test_the_log_tells_what_happened():
    run = folder.create("mine", "step5", LAYERS, Recipe(epochs=2))
    batch = Batch(1, 1, 2.3, 10.0, 0.1, 900.0)
    write(run, STARTED, batch, Epoch(metrics(1)), Epoch(metrics(2)), Finished(2, 90.0, 91.0, 3.0))
    log = run.log()
    assert (log.started, log.batches, log.epochs) == (STARTED, [batch], [metrics(1), metrics(2)])
    assert log.end == Finished(2, 90.0, 91.0, 3.0)


def test_half_a_line_is_left_for_the_next_look():
    run = folder.create("mine", "step5", LAYERS, Recipe())
    write(run, STARTED)
    line = json.dumps(event_to_json(Epoch(metrics(1)))) + "\n"
    with open(run.events_path, "a") as file:
        file.write(line[:20])
    assert run.log().epochs == []
    with open(run.events_path, "a") as file:
        file.write(line[20:])
    assert run.log().epochs == [metrics(1)]


def test_what_came_after_the_checkpoint_is_void_once_resumed():
    run = folder.create("mine", "step5", LAYERS, Recipe())
    second = Batch(2, 5, 1.0, 50.0, 0.1, 900.0)
    write(run, STARTED, Batch(1, 1, 2.3, 10.0, 0.1, 900.0), Epoch(metrics(1)), second, Epoch(metrics(2)))
    write(run, {"event": "stopped", "epoch": 2})
    assert run.log().end == Stopped(2)
    write(run, Started("CPU", "practice set", 4000, 1000, 90, 3, 32, 2))
    log = run.log()
    assert log.end is None
    assert [batch.epoch for batch in log.batches] == [1] and log.epochs == [metrics(1)]


def test_a_rate_that_was_set_before_a_start_is_void():
    run = folder.create("mine", "step5", LAYERS, Recipe())
    write(run, STARTED, {"event": "rate", "value": 0.05})
    assert run.log().peak == 0.05
    write(run, STARTED)
    assert run.log().peak is None


@pytest.mark.parametrize(
    "damaged", [b"\0\0\0\0", b"[]", b'{"event": "of a later version"}', b"{}", b"", b'{"event": "epoch"']
)
def test_a_line_that_is_no_event_is_passed_over(damaged):
    run = folder.create("mine", "step5", LAYERS, Recipe())
    write(run, STARTED)
    with open(run.events_path, "ab") as file:
        file.write(damaged + b"\n")
    write(run, Epoch(metrics(1)))
    assert (run.log().started, run.log().epochs) == (STARTED, [metrics(1)])


def test_a_failure_is_told_behind_half_a_line():
    run = folder.create("mine", "step5", LAYERS, Recipe())
    write(run, STARTED)
    with open(run.events_path, "a") as file:
        file.write('{"event": "bat')
    run.fail("No worker.")
    assert run.log().end == Failed("No worker.")


def test_a_failure_is_told():
    run = folder.create("mine", "step5", LAYERS, Recipe())
    write(run, {"event": "failed", "message": "The disk is full."})
    assert run.log().end == Failed("The disk is full.")


@pytest.mark.parametrize("id", ["..", "../../etc", "a/b", "", "x" * 100, "a\0b", "C:\\x"])
def test_a_link_cannot_leave_the_folder(id):
    with pytest.raises(RunError, match="is no name of a run"):
        folder.open_run(id)


def test_a_run_that_is_not_here_is_named():
    with pytest.raises(RunError, match="There is no run 20200101-step5 here"):
        folder.open_run("20200101-step5")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"title": "x"}', '{"layers": 3}', "null"])
def test_a_damaged_folder_hides_no_other_run(home, content):
    good = folder.create("mine", "step5", LAYERS, Recipe())
    (home / "bad").mkdir()
    (home / "bad" / "config.json").write_text(content)
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
    state = State(shipped.history[:3], 0.3, shipped.weights, {})
    half = Checkpoint.of("step5", shipped.layers, shipped.recipe, shipped.data, state)
    assert folder.adopt(half, "step5", "half of it").log().end == Stopped(3)
