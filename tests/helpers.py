"""What several tests share."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from s5core import data
from s5core.checkpoint import Checkpoint
from s5core.evaluate import evaluate
from s5core.events import Metrics
from s5core.files import ROOT
from s5core.layers import BatchNorm, Conv, Crop, Dropout, GlobalAvgPool, MaxPool, Network, ReLU, SiLU, build
from s5core.recipe import Recipe
from s5core.runs.executor import Hear
from s5core.runs.folder import Run
from s5core.runs.messages import Done, Ended, Order, Quit, Stop, Train
from s5core.runs.worker import Worker

T = TypeVar("T")
APP = str(ROOT / "streamlit_app.py")

# Networks that train in a moment.
TINY: Network = (Conv(4), BatchNorm(), ReLU(), MaxPool(2), Conv(10), GlobalAvgPool())
LEAST: Network = (Conv(10), GlobalAvgPool())

# A network with every kind of layer, and every field of a convolution.
EVERY_KIND: Network = (
    Crop(26),
    Conv(8, padding=1, stride=2, bias=True),
    ReLU(),
    BatchNorm(),
    Dropout(),
    Conv(8, groups=4),
    BatchNorm(),
    SiLU(),
    MaxPool(3),
    Conv(12, kernel=1),
    ReLU(),
    GlobalAvgPool(),
    Conv(10, kernel=1),
)

# The environment of a process without MNIST and without a network: an empty S5_DATA_DIR is none, and
# nothing listens on port 9.
CLOSED = "http://127.0.0.1:9"
NOWHERE = {"S5_DATA_DIR": "", "http_proxy": CLOSED, "https_proxy": CLOSED}


class Idle:
    """An executor whose worker takes a run, and leaves it when it is told to stop."""

    def __init__(self, hear: Hear) -> None:
        self.hear = hear
        self.runs: list[str] = []

    def order(self, order: Order) -> None:
        match order:
            case Train(run):
                self.runs.append(run)
            case Stop():
                threading.Thread(
                    target=self.hear, args=(Done(),)
                ).start()  # never from the queue's own thread

    def close(self) -> None:
        pass

    def wait(self, timeout: float) -> None:
        pass


class ThreadWorker:
    """An executor: a worker in a thread of this process."""

    def __init__(self, hear: Hear) -> None:
        self.orders: queue.Queue[Order] = queue.Queue()
        self.thread = threading.Thread(target=self.work, args=(hear,))
        self.thread.start()

    def work(self, hear: Hear) -> None:
        Worker(self.orders).serve(hear)
        hear(Ended())

    def order(self, order: Order) -> None:
        self.orders.put(order)

    def close(self) -> None:
        self.orders.put(Quit())

    def wait(self, timeout: float) -> None:
        self.thread.join(timeout)


def made_of(layers: Network, seed: int = 0, name: str = "by hand") -> Checkpoint:
    """A network with random weights, as if it had been trained for an epoch on the practice digits; its
    accuracy is the one that these weights reach."""
    model, generator = build(layers, seed), torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
                assert tensor is not None
                tensor.data.uniform_(0.5, 1.5, generator=generator)
    digits = data.practice_set()
    found = evaluate(model, digits.validation_images, digits.validation_labels)
    metrics = Metrics(1, 1.0, 50.0, found.loss, found.accuracy, found.errors, 0.1, 1.0)
    return Checkpoint(name, layers, Recipe(epochs=1, seed=seed), digits.name, (metrics,), model.state_dict())


def wait_for(condition: Callable[[], object], seconds: float = 180) -> None:
    """Return once `condition()` is true. Fails the test after `seconds`, which are many: a worker lets
    others go first, and beside a test that keeps both cores busy it takes a minute to start."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def run_apart(coroutine: Coroutine[None, None, T]) -> T:
    """Run the coroutine in a thread of its own: Playwright keeps a loop in that of the tests."""
    with ThreadPoolExecutor(1) as own:
        return own.submit(asyncio.run, coroutine).result()


@contextlib.contextmanager
def held(run: Run) -> Iterator[None]:
    """Halt the worker that trains the run. What a test does meanwhile finds the run unfinished, however short
    it is and however slow the test."""
    pid = json.loads((run.folder / "worker.json").read_text())["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test for want of something; where CI is set fail it, since nobody would notice there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def require_no_mnist_at_home() -> None:
    """Skip the test where data/ holds MNIST: the practice digits would not be used."""
    if not data.missing_files(data.HOME):
        pytest.skip("MNIST is in data/, so that the practice digits are not used")


def nodes(block: Any) -> Iterator[Any]:
    """All blocks and elements below a block of a page."""
    for child in getattr(block, "children", {}).values():
        yield child
        yield from nodes(child)


def trained_networks(app: AppTest) -> list[str]:
    """What the sidebar's list of trained networks offers."""
    lists = [box for box in app.sidebar.selectbox if box.label == "Trained network"]
    return list(lists[0].options)


def renewed(app: AppTest, key: str) -> str:
    """The key of the widget that `widget.put` has drawn last for a key of the table."""
    count = f"{key}_renewals"
    return f"{key}_{app.session_state[count]}" if count in app.session_state else key
