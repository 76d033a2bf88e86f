"""A worker trains runs, one after the other: `python -m s5core.runs.worker` is one in a process.

Orders come as lines on stdin and answers go as lines to stdout (see `messages`). The end of stdin means
Quit: however the server came to its end, its workers stop between two batches and exit.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import os
import queue
import sys
import textwrap
import threading
import traceback
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import torch

from s5core import checkpoint, configuration, data, halves, speed
from s5core.checkpoint import Checkpoint
from s5core.child import let_others_go_first, take_stdout
from s5core.data import Digits
from s5core.device import cores, set_threads
from s5core.errors import UserError
from s5core.events import (
    Epoch,
    Event,
    Failed,
    Finished,
    LogWriter,
    Progress,
    RateChanged,
    Started,
    State,
    Stopped,
    TrainingEvent,
)
from s5core.layers import Network
from s5core.memory import keep_freed_memory
from s5core.recipe import Recipe, Split
from s5core.runs import folder
from s5core.runs.folder import Run, RunError
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


class Shelf:
    """The digits in use. Any thread may ask for them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._digits: dict[Split, Digits] = {}

    def digits(self, split: Split) -> Digits:
        """The digits of a split. They are loaded once, and once more when MNIST has replaced the
        practice digits in the meantime."""
        with self._lock:
            practice = split in self._digits and self._digits[split].notice
            if split not in self._digits or (practice and not data.missing_files(data.HOME)):
                self._digits[split] = data.load(split, download=False)
            return self._digits[split]


class Worker:
    """Trains the runs that it is ordered to train, one after the other."""

    def __init__(self, orders: queue.Queue[Order], shelf: Shelf | None = None) -> None:
        self.orders = orders
        self.shelf = shelf or Shelf()
        self.quits = False  # whether to take no more orders
        self._most = int(configuration.value("threads")) or cores()  # threads of a run

    def serve(self, answer: Callable[[Answer], None]) -> None:
        """Take orders until Quit."""
        answer(Ready(self.warm_up()))
        while not self.quits:
            match self.orders.get():
                case Train(path, threads):
                    self._use(threads)
                    try:
                        trouble = self.train(folder.open_folder(Path(path)))
                    except RunError as error:  # it was deleted or damaged while it waited
                        trouble = str(error)
                    answer(Done(trouble))
                case Quit():
                    self.quits = True
                case _:
                    pass  # it was meant for a run that has ended in the meantime

    def warm_up(self) -> float | None:
        """Load the digits and take some steps of training: what torch imports and sets up at its first
        step is then done before the first order. Returns what `speed.measure` finds on the way."""
        with contextlib.suppress(UserError):  # a run that needs the digits will say what is wrong
            digits = self.shelf.digits("test")
            self._use(self._most)
            if self._most > 1:
                with contextlib.suppress(OSError):  # where no process can be started, a run does without
                    halves.prepare().finish()
            return speed.measure(digits)
        return None

    def _use(self, threads: int) -> None:
        set_threads(min(threads, self._most))

    def events(
        self, layers: Network, recipe: Recipe, digits: Digits, resume: State | None
    ) -> Generator[TrainingEvent | None, float | None, None]:
        """The events of a training, as `train` yields them. A worker that has others train yields None
        besides, now and then while it waits for them, so that orders are heard in that time, too."""
        yield from train(layers, recipe, digits, resume)

    def train(self, run: Run) -> str:
        """Train a run until its end or an order to stop. Returns why it failed, in a sentence; empty where
        it did not.

        The run's log says it too, unless the log is what cannot be written. A run that is deleted while it
        is in training ends at once, and nothing is written: its folder must not come back.
        """
        trouble = ""
        try:
            with run.claim(), LogWriter(run.events_path) as log:
                try:
                    self._train(run, log)
                except Exception as error:
                    if run.exists():
                        trouble = self._explain(error, run)
                        log.write(Failed(trouble))
        except (UserError, OSError) as error:
            trouble = trouble or (self._explain(error, run) if run.exists() else "")
        return trouble

    def _explain(self, error: Exception, run: Run) -> str:
        """Why a run has failed, in a sentence for the person who started it."""
        if isinstance(error, UserError):
            return str(error)
        if _is_want_of_memory(error):
            return (
                f"There was not enough memory to train this network with {run.recipe.batch_size:,} digits in "
                "a batch: lower the batch size, or use fewer channels."
            )
        if isinstance(error, OSError):
            return f"The run could not be written to {run.folder}: {error.strerror or error}."
        traceback.print_exception(error)  # a bug: into the server's log
        self.quits = True  # a device may be of no use to this process any more
        reason = textwrap.shorten(str(error), 200, placeholder=" …")
        return f"The training broke down ({type(error).__name__}: {reason}); the server's log says where."

    def _train(self, run: Run, log: LogWriter) -> None:
        kept = run.checkpoint() if run.model_path.exists() else None
        if kept is not None and kept.state is None:  # a worker was killed before it wrote the last event
            log.write(Finished.of(kept.history))
            return
        digits = self.shelf.digits(run.recipe.split)
        if kept is not None:
            kept.check_data(digits.name)
        state = kept.state if kept else None
        # The last peak that was set in training; the checkpoint does not have one from a lost epoch.
        peak = run.log().peak or (state.peak if state else run.recipe.learning_rate)
        recipe = run.recipe.replace(learning_rate=peak)
        finished = len(kept.history) if kept else 0
        resume = state and dataclasses.replace(state, peak=peak)
        with contextlib.closing(self.events(run.layers, recipe, digits, resume)) as events:
            rate: float | None = None
            event: Event | None = None
            while True:
                heard = isinstance(event, Progress)  # `train` takes a rate only there; else it is kept here
                try:
                    event = events.send(rate if heard else None)
                except StopIteration:
                    return
                rate = None if heard else rate
                match event:
                    case None:
                        pass
                    case Epoch(metrics, state):
                        assert state is not None
                        # First the log, then the checkpoint: a resumed run replaces a line that is ahead
                        # of its checkpoint, but a line that is missing would stay missing.
                        log.write(event)
                        made = Checkpoint.of(run.step, run.layers, run.recipe, digits.name, state)
                        checkpoint.save(made, run.model_path)
                        finished = metrics.epoch
                    case _:
                        log.write(event)
                        if isinstance(event, Started) and peak != run.recipe.learning_rate:
                            log.write(RateChanged(peak))
                if not run.exists():
                    return
                for order in self._pending():
                    match order:
                        case Rate(peak):
                            rate = peak
                            log.write(RateChanged(peak))
                        case Threads(number):
                            self._use(number)
                        case Stop() | Quit():
                            self.quits = self.quits or isinstance(order, Quit)
                            if finished < run.recipe.epochs:  # else there is nothing left to stop
                                log.write(Stopped(finished))
                                return

    def _pending(self) -> Iterator[Order]:
        while not self.orders.empty():
            yield self.orders.get()


def _is_want_of_memory(error: Exception) -> bool:
    """Whether memory ran out. On a CPU torch says so only in the words of its error."""
    text = str(error)
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError | OSError)
        and any(words in text for words in ("allocate memory", "not enough memory", "out of memory"))
    )


def read_orders(orders: queue.Queue[Order]) -> None:
    """Pass on the orders that come on stdin; the end of stdin is Quit."""
    for line in io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"):
        orders.put(from_line(line))
    orders.put(Quit())


def main() -> None:
    """Be a worker in a process of its own."""
    let_others_go_first()
    keep_freed_memory()
    orders: queue.Queue[Order] = queue.Queue()
    threading.Thread(target=read_orders, args=(orders,), daemon=True).start()
    answers = take_stdout()
    Worker(orders).serve(lambda answer: print(to_line(answer), end="", file=answers, flush=True))
    os._exit(0)  # threads of torch or a download in progress must not keep the process alive


if __name__ == "__main__":
    main()
