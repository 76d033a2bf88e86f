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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

from torch import Tensor

from s5core.files import open_regular
from s5core.layers import CLASSES

T = TypeVar("T")

LARGEST = 1e15  # far above any figure of a run; the bound refuses infinity and NaN, too


@dataclass(frozen=True)
class Started:
    """The first event of a run, and of each time that it is resumed."""

    device: str  # its product name, such as "NVIDIA T4"
    data: str  # name of the digits
    train_digits: int
    validation_digits: int
    parameters: int
    epochs: int  # of the whole run
    batches: int  # in an epoch
    first_epoch: int  # 1 in a new run; in a resumed run, the first epoch that is still to do
    way: str = "eager"  # how kernels are started (see `ways`)
    precision: str = "float32"  # of convolutions


@dataclass(frozen=True)
class Progress:
    """How an epoch is going, told a few times a second."""

    epoch: int  # from 1
    batch: int  # the last one that is done, from 1
    loss: float  # mean over the epoch so far, on augmented digits, while the weights change
    accuracy: float  # over the same digits, in percent
    learning_rate: float  # of the last batch
    images_per_second: float  # of the epoch so far


@dataclass(frozen=True)
class Metrics:
    """The figures of one epoch: a pass over the training digits, then over the validation digits."""

    epoch: int  # from 1
    train_loss: float  # mean over the epoch, on augmented digits, while the weights changed
    train_accuracy: float  # over the same digits, in percent
    validation_loss: float
    validation_accuracy: float  # in percent
    validation_errors: int  # digits with a wrong answer
    learning_rate: float  # of the last batch
    seconds: float  # training and validation

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

    epochs: int
    validation_accuracy: float  # of the last epoch, in percent
    best_accuracy: float  # of the best epoch, in percent
    seconds: float  # of all epochs

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

    epoch: int
    batch: int  # at which it was noticed
    loss: float  # mean over the epoch so far: nan or inf
    learning_rate: float


@dataclass(frozen=True)
class RateChanged:
    """The peak of the learning rate was changed while the run was in training."""

    value: float  # the new peak, from the next batch on


@dataclass(frozen=True)
class Stopped:
    """The run was stopped; its finished epochs are kept."""

    epoch: int  # the last finished one; 0 if there is none


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
TYPES: dict[type, dict[str, type]] = {cls: get_type_hints(cls) for cls in (*WORDS, Metrics)}

NEEDED = {
    cls: {entry.name for entry in dataclasses.fields(cls) if entry.default is dataclasses.MISSING}
    for cls in TYPES
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
    """The figures of an epoch. Raises ValueError if one is missing or is not a finite number."""
    return _checked(Metrics, data)


def _checked(cls: type[T], data: Any) -> T:
    """The dataclass with these values. Raises ValueError unless each has its type, and each is there that
    has no default: fields that a later version added."""
    types = TYPES[cls]
    if not isinstance(data, dict) or not NEEDED[cls] <= data.keys() <= types.keys():
        raise ValueError(f"{cls.__name__} needs {', '.join(types)}")
    for name, value in data.items():
        wanted = types[name]
        fits = type(value) in ((int, float) if wanted is float else (wanted,))
        if fits and wanted is not str and (cls, name) != (Diverged, "loss"):
            fits = abs(value) <= LARGEST
        if not fits:
            raise ValueError(f"{name} of {cls.__name__} is no {wanted.__name__} in range")
    return cls(**data)


class LogWriter:
    """Writes a run's events.jsonl. Each line can be read as soon as it is written; a log has one writer."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when the file cannot be written."""
        self._file = open_regular(path, "ab")
        # A last line that a killed writer left unfinished is cut off: the next would be joined to it.
        self._file.truncate(_end_of_lines(path))

    def write(self, event: Event) -> None:
        """Append an event. Raises OSError when it cannot be written; then no half of it is left."""
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
    """What the events of a run say so far."""

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
            case Progress():
                self.progress.append(event)
            case Epoch(metrics):
                self.epochs.append(metrics)
            case RateChanged(value):
                self.peak = value
            case Finished() | Diverged() | Stopped() | Failed():
                self.end = event


def read_log(path: Path, progress: bool = True) -> Log:
    """What a log says so far; an empty Log while there is no file. Without `progress`, which makes most
    of its lines, it is read about ten times as fast.

    A last line that is not yet complete is ignored, and so is a line that is no event, which a crash of
    the computer can leave.
    """
    log = Log()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return log
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        if not progress and line.startswith(_PROGRESS):
            continue
        with contextlib.suppress(ValueError, RecursionError):
            log.take(from_json(json.loads(line)))
    return log
