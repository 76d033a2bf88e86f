"""A worker trains runs, one after the other: `python -m s5core.runs.worker` is one in a process.

Orders come as lines on stdin and answers go as lines to stdout (see `messages`). The end of stdin means
Quit: however the server came to its end, its workers stop between two batches and exit.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from s5core import checkpoint, data, speed
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.device import keep_freed_memory
from s5core.errors import UserError
from s5core.events import Epoch, Event, Failed, Finished, LogWriter, Progress, RateChanged, Started, Stopped
from s5core.recipe import Split
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.runs.messages import (
    Answer,
    Done,
    Order,
    Quit,
    Rate,
    Ready,
    Stop,
    Threads,
    Train,
    from_line,
    to_line,
)
from s5core.train import train


class Worker:
    """Trains the runs that it is ordered to train, one after the other."""

    def __init__(self, orders: queue.Queue[Order]) -> None:
        self.orders = orders
        self._digits: dict[Split, Digits] = {}

    def serve(self, answer: Callable[[Answer], None]) -> None:
        """Take orders until Quit."""
        answer(Ready(self.warm_up()))
        go_on = True
        while go_on:
            match self.orders.get():
                case Train(path, threads):
                    torch.set_num_threads(threads)
                    go_on = self.train(folder.open_folder(Path(path)))
                    answer(Done())
                case Quit():
                    go_on = False
                case _:
                    pass  # it was meant for a run that has ended in the meantime

    def warm_up(self) -> float | None:
        """Load the digits and take some steps of training: what torch imports and sets up at its first
        step is then done before the first order. Returns what `speed.measure` finds on the way."""
        with contextlib.suppress(UserError):  # a run that needs the digits will say what is wrong
            return speed.measure(self.digits("test"))
        return None

    def digits(self, split: Split) -> Digits:
        """The digits of a split. They are loaded once, and once more when MNIST has replaced the
        practice digits in the meantime."""
        practice = split in self._digits and self._digits[split].notice
        if split not in self._digits or (practice and not data.missing_files(data.HOME)):
            self._digits[split] = data.load(split, download=False)
        return self._digits[split]

    def train(self, run: Run) -> bool:
        """Train a run until its end or an order to stop. Returns whether to take more orders: False
        after Quit.

        Whatever goes wrong is written into the run's log, where its readers look.
        """
        with LogWriter(run.events_path) as log:
            try:
                return self._train(run, log)
            except UserError as error:
                log.write(Failed(str(error)))
            except OSError as error:
                log.write(Failed(f"The run could not be written: {error.strerror}."))
            except Exception as error:
                # A bug, or too little memory: the log is where people will look for the reason.
                log.write(Failed(f"{type(error).__name__}: {error}"))
                raise
        return True

    def _train(self, run: Run, log: LogWriter) -> bool:
        kept = run.checkpoint() if run.model_path.exists() else None
        if kept is not None and kept.state is None:  # a worker was killed before it wrote the last event
            log.write(Finished.of(kept.history))
            return True
        digits = self.digits(run.recipe.split)
        if kept is not None:
            kept.check_data(digits.name)
        state = kept.state if kept else None
        # The last peak that was set in training; the checkpoint does not have one from a lost epoch.
        peak = run.log().peak or (state.peak if state else run.recipe.learning_rate)
        recipe = run.recipe.replace(learning_rate=peak)
        events = train(run.layers, recipe, digits, state and dataclasses.replace(state, peak=peak))
        finished = len(kept.history) if kept else 0
        rate: float | None = None
        go_on = True
        event: Event | None = None
        while True:
            heard = isinstance(event, Progress)  # `train` takes a rate only there; until then it is kept here
            try:
                event = events.send(rate if heard else None)
            except StopIteration:
                return go_on
            rate = None if heard else rate
            match event:
                case Epoch(metrics, state):
                    assert state is not None
                    # First the log, then the checkpoint: a resumed run replaces a line that is ahead of
                    # its checkpoint, but a line that is missing would stay missing.
                    log.write(event)
                    made = Checkpoint.of(run.step, run.layers, run.recipe, digits.name, state)
                    checkpoint.save(made, run.model_path)
                    finished = metrics.epoch
                case _:
                    log.write(event)
                    if isinstance(event, Started) and peak != run.recipe.learning_rate:
                        log.write(RateChanged(peak))
            for order in self._pending():
                match order:
                    case Rate(peak):
                        rate = peak
                        log.write(RateChanged(peak))
                    case Threads(number):
                        torch.set_num_threads(number)
                    case Stop() | Quit():
                        go_on = go_on and isinstance(order, Stop)
                        if finished < run.recipe.epochs:  # else there is nothing left to stop
                            log.write(Stopped(finished))
                            return go_on

    def _pending(self) -> Iterator[Order]:
        while not self.orders.empty():
            yield self.orders.get()


def read_orders(orders: queue.Queue[Order]) -> None:
    """Pass on the orders that come on stdin; the end of stdin is Quit."""
    for line in sys.stdin:
        orders.put(from_line(line))
    orders.put(Quit())


def main() -> None:
    """Be a worker in a process of its own."""
    keep_freed_memory()
    orders: queue.Queue[Order] = queue.Queue()
    threading.Thread(target=read_orders, args=(orders,), daemon=True).start()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints goes to the server's log, and not among the answers
    Worker(orders).serve(lambda answer: print(to_line(answer), end="", file=answers, flush=True))
    os._exit(0)  # threads of torch or a download in progress must not keep the process alive


if __name__ == "__main__":
    main()
