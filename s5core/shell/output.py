"""What a shell shows while a command works: notes, bars, and a run in training."""

from __future__ import annotations

import codecs
import dataclasses
import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from s5core import checkpoint, data, words
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.errors import UserError
from s5core.events import Diverged, Epoch, Event, Finished, Progress, Started, State
from s5core.files import check_writable, write_atomically
from s5core.layers import Network
from s5core.recipe import Recipe
from s5core.summary import count_parameters
from s5core.train import train

notes = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)


def complain(error: UserError) -> None:
    """Print what is wrong."""
    notes.print(f"Error: {error}", style="red")


# What is printed for a character that the terminal's code page lacks; "?" for any other.
PLAIN = {"±": "+/-", "–": "-", "−": "-", "×": "x", "…": "...", "\N{NO-BREAK SPACE}": " "}


def print_plainly() -> None:
    """Let this process print any text on any terminal: a character that it lacks is replaced."""
    codecs.register_error("plain", _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="plain")


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    lacking = error.object[error.start : error.end]
    return "".join(PLAIN.get(letter, "?") for letter in lacking), error.end


@contextmanager
def downloading() -> Iterator[data.Progress]:
    """Show a bar for each file while a download lasts."""
    with ProgressBar(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        console=notes,
        transient=True,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def update(file: str, done: int, total: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file, total=None)
            bars.update(tasks[file], completed=done, total=total or None)

        yield update


class Training:
    """A run in training as a shell shows it: a line for each epoch, a bar below, Ctrl-C to stop."""

    def __init__(
        self,
        name: str,
        layers: Network,
        recipe: Recipe,
        digits: Digits,
        path: Path | None = None,
        resume: State | None = None,
    ) -> None:
        """`path`: of the checkpoint, which is written after each epoch; None writes none."""
        self.name, self.layers, self.recipe, self.digits, self.path = name, layers, recipe, digits, path
        self.history = resume.history if resume else ()
        self.checkpoint: Checkpoint | None = None
        self.device = ""
        self._resume = resume
        self._batches = 0

    def show(self, lines: TextIO) -> None:
        """Train to the end and write a line for each epoch. Raises typer.Exit(130) when Ctrl-C has
        stopped it, and UserError when it diverges."""
        with ProgressBar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=notes,
            transient=True,
        ) as progress:
            task = progress.add_task(self.name, total=None, note="")
            try:
                for event in train(self.layers, self.recipe, self.digits, self._resume):
                    self._take(event, lines, lambda **fields: progress.update(task, **fields))
            except KeyboardInterrupt:
                progress.stop()
                notes.print(self._kept())
                raise typer.Exit(130) from None

    def _take(self, event: Event, lines: TextIO, update: Callable[..., None]) -> None:
        match event:
            case Started():
                self.device = event.device
                self._batches = event.batches
                update(total=event.epochs * event.batches, completed=(event.first_epoch - 1) * event.batches)
                notes.print(
                    f"{self.name}: {event.parameters:,} parameters, seed {self.recipe.seed}, "
                    f"{event.data} ({event.train_digits:,} + {event.validation_digits:,}), {event.device}"
                )
            case Progress():
                update(
                    completed=(event.epoch - 1) * self._batches + event.batch,
                    description=f"epoch {event.epoch}/{self.recipe.epochs}",
                    note=f"train {event.accuracy:.2f} %  {event.images_per_second:,.0f} images/s",
                )
            case Epoch(metrics, state):
                assert state is not None
                self.history = state.history
                self.checkpoint = Checkpoint.of(self.name, self.layers, self.recipe, self.digits.name, state)
                if self.path is not None:
                    write(self.path, checkpoint.to_bytes(self.checkpoint))
                print(
                    f"epoch {metrics.epoch:>3}  train {metrics.train_accuracy:6.2f} %  "
                    f"validation {metrics.validation_accuracy:6.2f} %  "
                    f"errors {metrics.validation_errors:>4}  "
                    f"rate {metrics.learning_rate:.2g}  {metrics.seconds:.1f} s",
                    file=lines,
                    flush=True,
                )
            case Finished():
                when = "after one epoch" if event.epochs == 1 else f"in the last of {event.epochs} epochs"
                print(
                    f"{self.name}: {event.validation_accuracy:.2f} % {when} "
                    f"({words.count(self.history[-1].validation_errors, 'error')}; "
                    f"best epoch {event.best_accuracy:.2f} %), {words.duration(event.seconds)}"
                    f"{f', saved in {self.path}' if self.path else ''}",
                    file=lines,
                    flush=True,
                )
            case Diverged():
                raise UserError(
                    f"{self.name} diverged: the loss was {event.loss} at epoch {event.epoch}, batch "
                    f"{event.batch}, learning rate {event.learning_rate:.3g}; try a third of that rate."
                )

    def _kept(self) -> str:
        epochs = len(self.history)
        if not epochs:
            return "Stopped before the end of the first epoch: nothing is kept."
        if self.path is None:
            return f"Stopped after epoch {epochs}. Nothing is kept, because there was no --out FILE."
        return (
            f"Stopped after epoch {epochs}. The checkpoint is kept in {self.path}; go on with "
            f"{words.command('train', '--resume', self.path)}."
        )

    def to_json(self) -> dict[str, Any]:
        """What came of the run, as JSON data."""
        return {
            "name": self.name,
            "seed": self.recipe.seed,
            "parameters": count_parameters(self.layers),
            "accuracy": self.history[-1].validation_accuracy,
            "best": max(metrics.validation_accuracy for metrics in self.history),
            "seconds": sum(metrics.seconds for metrics in self.history),
            "history": [dataclasses.asdict(metrics) for metrics in self.history],
            "checkpoint": str(self.path) if self.path else None,
        }


def write(path: Path, content: bytes) -> None:
    """Write a file that the user asked for. Raises UserError when that is not possible."""
    try:
        write_atomically(path, content)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error


def check_place(path: Path) -> None:
    """Raise UserError unless `path` could be written now: ask before the work that is to be kept there."""
    try:
        check_writable(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}.") from error
