"""What several tests share."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable
from typing import NoReturn

import pytest
from streamlit.testing.v1 import AppTest

from s5core import data
from s5core.files import ROOT
from s5core.layers import BatchNorm, Conv, GlobalAvgPool, MaxPool, Network, ReLU
from s5core.runs.executor import Hear
from s5core.runs.messages import Done, Ended, Order, Quit, Stop, Train
from s5core.runs.worker import Worker

APP = str(ROOT / "streamlit_app.py")

# Networks that train in a moment.
TINY: Network = (Conv(4), BatchNorm(), ReLU(), MaxPool(2), Conv(10), GlobalAvgPool())
LEAST: Network = (Conv(10), GlobalAvgPool())

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


def wait_for(condition: Callable[[], object], seconds: float = 60) -> None:
    """Return once `condition()` is true. Fails the test after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def skip_or_fail(reason: str) -> NoReturn:
    """Skip the test for want of something; where CI is set fail it, since nobody would notice there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def require_no_mnist_at_home() -> None:
    """Skip the test where data/ holds MNIST: the practice digits would not be used."""
    if not data.missing_files(data.HOME):
        pytest.skip("MNIST is in data/, so that the practice digits are not used")


def trained_networks(app: AppTest) -> list[str]:
    """What the sidebar's list of trained networks offers."""
    lists = [box for box in app.sidebar.selectbox if box.label == "Trained network"]
    return list(lists[0].options)
