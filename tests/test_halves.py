"""A batch in two halves: the right gradients, and the same weights with a helper and without one."""

from __future__ import annotations

import errno
import os
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from s5core import halves
from s5core.checkpoint import shipped_path
from s5core.data import Digits
from s5core.device import Device
from s5core.halves import FEWEST, TRIED, USED, WITHOUT, Halves, Memory, Trial, Work
from s5core.layers import BatchNorm, Conv, GlobalAvgPool, MaxPool, Network, SiLU, build
from s5core.loss import Loss
from s5core.modules import to_unit
from s5core.teacher import Teaching
from tests.helpers import wait_for

CPU = Device("cpu", "a CPU")
PLAIN: Network = (Conv(6), SiLU(), MaxPool(2), Conv(10), GlobalAvgPool())
NORMED: Network = (Conv(6), BatchNorm(), SiLU(), MaxPool(2), Conv(10), GlobalAvgPool())
TAUGHT = Teaching(str(shipped_path("step5_fast")), 0.9, 3.0)
SIZE = 101  # odd: the halves are not of one size


@pytest.fixture
def two_threads() -> Iterator[None]:
    """What a run has that may use two cores. Afterwards no helper is left."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)
    while halves._idle:
        halves._idle.pop().close()


@pytest.fixture
def always_helped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper that is ready has the second half of every batch."""
    monkeypatch.setattr(Trial, "wants_help", lambda trial: True)


def loss_of(layers: Network, precision: str = "float32", teaching: Teaching | None = None) -> Loss:
    model = build(layers, seed=0).to(memory_format=torch.channels_last).train()
    return Loss(layers, model, CPU, precision, 0.1, teaching)


def batch(digits: Digits, number: int, size: int = SIZE) -> tuple[Tensor, Tensor]:
    here = slice(number * size, (number + 1) * size)
    return to_unit(digits.train_images[here]), digits.train_labels[here]


def gradient(loss: Loss) -> Tensor:
    return torch.cat([p.grad.flatten() for p in loss.parameters() if p.grad is not None])


def train(loss: Loss, compute: Halves, digits: Digits, numbers: range) -> None:
    optimizer = torch.optim.SGD(loss.parameters(), lr=0.05)
    for number in numbers:
        compute(*batch(digits, number))
        optimizer.step()


def test_without_norm_the_halves_give_the_gradient_of_the_batch(practice: Digits) -> None:
    ours, plain = loss_of(PLAIN), loss_of(PLAIN)
    Halves(ours)(*batch(practice, 0))
    plain(*batch(practice, 0)).backward()
    torch.testing.assert_close(gradient(ours), gradient(plain), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(ours.tally, plain.tally)


def test_a_norm_takes_its_statistics_from_a_half(practice: Digits) -> None:
    images, labels = batch(practice, 0, 96)
    ours, first, second = loss_of(NORMED), loss_of(NORMED), loss_of(NORMED)
    Halves(ours)(images, labels)
    first(images[:42], labels[:42]).backward()
    second(images[42:], labels[42:]).backward()
    mean = (42 * gradient(first) + 54 * gradient(second)) / 96
    torch.testing.assert_close(gradient(ours), mean, rtol=1e-4, atol=1e-6)


def test_a_small_batch_stays_whole(practice: Digits) -> None:
    """Half of it would tell a norm too little."""
    ours, plain = loss_of(NORMED), loss_of(NORMED)
    Halves(ours)(*batch(practice, 0, FEWEST - 1))
    plain(*batch(practice, 0, FEWEST - 1)).backward()
    assert torch.equal(gradient(ours), gradient(plain))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "teaching"), [("float32", None), ("bfloat16", None), ("float32", TAUGHT)]
)
@pytest.mark.usefixtures("two_threads", "always_helped")
def test_the_weights_do_not_depend_on_who_computes_a_half(
    practice: Digits, precision: str, teaching: Teaching | None
) -> None:
    """Neither on when a helper becomes ready, nor on whether it is killed in the middle."""
    torch.set_num_threads(1)
    alone = loss_of(NORMED, precision, teaching)
    train(alone, Halves(alone), practice, range(12))

    torch.set_num_threads(2)
    halves.prepare().finish()
    helped = loss_of(NORMED, precision, teaching)
    compute = Halves(helped)
    train(helped, compute, practice, range(4))  # not ready for the first of them
    wait_for(lambda: compute._shared is not None and bool(compute._shared.ready))
    train(helped, compute, practice, range(4, 8))
    assert compute._helper is not None and compute._helper._batch >= 4, "the helper has done nothing"
    os.kill(compute._helper._process.pid, signal.SIGKILL)
    train(helped, compute, practice, range(8, 12))
    assert not compute._helper.alive
    for one, other in zip(alone.parameters(), helped.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(alone.tally, helped.tally)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system takes no room beforehand")
@pytest.mark.usefixtures("two_threads")
def test_without_room_for_the_memory_a_run_goes_on_alone(
    practice: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write to a memory without room would kill the process."""
    torch.set_num_threads(1)
    alone = loss_of(NORMED)
    train(alone, Halves(alone), practice, range(3))

    def refuse(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    torch.set_num_threads(2)
    monkeypatch.setattr(os, "posix_fallocate", refuse)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ours = loss_of(NORMED)
    compute = Halves(ours)
    train(ours, compute, practice, range(3))
    assert compute._helper is None and compute._lost and not list(tmp_path.iterdir())
    for one, other in zip(alone.parameters(), ours.parameters(), strict=True):
        assert torch.equal(one, other)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system takes no room beforehand")
def test_the_memory_has_all_of_its_room_before_it_is_used(tmp_path: Path) -> None:
    work = replace(Work.of(loss_of(PLAIN), SIZE), file=str(tmp_path / "memory"))
    memory = Memory.make(work)
    found = (tmp_path / "memory").stat()
    assert found.st_size == 4 * sum(Memory.sizes(work)) <= 512 * found.st_blocks
    assert memory.images.shape == (SIZE, 1, 28, 28) and not memory.ready


@pytest.mark.slow
@pytest.mark.usefixtures("two_threads")
def test_two_runs_of_a_process_have_a_helper_each_and_leave_them_to_the_next(practice: Digits) -> None:
    losses = [loss_of(NORMED), loss_of(PLAIN)]
    runs = [Halves(loss) for loss in losses]
    for loss, run in zip(losses, runs, strict=True):
        train(loss, run, practice, range(1))
    first, second = (run._helper for run in runs)
    assert first is not second
    del run, runs
    assert set(halves._idle) == {first, second}
    assert halves.prepare() in (first, second)


@pytest.mark.slow
@pytest.mark.usefixtures("two_threads")
def test_a_helper_whose_run_has_ended_before_it_was_ready_serves_the_next(practice: Digits) -> None:
    """A run's end takes away the memory that both share."""
    helper = halves.prepare()
    work = Work.of(loss_of(PLAIN), SIZE)
    helper.take(replace(work, file="/nowhere/memory"))
    loss = loss_of(NORMED)
    compute = Halves(loss)
    train(loss, compute, practice, range(1))
    wait_for(lambda: compute._shared is not None and bool(compute._shared.ready))
    assert compute._helper is helper and helper.alive


def batches(trial: Trial, count: int, with_helper: float) -> list[bool]:
    """Which of so many batches had help. One takes 1 s without a helper."""
    helped = []
    for _ in range(count):
        helped.append(trial.wants_help())
        trial.note(helped[-1], with_helper if helped[-1] else 1.0)
    return helped


@pytest.mark.parametrize(("with_helper", "helps"), [(0.55, True), (0.95, False), (2.0, False)])
def test_a_helper_is_used_only_where_it_saves_time(with_helper: float, helps: bool) -> None:
    trial = Trial()
    assert batches(trial, 2 * TRIED, with_helper) == [True, False] * TRIED
    rest = USED if helps else WITHOUT
    assert batches(trial, rest, with_helper) == [helps] * rest
    assert batches(trial, 2, with_helper) == [True, False]  # it is tried again


def test_what_other_programs_take_for_a_moment_decides_nothing() -> None:
    trial = Trial()
    for number in range(2 * TRIED):
        helped = trial.wants_help()
        trial.note(helped, (0.55 if helped else 1.0) * (1 if number >= 2 * TRIED - 4 else 5))
    assert trial.helps
