import pytest
import torch

from s5core import checkpoint, steps
from s5core.checkpoint import Checkpoint
from s5core.events import Failed, Finished, Log, Started, State, Stopped, to_lines
from s5core.layers import build
from s5core.optimizer import state_shapes
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.folder import RunError
from tests.helpers import LEAST

STARTED = Started("CPU", "practice set", 4000, 1000, 90, 3, 32, 1)


def test_a_run_is_found_again():
    made = folder.create("mine", "step5", LEAST, Recipe(epochs=3))
    assert folder.open_run(made.id) == made
    assert folder.list_runs() == [made]
    assert made.log() == Log()


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
