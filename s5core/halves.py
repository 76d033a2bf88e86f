"""A batch in two halves, of which a second process computes one.

A layer of eight channels is too little work for two threads: they would wait for each other longer than
they compute. Two processes that have half of a batch each meet once a batch, and take little more than half
of the time. The second half is a little larger: whoever has the first one also augments the digits and
takes the optimiser's step.

The gradient of a batch is the mean of those of its digits. Batch norm takes its statistics from a half
("ghost batch norm", arXiv:1705.08741). Who computes the second half changes nothing in the weights: the
process that trains does it until its helper is ready, whenever it may use one core only, and while a helper
saves no time.

`python -m s5core.halves` is a helper. Its orders come as lines on stdin: for a network the JSON of its
`Work`, for a batch its number and how many digits are in the half. A batch is answered with its number.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import select
import sys
import tempfile
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from s5core import child
from s5core.device import Device, one_thread, threads
from s5core.layers import INPUT_SHAPE, build, from_json, to_json
from s5core.loss import Loss
from s5core.memory import keep_freed_memory
from s5core.summary import count_parameters
from s5core.teacher import Teaching

SECOND = 9 / 16  # share of the digits in the second half
FEWEST = 64  # digits of a batch that is cut: batch norm needs some tens
PIXELS = INPUT_SHAPE[1] * INPUT_SHAPE[2]
TRIED = 8  # batches with a helper, and as many without one, that are timed in turn
USED, WITHOUT = 1024, 128  # batches until they are timed again: with the helper in use, and without
GAIN = 0.9  # of the time without, at most, for a helper in use: it takes a core from server and browser
AWAKE = 0.01  # seconds: longer than the rest of a step takes
CPU = Device("cpu", "CPU")


@dataclass(frozen=True)
class Work:
    """What second halves are computed with."""

    layers: list[dict[str, Any]]  # see `layers.to_json`
    precision: str
    label_smoothing: float
    teaching: dict[str, Any] | None  # see `teacher.Teaching`
    digits: int  # at most, in a half
    file: str = ""  # path of the memory that two processes share

    @classmethod
    def of(cls, loss: Loss, digits: int) -> Work:
        """The work that comes with a loss."""
        teaching = None if loss.teaching is None else dataclasses.asdict(loss.teaching)
        return cls(to_json(loss.layers), loss.precision, loss.label_smoothing, teaching, digits)


class Memory:
    """Weights and digits on their way to whoever computes a half, and the gradients on their way back."""

    def __init__(self, work: Work) -> None:
        sizes = self.sizes(work)
        total = sum(sizes)
        content = torch.from_file(work.file, shared=True, size=total) if work.file else torch.zeros(total)
        self.ready, self.tally, self.weights, self.gradients, self.labels, images = content.split(sizes)
        self.images = images.view(-1, *INPUT_SHAPE)

    @staticmethod
    def sizes(work: Work) -> list[int]:
        """How many numbers each of its parts has."""
        weights = count_parameters(from_json(work.layers))
        return [1, 2, weights, weights, work.digits, work.digits * PIXELS]

    @classmethod
    def make(cls, work: Work) -> Memory:
        """The memory of a work with a file that does not exist yet. Raises OSError when that finds no room.

        The file gets all of its room first, where the system can do that: a disk that is full only when the
        memory is written to would kill the process.
        """
        with open(work.file, "xb") as file:
            _take_room(file.fileno(), sum(cls.sizes(work)) * torch.float32.itemsize)
        return cls(work)

    def put(self, parameters: Sequence[Tensor], images: Tensor, labels: Tensor) -> None:
        """Give a network's parameters, and the digits of a half."""
        torch.cat([parameter.detach().flatten() for parameter in parameters], out=self.weights)
        self.images[: len(images)] = images
        self.labels[: len(labels)] = labels


def _take_room(file: int, size: int) -> None:
    """Give an open file so many bytes of the disk. Raises OSError when there are not as many."""
    if not hasattr(os, "posix_fallocate"):  # macOS and Windows
        return
    try:
        os.posix_fallocate(file, 0, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # of a file system that cannot do it
            raise


class Half:
    """A copy of a network that computes halves of batches."""

    def __init__(self, work: Work) -> None:
        layers = from_json(work.layers)
        model = build(layers).to(memory_format=torch.channels_last).train()
        teaching = None if work.teaching is None else Teaching(**work.teaching)
        self.loss = Loss(layers, model, CPU, work.precision, work.label_smoothing, teaching)
        self.memory = Memory(work)
        self.parameters = list(model.parameters())

    def compute(self, digits: int) -> None:
        """Forward, loss and backward of so many digits; leave gradients and tally in the memory."""
        memory = self.memory
        given = memory.weights.split([parameter.numel() for parameter in self.parameters])
        with torch.no_grad():
            for parameter, values in zip(self.parameters, given, strict=True):
                parameter.copy_(values.view_as(parameter))
        self.loss.reset()
        mean = self.loss(memory.images[:digits], memory.labels[:digits].long())
        gradients = torch.autograd.grad(mean, self.parameters)
        torch.cat([gradient.flatten() for gradient in gradients], out=memory.gradients)
        memory.tally.copy_(self.loss.tally)


def _next_line(lines: IO[str]) -> str:
    """The next line of a pipe; empty at its end. It stays awake for a moment: a process that is woken up
    often gets the core of the one that wakes it, and here that one has work of its own."""
    if hasattr(os, "sched_yield"):  # as on Linux
        deadline = time.perf_counter() + AWAKE
        while not select.select([lines], [], [], 0)[0] and time.perf_counter() < deadline:
            os.sched_yield()
    return lines.readline()


class Helper:
    """A process that computes halves. Its methods raise OSError when it has ended."""

    def __init__(self) -> None:
        self._process = child.start("s5core.halves")
        self._batch = 0  # number of the last one

    def take(self, work: Work) -> None:
        """Give it another network; its memory says when it is ready."""
        self._order(json.dumps(dataclasses.asdict(work)))

    def begin(self, digits: int) -> None:
        """Let it compute what is in the memory."""
        self._batch += 1
        self._order(f"{self._batch} {digits}")

    def finish(self) -> None:
        """Wait for the end of what was begun, at first for that of the imports."""
        assert self._process.stdout is not None
        while (line := _next_line(self._process.stdout)) != f"{self._batch}\n":
            if not line:
                raise BrokenPipeError("the helper has ended")

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _order(self, line: str) -> None:
        assert self._process.stdin is not None
        print(line, file=self._process.stdin, flush=True)


_idle: list[Helper] = []  # those of this process that no run has


def prepare() -> Helper:
    """Start a helper, so that it is ready when a run begins. Raises OSError where that fails."""
    if not _idle:
        _idle.append(Helper())
    return _idle[-1]


class Trial:
    """Whether a helper saves time, by batches that are timed with it and without it in turn. A helper is of
    no use where other programs or another machine on the same processor take the second core."""

    def __init__(self) -> None:
        self.helps = True  # what the last trial found
        self._times: dict[bool, list[float]] = {True: [], False: []}
        self._rest = 0  # batches until the next trial

    def wants_help(self) -> bool:
        """Whether the next batch is to be computed with the helper."""
        if self._rest:
            return self.helps
        return len(self._times[True]) <= len(self._times[False])

    def note(self, helped: bool, seconds: float) -> None:
        """How long a batch took."""
        if self._rest:
            self._rest -= 1
            return
        self._times[helped].append(seconds)
        if min(map(len, self._times.values())) == TRIED:
            # The fastest counts: whatever else runs at the moment can only slow a batch down.
            self.helps = min(self._times[True]) < GAIN * min(self._times[False])
            self._rest = USED if self.helps else WITHOUT
            self._times = {True: [], False: []}


class Halves:
    """The gradients of a run's batches, in two halves. Call it with a batch, as each of the `ways`."""

    def __init__(self, loss: Loss) -> None:
        self._loss, self._parameters = loss, list(loss.parameters())
        self._here: Half | None = None  # computes second halves in this process
        self._helper: Helper | None = None
        self._shared: Memory | None = None  # with the helper
        self._lost = False  # whether there is no helper to be had
        self._trial = Trial()

    def __call__(self, images: Tensor, labels: Tensor) -> None:
        """Forward, loss and backward of a batch; leave the gradients at the parameters."""
        self._loss.zero_grad()
        if len(images) < FEWEST:
            self._loss(images, labels).backward()
            return
        with one_thread():  # the second core is the helper's
            self._compute(images, labels)

    def _compute(self, images: Tensor, labels: Tensor) -> None:
        began = time.perf_counter()
        second = int(SECOND * len(images))
        share = second / len(images)
        part = images[-second:], labels[-second:]
        ready = threads() > 1 and self._is_ready(second)
        begun = ready and self._trial.wants_help() and self._begin(*part)
        ((1 - share) * self._loss(images[:-second], labels[:-second])).backward()
        done = self._finish() if begun else None
        if done is None:
            self._here = self._here or Half(Work.of(self._loss, second))
            done = self._here.memory
            done.put(self._parameters, *part)
            self._here.compute(second)
        gradients = done.gradients.split([parameter.numel() for parameter in self._parameters])
        for parameter, gradient in zip(self._parameters, gradients, strict=True):
            assert parameter.grad is not None
            parameter.grad.add_(gradient.view_as(parameter), alpha=share)
        self._loss.tally += done.tally
        if ready:
            self._trial.note(begun, time.perf_counter() - began)

    def _is_ready(self, digits: int) -> bool:
        """Whether there is a helper that knows the network. `digits`: at most, in a half."""
        if self._lost:
            return False
        if self._helper is None or self._shared is None:
            try:
                self._helper, self._shared = self._hire(digits)
            except OSError:
                self._lose()
                return False
        return bool(self._shared.ready)

    def _begin(self, images: Tensor, labels: Tensor) -> bool:
        """Let the helper compute a half. Returns whether it does: it may have ended."""
        assert self._helper is not None and self._shared is not None
        self._shared.put(self._parameters, images, labels)
        try:
            self._helper.begin(len(images))
        except OSError:
            self._lose()
            return False
        return True

    def _finish(self) -> Memory | None:
        """Where the helper's half is; None when the helper has ended in the meantime."""
        assert self._helper is not None
        try:
            self._helper.finish()
        except OSError:
            self._lose()
            return None
        return self._shared

    def _hire(self, digits: int) -> tuple[Helper, Memory]:
        """A helper that is given the network of this run, and the memory that both share. Raises OSError
        where there is no room for the memory, or no helper to be had."""
        folder = tempfile.TemporaryDirectory(prefix="s5core-", ignore_cleanup_errors=True)
        try:
            work = dataclasses.replace(Work.of(self._loss, digits), file=str(Path(folder.name) / "memory"))
            memory = Memory.make(work)
            mine = _idle.pop() if _idle else Helper()
            mine.take(work)
        except OSError:
            folder.cleanup()
            raise
        self._return = weakref.finalize(self, _take_back, mine, folder)
        return mine, memory

    def _lose(self) -> None:
        self._lost = True
        if self._helper is not None:
            self._helper.close()


def _take_back(helper: Helper, folder: tempfile.TemporaryDirectory[str]) -> None:
    folder.cleanup()
    if helper.alive:
        _idle.append(helper)


def _take(work: Work) -> Half | None:
    """Get ready to compute with a network; None where its run has ended, and taken the memory with it."""
    try:
        half = Half(work)
    except RuntimeError:
        if Path(work.file).exists():
            raise
        return None
    half.memory.ready.fill_(1)
    return half


def main() -> None:
    """Be a helper: see the beginning of this file."""
    torch.set_num_threads(1)
    keep_freed_memory()
    out = child.take_stdout()
    half: Half | None = None
    print(0, file=out, flush=True)
    while line := _next_line(sys.stdin):
        if line.startswith("{"):
            half = _take(Work(**json.loads(line)))
        else:
            batch, digits = line.split()
            assert half is not None, "a batch before the first network"
            half.compute(int(digits))
            print(batch, file=out, flush=True)


if __name__ == "__main__":
    main()
