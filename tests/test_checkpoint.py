import dataclasses
import json
import math

import pytest
import safetensors.torch
import torch

from s5core import checkpoint, steps, target
from s5core.checkpoint import Checkpoint, CheckpointError
from s5core.evaluate import evaluate
from s5core.events import Epoch, State
from s5core.evidence import standard_error
from s5core.recipe import Recipe
from s5core.train import train
from tests.helpers import TINY

RECIPE = Recipe(epochs=2, batch_size=500, ema=0.9, device="cpu", learning_rate=0.05)


@pytest.fixture(scope="module")
def states(practice) -> list[State]:
    few = dataclasses.replace(
        practice, train_images=practice.train_images[::4], train_labels=practice.train_labels[::4]
    )
    return [event.state for event in train(TINY, RECIPE, few) if isinstance(event, Epoch) and event.state]


@pytest.fixture(scope="module")
def unfinished(states) -> Checkpoint:
    return Checkpoint.of("small", TINY, RECIPE, "practice set", states[0])


@pytest.fixture(scope="module")
def finished(states) -> Checkpoint:
    return Checkpoint.of("small", TINY, RECIPE, "practice set", states[1])


def rewrite(content: bytes, tensors=None, **changes) -> bytes:
    """The same file with other metadata or other tensors, as somebody else could make it."""
    length = int.from_bytes(content[:8], "little")
    meta = json.loads(json.loads(content[8 : 8 + length])["__metadata__"]["s5core"]) | changes
    kept = {key: value for key, value in meta.items() if value is not ...}
    return safetensors.torch.save(
        safetensors.torch.load(content) if tensors is None else tensors, {"s5core": json.dumps(kept)}
    )


def test_a_file_gives_back_what_was_saved(unfinished, tmp_path):
    path = tmp_path / "run.safetensors"
    checkpoint.save(unfinished, path)
    read = checkpoint.load(path)
    assert (read.name, read.layers, read.recipe, read.data) == ("small", TINY, RECIPE, "practice set")
    assert read.history == unfinished.history and read.versions == unfinished.versions
    assert read.state is not None and unfinished.state is not None and read.state.trained is not None
    assert read.state.peak == 0.05
    for name, tensor in unfinished.state.optimizer.items():
        assert torch.equal(read.state.optimizer[name], tensor)
    for name, tensor in read.state.trained.items():
        assert torch.equal(unfinished.state.trained[name], tensor)
    assert [entry.name for entry in path.parent.iterdir()] == ["run.safetensors"]


def test_a_run_goes_on_from_its_file(unfinished, states, practice, tmp_path):
    checkpoint.save(unfinished, tmp_path / "run.safetensors")
    read = checkpoint.load(tmp_path / "run.safetensors")
    few = dataclasses.replace(
        practice, train_images=practice.train_images[::4], train_labels=practice.train_labels[::4]
    )
    *_, epoch, _ = train(read.layers, read.recipe, few, resume=read.state)
    assert isinstance(epoch, Epoch) and epoch.state is not None
    for name, tensor in states[1].weights.items():
        assert torch.equal(epoch.state.weights[name], tensor), name


def test_a_finished_run_carries_no_state(finished):
    read = checkpoint.from_bytes(checkpoint.to_bytes(finished), "run")
    assert read.state is None
    assert len(read.history) == 2 and read.parameters == 4 * 9 + 8 + 4 * 10 * 9


def test_the_model_is_the_one_that_was_validated(finished, practice):
    found = evaluate(finished.model(), practice.validation_images, practice.validation_labels)
    assert found.accuracy == finished.accuracy
    assert not finished.model().training


def test_the_model_is_as_sure_as_its_temperature_says(finished, practice):
    warm = checkpoint.from_bytes(checkpoint.to_bytes(dataclasses.replace(finished, temperature=2)), "warm")
    images, labels = practice.validation_images[:100], practice.validation_labels[:100]
    plain, less_sure = (evaluate(made.model(), images, labels) for made in (finished, warm))
    torch.testing.assert_close(less_sure.logits, plain.logits / 2)


def test_every_truncation_is_refused(finished):
    content = checkpoint.to_bytes(finished)
    for length in (0, 4, 8, 100, len(content) // 2, len(content) - 1):
        with pytest.raises(CheckpointError, match="cut.safetensors is truncated or no safetensors file"):
            checkpoint.from_bytes(content[:length], "cut.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "format 2, and this version reads format 1"),
        ({"format": ...}, "format None"),
        ({"layers": [{"layer": "Linear"}]}, "Layer 1"),
        ({"layers": [{"layer": "Conv", "channels": 9}]}, "ten logits"),
        ({"layers": ...}, "'layers' is missing"),
        ({"recipe": {"epochs": 0}}, "epochs is 0"),
        ({"recipe": {"speed": 1}}, "no field 'speed'"),
        ({"temperature": 0}, "its temperature is malformed"),
        ({"temperature": "hot"}, "could not convert string to float: 'hot'"),
        ({"history": []}, "no finished epoch"),
        ({"history": [{"epoch": 1}]}, "Metrics needs epoch, train_loss"),
        ({"history": 7}, "'int' object is not iterable"),
        ({"peak": "high"}, "learning_rate is 'high', but must be a number"),
        ({"peak": -1}, "learning_rate is -1, but must be more than 0"),
        ({"temperature": 10**400}, "no complete checkpoint: int too large"),
        ({"temperature": math.nan}, "its temperature is malformed"),
        ({"recipe": {"epochs": 10**400}}, "but must be a whole number"),
        ({"versions": None}, "no complete checkpoint"),
    ],
)
def test_metadata_that_cannot_be_is_refused(finished, change, message):
    with pytest.raises(CheckpointError, match=message) as caught:
        checkpoint.from_bytes(rewrite(checkpoint.to_bytes(finished), **change), "odd.safetensors")
    assert "odd.safetensors" in str(caught.value) and "\n" not in str(caught.value)


def test_more_finished_epochs_than_the_recipe_has_are_refused(finished):
    content = rewrite(checkpoint.to_bytes(finished), recipe=RECIPE.replace(epochs=1).to_json())
    with pytest.raises(CheckpointError, match="its recipe has 1 epochs, but 2 are finished"):
        checkpoint.from_bytes(content, "odd.safetensors")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["weights.0.weight", "trained.4.weight", "optimizer.0.momentum_buffer"])
def test_values_that_are_no_numbers_are_refused(unfinished, name, value):
    content = checkpoint.to_bytes(unfinished)
    tensors = safetensors.torch.load(content)
    tensors[name].view(-1)[3] = value
    with pytest.raises(CheckpointError, match=f"odd.safetensors cannot be used: {name} has values"):
        checkpoint.from_bytes(rewrite(content, tensors), "odd.safetensors")


def test_weights_whose_answers_are_no_numbers_are_refused(finished):
    content = checkpoint.to_bytes(finished)
    tensors = safetensors.torch.load(content)
    for name in ("weights.0.weight", "weights.4.weight"):
        tensors[name] *= 1e30 / tensors[name].abs().max()
    with pytest.raises(CheckpointError, match="so large that its answers are no numbers"):
        checkpoint.from_bytes(rewrite(content, tensors), "odd.safetensors")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"layers": ' + "[" * 100_000])
def test_metadata_nested_too_deep_is_refused(text):
    content = safetensors.torch.save({"weights.0.weight": torch.zeros(1)}, {"s5core": text})
    with pytest.raises(CheckpointError, match=r"deep\.safetensors is a safetensors file, but no checkpoint"):
        checkpoint.from_bytes(content, "deep.safetensors")


def test_tensors_that_do_not_fit_the_layers_are_refused(unfinished):
    content = checkpoint.to_bytes(unfinished)
    tensors = safetensors.torch.load(content)
    wrong = {
        "weights.0.weight": torch.zeros(4, 1, 5, 5),
        "trained.0.weight": torch.zeros(3),
        "optimizer.0.momentum_buffer": torch.zeros(2),
        "optimizer.99.momentum_buffer": torch.zeros(2),
        "weights.4.weight": tensors["weights.4.weight"].double(),
        "strange": torch.zeros(1),
    }
    for name, tensor in wrong.items():
        with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
            checkpoint.from_bytes(rewrite(content, tensors | {name: tensor}), "odd.safetensors")
    del tensors["weights.1.running_mean"]
    with pytest.raises(CheckpointError, match=r"weights\.1\.running_mean is missing"):
        checkpoint.from_bytes(rewrite(content, tensors), "odd.safetensors")


def test_a_safetensors_file_of_another_program_is_refused():
    content = safetensors.torch.save({"weight": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="no checkpoint of this program"):
        checkpoint.from_bytes(content, "other.safetensors")


def test_a_pickle_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="no safetensors file"):
        checkpoint.load(tmp_path / "model.pt")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="none.safetensors cannot be read: No such file"):
        checkpoint.load(tmp_path / "none.safetensors")


def test_a_failed_save_keeps_the_old_file(finished, unfinished, tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    checkpoint.save(finished, path)
    old = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(unfinished, path)
    assert path.read_bytes() == old
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.safetensors"]


SHIPPED = ("step1", "step2", "step3", "step4", "step5", "step5_small", "step5_fast", "step5_published")


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_checkpoint_is_its_step(name):
    shipped = checkpoint.load(checkpoint.shipped_path(name))
    step = steps.STEPS[name]
    assert shipped.layers == step.layers and shipped.name == name
    assert shipped.recipe == step.recipe and shipped.recipe.seed == 0
    assert shipped.state is None and shipped.data == "MNIST"
    assert shipped.temperature == step.temperature
    assert len(shipped.history) == step.recipe.epochs < target.EPOCH_BUDGET


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_checkpoint_reaches_what_it_records(name, mnist):
    shipped = checkpoint.load(checkpoint.shipped_path(name))
    found = evaluate(shipped.model(), mnist.validation_images, mnist.validation_labels)
    # Another processor rounds in another order, and may tip a digit on the edge.
    assert abs(found.accuracy - shipped.accuracy) <= 0.02


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_checkpoint_reaches_what_was_reported_for_its_step(name):
    """Ours in the last epoch, except for the published fifth step, which is no step of ours:
    what was reported for it is the best epoch, and that is what is compared."""
    shipped = checkpoint.load(checkpoint.shipped_path(name))
    step = steps.STEPS[name]
    if name == "step5_published":
        assert max(metrics.validation_accuracy for metrics in shipped.history) >= step.reported.test
    elif name in ("step5", "step5_small", "step5_fast"):
        one_error = standard_error(target.TARGET_ACCURACY, 10_000)
        assert shipped.accuracy >= target.TARGET_ACCURACY - (0 if name == "step5" else one_error)
    else:
        assert shipped.accuracy >= step.reported.test


def test_results_record_each_shipped_checkpoint():
    from s5core import results

    recorded = results.read()["steps"]
    for name in SHIPPED:
        shipped = checkpoint.load(checkpoint.shipped_path(name))
        run = next(run for run in recorded[name]["seeds"] if run["seed"] == 0)
        assert run["last"] == round(shipped.accuracy, 2)
        assert recorded[name]["parameters"] == shipped.parameters
        assert len(run["epochs"]) == len(shipped.history)
