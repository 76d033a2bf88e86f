"""Slow motion takes the steps of the training loop, and tells what they do."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import pytest
import safetensors.torch
import torch

from s5core import checkpoint
from s5core.ahead import motion, question, reader
from s5core.ahead.answers import Network
from s5core.ahead.motion import KEPT, STEPS, SlowMotion
from s5core.data import Digits
from s5core.events import Epoch, State
from s5core.recipe import Recipe
from s5core.slow_motion import watch
from s5core.train import train
from tests.helpers import TINY, made_of

RECIPE = Recipe(batch_size=50, epochs=1, learning_rate=0.1, schedule="one-cycle", rotation=10, split="test")


@pytest.fixture(scope="module")
def few(practice: Digits) -> Digits:
    """230 digits: four batches, and one that is smaller."""
    return Digits(
        practice.name,
        practice.train_images[:230],
        practice.train_labels[:230],
        practice.validation_images[:50],
        practice.validation_labels[:50],
    )


def trained(recipe: Recipe, digits: Digits) -> State:
    *_, state = [event.state for event in train(TINY, recipe, digits) if isinstance(event, Epoch)]
    assert state is not None
    return state


def test_the_steps_are_those_of_the_training_loop(few: Digits) -> None:
    """The way of each layer over all steps of the epoch, and its length at the end, are the loop's."""
    recipe = RECIPE.replace(way="eager", precision="float32")
    steps = list(islice(watch(TINY, recipe, few), 6))
    assert [len(step.labels) for step in steps] == [50, 50, 50, 50, 30, 50]
    weights = trained(recipe, few).weights
    for move in steps[5].moves:  # before the sixth step: the weights after the first epoch
        own = [
            value for name, value in weights.items() if name in (f"{move.layer}.weight", f"{move.layer}.bias")
        ]
        assert move.weights == pytest.approx(sum(float(each.square().sum()) for each in own) ** 0.5, rel=1e-6)


def test_a_step_tells_what_happens(few: Digits) -> None:
    first, second = islice(watch(TINY, RECIPE.replace(momentum=0.0, weight_decay=0.0), few), 2)
    assert first.losses.tolist() == sorted(first.losses.tolist(), reverse=True)
    assert first.loss == pytest.approx(float(first.losses.mean()), rel=1e-5)
    assert first.images.dtype == torch.uint8 and first.images.shape == (50, 1, 28, 28)
    assert [move.layer for move in first.moves] == [0, 1, 4]  # the layers with weights
    for move in first.moves:  # without momentum: the rate times the gradient
        assert move.moved == pytest.approx(first.rate * move.gradient, rel=1e-3)
    assert second.rate > first.rate  # one-cycle rises


def test_a_trained_network_goes_on_at_its_last_rate(few: Digits) -> None:
    start = made_of(TINY)
    step = next(watch(TINY, RECIPE, few, start))
    assert step.rate == start.history[-1].learning_rate
    kernels = start.weights["0.weight"]
    assert step.moves[0].weights == pytest.approx(float(kernels.norm()), rel=1e-5)


def test_a_reader_keeps_the_steps(practice: Digits, runs: Path, tmp_path: Path, nowhere: None) -> None:
    loaded = made_of(TINY)
    path = tmp_path / "model.safetensors"
    checkpoint.save(loaded, path)
    network = Network.of(path, checkpoint.load(path))
    for start in (None, network):
        asked = SlowMotion(TINY, RECIPE.replace(batch_size=100), practice, start)
        assert asked.look_up() is None
        order = json.loads(json.dumps({"ask": "SlowMotion", "place": str(question.home())} | asked.order()))
        question.home().mkdir(parents=True, exist_ok=True)
        shares: list[float] = []
        assert reader.find(order, shares.append) == ""
        assert shares[-1] == 1 and len(shares) == STEPS
        steps = asked.look_up()
        assert steps is not None and len(steps) == STEPS
        assert len(steps[0].images) == KEPT and len(steps[0].losses) == 100
        taken = next(watch(TINY, asked.recipe, practice, loaded if start else None))
        assert steps[0].moves == taken.moves and torch.equal(steps[0].images, taken.images[:KEPT])


def test_a_damaged_file_is_none(practice: Digits, runs: Path) -> None:
    asked = SlowMotion(TINY, RECIPE, practice)
    steps = list(islice(watch(TINY, RECIPE, practice), 2))
    packed = motion._pack(steps)
    question.home().mkdir(parents=True)
    for damage in ("1.labels", "0.moves", "rates"):
        kept = {name: tensor for name, tensor in packed.items() if name != damage}
        (question.home() / asked.file).write_bytes(safetensors.torch.save(kept))
        assert asked.look_up() is None
    (question.home() / asked.file).write_bytes(b"half")
    assert asked.look_up() is None


def test_only_what_matters_makes_other_steps(practice: Digits) -> None:
    asked = SlowMotion(TINY, RECIPE, practice)
    assert asked.file == SlowMotion(TINY, RECIPE.replace(device="cpu"), practice).file
    assert asked.file != SlowMotion(TINY, RECIPE.replace(seed=1), practice).file
    assert asked.file != SlowMotion(TINY, RECIPE.replace(epochs=2), practice).file
