"""The events of a run, their JSON, and the log, a file with one event a line.

`train` yields the events of the training loop. `RateChanged`, `Stopped` and `Failed` come from the worker
that iterates over it. Nothing else reports progress: the shell prints events, the worker writes them to
`events.jsonl`, and a page reads that file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args

from torch import Tensor

from s5core.files import open_regular, parse_json
from s5core.layers import CLASSES
from s5core.settings import check_field, field_types, setting

T = TypeVar("T")

MAX_BYTES = 2**23  # of a log that are read; the longest run writes 3 MB
HEAD = 2**20  # of them from the beginning of a longer file; the others are from its end
MAX_LINE = 2**16  # bytes
POINTS = 2000  # of progress that are read, and that a page draws
OTHERS = 4000  # other lines that are read


@dataclass(frozen=True)
class Started:
    """The first event of a run, and of each time that it is resumed."""

    device: str  # its product name, such as "NVIDIA T4"
    data: str  # name of the digits
    train_digits: int = setting(range="[1, 1e9]")
    validation_digits: int = setting(range="[1, 1e9]")
    parameters: int = setting(range="[0, 1e12]")
    epochs: int = setting(range="[1, 1000]")  # of the whole run
    batches: int = setting(range="[1, 1e9]")  # in an epoch
    first_epoch: int = setting(range="[1, 1001]")  # that is still to do; 1 in a new run
    way: str = "eager"  # how kernels are started (see `ways`)
    precision: str = "float32"  # of convolutions


@dataclass(frozen=True)
class Progress:
    """How an epoch is going, told a few times a second."""

    epoch: int = setting(range="[1, 1000]")
    batch: int = setting(range="[1, 1e9]")  # the last one that is done
    # The loss is the mean over the epoch so far, on augmented digits, while the weights change.
    loss: float = setting(range="[0, 1e15]")
    accuracy: float = setting(range="[0, 100]")  # over the same digits, in percent
    learning_rate: float = setting(range="[0, 1000]")  # of the last batch
    images_per_second: float = setting(range="(0, 1e12]")  # of the epoch so far


@dataclass(frozen=True)
class Metrics:
    """The figures of one epoch: a pass over the training digits, then over the validation digits."""

    epoch: int = setting(range="[1, 1000]")
    # The mean over the epoch, on augmented digits, while the weights changed.
    train_loss: float = setting(range="[0, 1e15]")
    train_accuracy: float = setting(range="[0, 100]")  # over the same digits, in percent
    validation_loss: float = setting(range="[0, 1e15]")
    validation_accuracy: float = setting(range="[0, 100]")  # in percent
    validation_errors: int = setting(range="[0, 1e9]")  # digits with a wrong answer
    learning_rate: float = setting(range="[0, 1000]")  # of the last batch
    seconds: float = setting(range="[0, 1e9]")  # training and validation

    @property
    def guesses(self) -> bool:
        """Whether the network only guesses: its loss is that of equal probabilities for all ten
        classes, whatever the digit."""
        return abs(self.validation_loss - math.log(CLASSES)) < 0.01


@dataclass(frozen=True)
class State:
    """All that a run needs in order to go on after an epoch. The tensors are copies on the CPU.

    The random numbers need no state: each epoch draws its own, from the seed and the epoch's number.
    """

    history: tuple[Metrics, ...]  # of the finished epochs
    peak: float  # highest learning rate of the schedule: the recipe's, unless it was changed
    weights: dict[str, Tensor]  # that validation used: their average, where the recipe keeps one
    optimizer: dict[str, Tensor]  # "3.momentum_buffer": the parameter's number and the tensor's name
    trained: dict[str, Tensor] | None = None  # the weights themselves, where `weights` are an average
    way: str = "eager"  # how kernels were started; a run goes on in the way that it began with
    precision: str = "float32"


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch."""

    metrics: Metrics
    state: State | None = None  # None in an event that was read from a log


@dataclass(frozen=True)
class Finished:
    """The last event of a run that has trained all its epochs."""

    epochs: int = setting(range="[1, 1000]")
    validation_accuracy: float = setting(range="[0, 100]")  # of the last epoch, in percent
    best_accuracy: float = setting(range="[0, 100]")  # of the best epoch, in percent
    seconds: float = setting(range="[0, 1e12]")  # of all epochs

    @classmethod
    def of(cls, history: Sequence[Metrics]) -> Finished:
        """The last event of a run with these epochs, at least one."""
        return cls(
            epochs=len(history),
            validation_accuracy=history[-1].validation_accuracy,
            best_accuracy=max(past.validation_accuracy for past in history),
            seconds=sum(past.seconds for past in history),
        )


@dataclass(frozen=True)
class Diverged:
    """The last event of a run whose loss became infinite or not a number."""

    epoch: int = setting(range="[1, 1000]")
    batch: int = setting(range="[1, 1e9]")  # at which it was noticed
    loss: float = setting()  # mean over the epoch so far: nan or inf
    learning_rate: float = setting(range="[0, 1000]")


@dataclass(frozen=True)
class RateChanged:
    """The peak of the learning rate was changed while the run was in training."""

    value: float = setting(range="(0, 100]")  # the new peak, from the next batch on


@dataclass(frozen=True)
class Stopped:
    """The run was stopped; its finished epochs are kept."""

    epoch: int = setting(range="[0, 1000]")  # the last finished one; 0 if there is none


@dataclass(frozen=True)
class Failed:
    """The run ended with an error."""

    message: str  # one sentence for the person who started the run


TrainingEvent = Started | Progress | Epoch | Finished | Diverged
Event = TrainingEvent | RateChanged | Stopped | Failed
End = Finished | Diverged | Failed | Stopped

# The word for each kind of event in JSON.
WORDS: dict[type[Event], str] = {
    cls: "rate" if cls is RateChanged else cls.__name__.lower() for cls in get_args(Event)
}
KINDS = {word: cls for cls, word in WORDS.items()}
NEEDED: dict[type, set[str]] = {
    cls: {entry.name for entry in dataclasses.fields(cls) if entry.default is dataclasses.MISSING}
    for cls in (*WORDS, Metrics)
}


def to_json(event: Event) -> dict[str, Any]:
    """The event as a flat JSON object. The state of an Epoch is left out."""
    shown = event.metrics if isinstance(event, Epoch) else event
    return {"event": WORDS[type(event)]} | dataclasses.asdict(shown)


def from_json(data: Any) -> Event:
    """The event that `to_json` wrote. Raises ValueError for anything else."""
    word = data.get("event") if isinstance(data, dict) else None
    if not isinstance(word, str) or word not in KINDS:
        raise ValueError(f"{word!r} is no event")
    values = {key: value for key, value in data.items() if key != "event"}
    kind = KINDS[word]
    return Epoch(metrics_from_json(values)) if kind is Epoch else _checked(kind, values)


def metrics_from_json(data: Any) -> Metrics:
    """The figures of an epoch. Raises ValueError if one is missing, no number, or out of its range."""
    return _checked(Metrics, data)


def _checked(cls: type[T], data: Any) -> T:
    """The dataclass with these values. Raises ValueError unless each fits its field, and each is there that
    has no default: fields that a later version added."""
    known = field_types(cls)
    if not isinstance(data, dict) or not NEEDED[cls] <= data.keys() <= known.keys():
        raise ValueError(f"{cls.__name__} needs {', '.join(known)}")
    values = {
        name: check_field(cls, name, value)
        for name, value in data.items()
        if not (cls is Diverged and name == "loss" and isinstance(value, float))  # it is no number
    }
    return cls(**data | values)


class LogWriter:
    """Writes a run's events.jsonl. Each line can be read as soon as it is written; a log has one writer.

    The longer it writes, the less often it takes Progress, so that the log of a long run stays small:
    about POINTS lines while the time grows threefold.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError when the file cannot be written."""
        self._file = open_regular(path, "ab")
        # A last line that a killed writer left unfinished is cut off: the next would be joined to it.
        self._file.truncate(_end_of_lines(path))
        self._begun = self._told = time.monotonic()

    def write(self, event: Event) -> None:
        """Append an event. Raises OSError when it cannot be written; then no half of it is left."""
        if isinstance(event, Progress):
            now = time.monotonic()
            if now - self._told < (now - self._begun) / POINTS:
                return
            self._told = now
        line = memoryview(_line(event))
        end = self._file.seek(0, os.SEEK_END)
        try:
            while line:  # a disk that is almost full takes the part that fits
                line = line[self._file.write(line) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._file.truncate(end)
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _end_of_lines(path: Path) -> int:
    """Where the last whole line of a file ends."""
    with open_regular(path, "rb") as file:
        start = file.seek(0, os.SEEK_END)
        while start:
            size = min(start, 2**16)
            start -= size
            file.seek(start)
            if (at := file.read(size).rfind(b"\n")) >= 0:
                return start + at + 1
    return 0


def to_lines(events: Iterable[Event]) -> bytes:
    """The content of a log with these events."""
    return b"".join(map(_line, events))


def _line(event: Event) -> bytes:
    return json.dumps(to_json(event)).encode() + b"\n"


_PROGRESS = _line(Progress(1, 1, 0, 0, 0, 0)).split(b",")[0]  # how the line of one begins


@dataclass
class Log:
    """What the events of a run say so far. Progress and epochs go forward; what does not is left out."""

    started: Started | None = None  # the latest start
    progress: list[Progress] = field(default_factory=list)
    epochs: list[Metrics] = field(default_factory=list)
    peak: float | None = None  # peak of the learning rate that was set in training; None: the recipe's
    end: End | None = None  # None while it waits or trains, and after its worker was killed

    def take(self, event: Event) -> None:
        """Take the next event into account."""
        match event:
            case Started():
                # A resumed run goes on after its checkpoint: what was logged after that no longer counts.
                self.started, self.end, self.peak = event, None, None
                self.progress = [past for past in self.progress if past.epoch < event.first_epoch]
                self.epochs = [metrics for metrics in self.epochs if metrics.epoch < event.first_epoch]
            case Progress(epoch, batch):
                last = self.progress[-1] if self.progress else None
                if last is None or (last.epoch, last.batch) < (epoch, batch):
                    self.progress.append(event)
            case Epoch(metrics):
                if not self.epochs or self.epochs[-1].epoch < metrics.epoch:
                    self.epochs.append(metrics)
            case RateChanged(value):
                self.peak = value
            case Finished() | Diverged() | Stopped() | Failed():
                self.end = event


def read_log(path: Path, progress: bool = True) -> Log:
    """What a log says so far; an empty Log while there is no file. Without `progress`, which makes most
    of its lines, it is read about ten times as fast.

    A last line that is not yet complete is ignored, and so is a line that is no event, which a crash of
    the computer can leave. Of a file that is larger than ours get, its beginning and its end are read.
    """
    log = Log()
    try:
        lines = _lines(path)
    except FileNotFoundError:
        return log
    except OSError as error:
        return Log(end=Failed(f"The log of this run cannot be read: {error.strerror}."))
    looks = [i for i, line in enumerate(lines) if line.startswith(_PROGRESS)]
    others = sorted(set(range(len(lines))) - set(looks))
    if len(others) > OTHERS:
        others = others[: OTHERS // 4] + others[-(OTHERS - OTHERS // 4) :]
    # The last look is always among them: it says how far the run has come.
    looks = looks[:: len(looks) // POINTS + 1] + looks[-1:] if progress else []
    for i in sorted({*others, *looks}):
        with contextlib.suppress(ValueError):
            log.take(from_json(parse_json(lines[i])))
    return log


def _lines(path: Path) -> list[bytes]:
    """The whole lines of a log, or as many of its first and last ones as are to be read."""
    with open_regular(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        content = file.read(HEAD if size > MAX_BYTES else size)
        if size > MAX_BYTES:
            file.seek(HEAD - MAX_BYTES, os.SEEK_END)
            end = file.read(MAX_BYTES - HEAD)
            content = content[: content.rfind(b"\n") + 1] + end[end.find(b"\n") + 1 :]
    return [line for line in content[: content.rfind(b"\n") + 1].splitlines() if len(line) <= MAX_LINE]
