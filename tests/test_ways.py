"""Every way computes the same gradients, up to rounding."""

from __future__ import annotations

import dataclasses
import shutil

import pytest
import torch
from torch import Tensor

from s5core import device, ways
from s5core.data import Digits
from s5core.device import Device
from s5core.events import Epoch, Started
from s5core.layers import BatchNorm, Conv, GlobalAvgPool, MaxPool, SiLU, build
from s5core.loss import Loss
from s5core.modules import to_unit
from s5core.recipe import Recipe
from s5core.steps import STEPS
from s5core.train import train

CPU = Device("cpu", "a CPU")
TINY = (Conv(6), BatchNorm(), SiLU(), MaxPool(2), Conv(10), GlobalAvgPool())

needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def follow(way: str, place: Device, digits: Digits, precision: str = "float32") -> list[Tensor]:
    """The gradients of six batches, the last one smaller, each with the weights after the last step."""
    model = build(TINY, seed=0).to(place.id).train()
    loss = Loss(TINY, model, place, precision, 0.0)
    compute = ways.WAYS[way](loss)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    found = []
    sizes = [32] * 5 + [20]
    for images, labels in zip(
        digits.train_images.split(sizes), digits.train_labels.split(sizes), strict=True
    ):
        compute(to_unit(images.to(place.id)), labels.to(place.id))
        found.append(torch.cat([p.grad.flatten().cpu() for p in model.parameters() if p.grad is not None]))
        optimizer.step()
    assert loss.tally[1] <= sum(sizes)
    found.append(loss.tally.cpu())
    return found


@pytest.fixture(scope="module")
def few(practice: Digits) -> Digits:
    return dataclasses.replace(
        practice, train_images=practice.train_images[:180], train_labels=practice.train_labels[:180]
    )


def assert_close(ours: list[Tensor], plain: list[Tensor], tolerance: float) -> None:
    """Both within `tolerance` of the largest gradient of the batch."""
    for mine, theirs in zip(ours, plain, strict=True):
        assert (mine - theirs).abs().max() <= tolerance * theirs.abs().max()


@pytest.mark.slow
@needs_compiler
def test_compiled_gradients_are_the_eager_ones(few: Digits) -> None:
    """float32 has a rounding error of 6e-8. Sums over a batch in another order add up to some hundred of
    them, and the steps between the batches carry the difference on."""
    assert_close(follow("compiled", CPU, few), follow("eager", CPU, few), 1e-4)


@needs_gpu
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-2), ("bfloat16", 1e-1)])
def test_a_recorded_graph_gives_the_eager_gradients(few: Digits, precision: str, tolerance: float) -> None:
    """Convolutions of a GPU round to TF32 or bfloat16, by 5e-4 or 4e-3."""
    gpu = device.choose("cuda")
    assert_close(follow("graph", gpu, few, precision), follow("eager", gpu, few, precision), tolerance)


@needs_gpu
def test_a_gpu_trains_a_whole_run(practice: Digits) -> None:
    step = STEPS["step5_fast"]
    events = list(train(step.layers, step.recipe.replace(epochs=3, device="cuda"), practice))
    started = events[0]
    assert isinstance(started, Started) and started.way == "graph"
    ends = [event.metrics for event in events if isinstance(event, Epoch)]
    assert ends[-1].validation_accuracy > 90


def test_the_tally_counts_losses_and_right_answers(practice: Digits) -> None:
    model = build(TINY, seed=0).eval()
    loss = Loss(TINY, model, CPU, "float32", 0.0)
    images, labels = to_unit(practice.train_images[:50]), practice.train_labels[:50]
    compute = ways.eager(loss)
    compute(images[:30], labels[:30])
    compute(images[30:], labels[30:])
    logits = model(images)
    expected = torch.nn.functional.cross_entropy(logits, labels, reduction="sum")
    right = (logits.argmax(1) == labels).sum()
    torch.testing.assert_close(loss.tally, torch.stack((expected.detach(), right.float())))
    loss.reset()
    assert loss.tally.tolist() == [0, 0]


def test_a_device_offers_only_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(ways, "cores", lambda: 2)
    assert ways.offered(CPU) == ["halves", "eager"]
    assert ways.offered(CPU, dropout=True) == ["eager"]  # whose random numbers come from one generator
    monkeypatch.setattr(ways, "cores", lambda: 1)
    assert ways.offered(CPU) == ["eager"]
    with pytest.raises(ways.WayError, match="a CPU does not offer the way 'compiled': use.*one of eager"):
        ways.choose("compiled", CPU)
    with pytest.raises(ways.WayError, match="'graph'"):
        next(train(TINY, Recipe(way="graph", device="cpu"), None))  # type: ignore[arg-type]
    assert ways.choose("auto", CPU) == "eager"
    assert ways.choose("auto", Device("cuda:0", "a GPU")) == "graph"
    assert ways.choose("auto", Device("cuda:0", "a GPU"), dropout=True) == "eager"
