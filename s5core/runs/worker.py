"""A process that trains runs: `python -m s5core.runs.worker`.

Orders come as JSON lines on stdin, answers go as JSON lines to stdout:

    {"order": "train", "run": "/…/runs/ID", "threads": 2}   ->   {"done": "ID"}
    {"order": "threads", "value": 1}     go on with so many, as another run has begun or ended
    {"order": "rate", "value": 0.05}     a new peak learning rate for the run in progress
    {"order": "stop"}                    end the run in progress; its finished epochs are kept

{"ready": true} says that torch and the digits are loaded and an order will be taken at
once. When stdin ends, the server is gone: the worker stops between two batches and exits,
however the server came to its end.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from s5core import checkpoint, data, steps
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.device import keep_freed_memory
from s5core.errors import UserError
from s5core.events import Batch, Epoch, Event, Failed, Finished, LogWriter, RateChanged, Started, Stopped
from s5core.recipe import Recipe, Split
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.train import train

INTERVAL = 0.5  # seconds between two batches in the log; a page looks every second or two

Order = dict[str, Any]
GONE: Order = {"order": "gone"}


class Worker:
    """Takes orders one after the other and trains what they name."""

    def __init__(self, orders: queue.Queue[Order]) -> None:
        self.orders = orders
        self._digits: dict[Split, Digits] = {}

    def digits(self, split: Split) -> Digits:
        """The digits of a split, loaded once; anew when MNIST has come in the meantime."""
        practice = split in self._digits and self._digits[split].notice
        if split not in self._digits or (practice and not data.missing_files(data.HOME)):
            self._digits[split] = data.load(split, download=False)
        return self._digits[split]

    def warm_up(self) -> None:
        """Load the digits and take one step of training, so that what torch imports and sets up
        at its first step is done before the first order."""
        with contextlib.suppress(UserError):  # a run that needs the digits will say what is wrong
            events = train(steps.STEP5, Recipe(rotation=1, device="cpu"), self.digits("test"))
            next(events), next(events)
            events.close()

    def train(self, run: Run) -> bool:
        """Train a run until its end or an order to stop; whether to go on taking orders.

        Whatever goes wrong is written into the run's log, where its reader looks.
        """
        with LogWriter(run.events_path) as log:
            try:
                return self._train(run, log)
            except UserError as error:
                log.write(Failed(str(error)))
            except OSError as error:
                log.write(Failed(f"The run could not be written: {error.strerror}."))
            except Exception as error:
                # A bug, or memory that ran out: the log is where it will be found.
                log.write(Failed(f"{type(error).__name__}: {error}"))
                raise
        return True

    def _train(self, run: Run, log: LogWriter) -> bool:
        kept = run.checkpoint() if run.model_path.exists() else None
        if kept is not None and kept.state is None:  # its worker was killed before it could say so
            log.write(Finished.of(kept.history))
            return True
        digits = self.digits(run.recipe.split)
        if kept is not None:
            kept.check_data(digits.name)
        events = train(run.layers, run.recipe, digits, kept.state if kept else None)
        finished = len(kept.history) if kept else 0
        written = 0.0
        rate: float | None = None
        go_on = True
        event: Event | None = None
        while True:
            heard = isinstance(event, Batch)  # a rate that came at another event is kept until then
            try:
                event = events.send(rate if heard else None)
            except StopIteration:
                return go_on
            rate = None if heard else rate
            match event:
                case Epoch(metrics, state):
                    assert state is not None
                    # The line comes before the file. When the run is resumed, a line too many is
                    # dropped; a missing one would never come back.
                    log.write(event)
                    made = Checkpoint.of(run.step, run.layers, run.recipe, digits.name, state)
                    checkpoint.save(made, run.model_path)
                    finished = metrics.epoch
                case Batch(batch=batch):
                    if batch == 1 or time.monotonic() - written > INTERVAL:
                        written = time.monotonic()
                        log.write(event)
                case _:
                    log.write(event)
                    if isinstance(event, Started) and kept is not None and kept.state is not None:
                        log.write(RateChanged(kept.state.peak))
            for order in self._pending():
                match order["order"]:
                    case "rate":
                        rate = float(order["value"])
                        log.write(RateChanged(rate))
                    case "threads":
                        torch.set_num_threads(order["value"])
                    case "stop" | "gone":
                        go_on = go_on and order is not GONE
                        if finished < run.recipe.epochs:  # else there is nothing left to stop
                            log.write(Stopped(finished))
                            return go_on

    def _pending(self) -> Iterator[Order]:
        while not self.orders.empty():
            yield self.orders.get()


def read_orders(orders: queue.Queue[Order]) -> None:
    """Pass on what comes on stdin; its end is an order, too."""
    for line in sys.stdin:
        orders.put(json.loads(line))
    orders.put(GONE)


def main() -> None:
    """Take orders until stdin ends."""
    keep_freed_memory()
    orders: queue.Queue[Order] = queue.Queue()
    threading.Thread(target=read_orders, args=(orders,), daemon=True).start()
    worker = Worker(orders)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library may print goes to the server's log, not among the answers

    worker.warm_up()
    print(json.dumps({"ready": True}), file=answers)
    while (order := orders.get()) is not GONE:
        if order["order"] != "train":
            continue  # meant for a run that has ended in the meantime
        torch.set_num_threads(order["threads"])
        run = folder.open_folder(Path(order["run"]))
        go_on = worker.train(run)
        print(json.dumps({"done": run.id}), file=answers)
        if not go_on:
            break
    os._exit(0)  # threads of torch or a download in progress must not keep the process alive


if __name__ == "__main__":
    main()
