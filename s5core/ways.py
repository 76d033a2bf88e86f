"""Ways to compute the gradients of a batch: the same arithmetic, called kernel by kernel or in one piece.

A way is one function here and one entry in `WAYS`. It takes a `Loss` and returns a function that does
forward, loss and backward for a batch and leaves the gradients at the parameters. Rounding differs from
way to way, so a run keeps the way that it began with.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor

from s5core.device import Device, cores, one_thread
from s5core.errors import UserError
from s5core.halves import Halves
from s5core.loss import Loss

Gradients = Callable[[Tensor, Tensor], None]

LARGE = 1_000_000  # parameters of a network that several threads compute faster than one
WARM_UP = 3  # batches before a CUDA graph is recorded: libraries choose their kernels in the first ones


class WayError(UserError):
    """A way that the device does not offer."""


def eager(loss: Loss) -> Gradients:
    """Call the kernels one by one. Every device can."""

    def compute(images: Tensor, labels: Tensor) -> None:
        loss.zero_grad()
        loss(images, labels).backward()

    return compute


def compiled(loss: Loss) -> Gradients:
    """Fuse kernels by torch.compile, for the shape of the first batch. Batches of another size, such as
    the last one of an epoch, are computed eagerly: compiling takes seconds to minutes."""
    plain, fused, size = eager(loss), torch.compile(loss, dynamic=False), 0

    def compute(images: Tensor, labels: Tensor) -> None:
        nonlocal size
        size = size or len(images)
        if len(images) != size:
            plain(images, labels)
            return
        loss.zero_grad()
        fused(images, labels).backward()

    return compute


def graph(loss: Loss) -> Gradients:
    """Record the kernels of a batch once, as a CUDA graph, and replay them as one piece. Starting the
    kernels of a small network one by one takes longer than their arithmetic.

    The first batches, and those of another size, are computed eagerly. A graph repeats whatever random
    numbers its layers draw, so it cannot train with dropout.
    """
    plain, recorded, batches = eager(loss), torch.cuda.CUDAGraph(), 0
    images_in = labels_in = torch.empty(0)
    gradients: list[Tensor | None] = []  # where the graph leaves them
    stream = torch.cuda.Stream()  # a graph must not be recorded on the default one

    def compute(images: Tensor, labels: Tensor) -> None:
        nonlocal batches, images_in, labels_in, gradients
        if batches == 0:
            images_in, labels_in = images.clone(), labels.clone()
        if len(images) != len(images_in):
            plain(images, labels)
            return
        if batches < WARM_UP:
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                plain(images, labels)
            torch.cuda.current_stream().wait_stream(stream)
        elif batches == WARM_UP:
            loss.zero_grad()
            with torch.cuda.graph(recorded):  # recording computes nothing
                loss(images_in, labels_in).backward()
            gradients = [parameter.grad for parameter in loss.parameters()]
        if batches >= WARM_UP:
            images_in.copy_(images)
            labels_in.copy_(labels)
            recorded.replay()
            for parameter, gradient in zip(loss.parameters(), gradients, strict=True):
                parameter.grad = gradient
        batches += 1

    return compute


WAYS: dict[str, Callable[[Loss], Gradients]] = {
    "eager": eager,
    "halves": Halves,
    "compiled": compiled,
    "graph": graph,
}


def context(way: str, parameters: int) -> AbstractContextManager[None]:
    """What holds while the batches of an epoch are computed. Each half has one thread, and so has a small
    network whose kernels are called one by one: a batch of step 5 took 20 ms with one thread and 26 to 33 ms
    with two. `parameters`: of the network."""
    alone = way == "halves" or (way == "eager" and parameters < LARGE)
    return one_thread() if alone else contextlib.nullcontext()


def offered(device: Device, dropout: bool = False) -> list[str]:
    """The ways that a device offers to a recipe with or without dropout, the fastest one first."""
    ways = ["graph"] if device.id.startswith("cuda") and not dropout else []
    if device.id == "cpu" and cores() > 1 and not dropout:
        ways.append("halves")
    ways.append("eager")
    if any(map(shutil.which, ("c++", "g++", "clang++"))):
        ways.append("compiled")
    return ways


def choose(way: str, device: Device, dropout: bool = False) -> str:
    """The way with this name; `auto` is the fastest one.

    Raises WayError for one that the device does not offer.
    """
    ways = offered(device, dropout)
    if way == "auto":
        return ways[0]
    if way not in ways:
        raise WayError(f"{device.name} does not offer the way {way!r}: use auto or one of {', '.join(ways)}.")
    return way
