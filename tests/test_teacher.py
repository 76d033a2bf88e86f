"""A network that a teacher teaches."""

from __future__ import annotations

import dataclasses
from itertools import islice
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from s5core import checkpoint, teacher
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.device import Device
from s5core.events import Epoch, State
from s5core.loss import Loss
from s5core.modules import to_unit
from s5core.recipe import Recipe, RecipeError
from s5core.slow_motion import watch
from s5core.steps import STEPS
from s5core.teacher import Teacher, Teaching
from s5core.train import new_model, train
from tests.helpers import TINY

CPU = Device("cpu", "CPU")
RECIPE = Recipe(
    epochs=2, batch_size=100, rotation=10, device="cpu", way="eager", precision="float32", teacher="step5"
)


@pytest.fixture(scope="module")
def digits(practice: Digits) -> Digits:
    order = torch.randperm(4000, generator=torch.Generator().manual_seed(0))[:600]
    return dataclasses.replace(
        practice, train_images=practice.train_images[order], train_labels=practice.train_labels[order]
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, digits: Digits) -> Path:
    """A shipped network, as if it had been trained with these digits and no others."""
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    shipped = checkpoint.load(checkpoint.shipped_path("step5_fast"))
    checkpoint.save(dataclasses.replace(shipped, data=digits.name), path)
    return path


def last_state(layers, recipe: Recipe, digits: Digits, file: Path | None = None, **more) -> State:
    events = train(layers, recipe, digits, teacher_file=file, **more)
    return [event.state for event in events if isinstance(event, Epoch)][-1]


def answers(path: Path, images: Tensor) -> Tensor:
    """The logits of a teacher, before its temperature."""
    with torch.no_grad():
        return Teacher(Teaching(str(path), 1.0, 1.0), CPU).model(images)


def test_the_loss_blends_labels_and_answers(file: Path, digits: Digits) -> None:
    images = to_unit(digits.train_images[:40])
    logits = torch.randn(40, 10, generator=torch.Generator().manual_seed(0))
    wanted = (answers(file, images) / 2).softmax(1)
    distance = (wanted * (wanted.log() - (logits / 2).log_softmax(1))).sum(1).mean()
    blended = Teacher(Teaching(str(file), 0.7, 2.0), CPU).blend(torch.tensor(5.0), logits, images)
    assert blended.item() == pytest.approx(0.3 * 5.0 + 0.7 * 4 * distance.item(), rel=1e-5)


def test_who_answers_as_the_teacher_has_nothing_to_learn(file: Path, digits: Digits) -> None:
    images = to_unit(digits.train_images[:40])
    logits = answers(file, images).requires_grad_()
    Teacher(Teaching(str(file), 1.0, 3.0), CPU).blend(torch.tensor(5.0), logits, images).backward()
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-6


def test_a_network_learns_the_teacher_s_answers_and_not_the_labels(file: Path, digits: Digits) -> None:
    wrong = dataclasses.replace(digits, train_labels=(digits.train_labels + 1) % 10)
    recipe = RECIPE.replace(epochs=12, taught=1.0, rotation=0, learning_rate=0.3)
    weights = last_state(STEPS["step5_fast"].layers, recipe, wrong, file).weights
    made = Checkpoint.of("made", STEPS["step5_fast"].layers, recipe, digits.name, State((), 0.1, weights, {}))
    read = made.model()(to_unit(digits.train_images)).argmax(1)
    theirs = answers(file, to_unit(digits.train_images)).argmax(1)
    assert (read == theirs).float().mean() > 0.8
    assert (read == wrong.train_labels).float().mean() < 0.2


def test_the_figures_of_a_run_are_those_of_the_labels(file: Path, digits: Digits) -> None:
    """The tally is the cross-entropy, so that runs with and without a teacher can be compared."""
    generator = torch.Generator()
    images, labels = to_unit(digits.train_images[:50]), digits.train_labels[:50]
    tallies = []
    for teaching in (None, Teaching(str(file), 0.9, 3.0)):
        loss = Loss(TINY, new_model(TINY, RECIPE, generator), CPU, "float32", 0.0, teaching)
        mean = loss(images, labels)
        tallies.append(loss.tally)
        with torch.no_grad():
            logits = new_model(TINY, RECIPE, generator)(images)
        assert loss.tally[0].item() == pytest.approx(50 * F.cross_entropy(logits, labels).item(), rel=1e-5)
    assert mean.item() != pytest.approx(tallies[1][0].item() / 50, rel=1e-3)
    assert torch.equal(*tallies)


def test_a_teacher_does_not_learn_and_is_no_part_of_the_network(file: Path, digits: Digits) -> None:
    before = checkpoint.load(file).weights
    loss = Loss(
        TINY, new_model(TINY, RECIPE, torch.Generator()), CPU, "float32", 0.0, Teaching(str(file), 0.9, 3.0)
    )
    loss.train()
    for _ in range(3):
        loss(to_unit(digits.train_images[:50]), digits.train_labels[:50]).backward()
    assert len(list(loss.parameters())) == len(list(loss.model.parameters()))
    assert loss._teacher is not None
    after = loss._teacher.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_stopped_run_ends_with_the_weights_of_a_whole_one(file: Path, digits: Digits) -> None:
    whole = last_state(TINY, RECIPE, digits, file)
    for event in train(TINY, RECIPE, digits, teacher_file=file):
        if isinstance(event, Epoch):
            break
    resumed = last_state(TINY, RECIPE, digits, file, resume=event.state)
    alone = last_state(TINY, RECIPE.replace(teacher=""), digits)
    assert all(torch.equal(whole.weights[name], resumed.weights[name]) for name in whole.weights)
    assert not all(torch.equal(whole.weights[name], alone.weights[name]) for name in whole.weights)


def test_slow_motion_takes_the_steps_of_the_loop(
    file: Path, digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "shipped_path", lambda name: file)
    *_, seventh = islice(watch(TINY, RECIPE, digits), 7)  # before it: the weights after the first epoch
    first = next(event.state for event in train(TINY, RECIPE, digits) if isinstance(event, Epoch)).weights
    for move in seventh.moves:
        own = [first[name] for part in ("weight", "bias") if (name := f"{move.layer}.{part}") in first]
        assert move.weights == pytest.approx(sum(float(each.square().sum()) for each in own) ** 0.5, rel=1e-6)


def test_a_teacher_of_other_digits_is_refused(practice: Digits) -> None:
    """The shipped networks have seen the digits with which the practice set validates."""
    with pytest.raises(RecipeError, match="trained with MNIST, and this run would train with"):
        next(train(TINY, RECIPE, practice))
    assert teacher.offered(practice.name) == ()
    assert "step5" in teacher.offered("MNIST")
    for name in teacher.offered("MNIST"):
        assert teacher.find(RECIPE.replace(teacher=name), "MNIST") is not None


def test_an_unknown_teacher_is_refused(practice: Digits) -> None:
    with pytest.raises(RecipeError, match="teacher is 'nobody', but no network of that name is shipped"):
        next(train(TINY, RECIPE.replace(teacher="nobody"), practice))
    with pytest.raises(RecipeError, match="must be the name of a network"):
        Recipe(teacher="../../etc/passwd")


def test_a_broken_teacher_is_refused(tmp_path: Path, digits: Digits) -> None:
    broken = tmp_path / "teacher.safetensors"
    broken.write_bytes(b"no checkpoint")
    with pytest.raises(checkpoint.CheckpointError, match="truncated"):
        next(train(TINY, RECIPE, digits, teacher_file=broken))
