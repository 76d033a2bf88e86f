"""What a run tells as it goes: its events, their JSON, and the log that keeps them, an event a line.

`train` yields the events of the training loop; `RateChanged`, `Stopped` and `Failed` come from whoever
trains a run for somebody else, such as the worker. Nothing else carries progress: the shell prints
events, the worker writes them to `events.jsonl`, and a page reads that file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar, get_args, get_type_hints

from torch import Tensor

from s5core.layers import CLASSES

T = TypeVar("T")

LARGEST = 1e15  # no figure of a run comes near it; the bound refuses infinity and NaN as well


@dataclass(frozen=True)
class Started:
    """The first event of a run, and of each time that it is resumed."""

    device: str  # its own name, such as "NVIDIA T4"
    data: str  # name of the digits
    train_digits: int
    validation_digits: int
    parameters: int
    epochs: int  # of the whole run
    batches: int  # an epoch
    first_epoch: int  # 1, or the one with which a resumed run goes on


@dataclass(frozen=True)
class Batch:
    """One step of the optimiser."""

    epoch: int  # from 1
    batch: int  # from 1
    loss: float  # of this batch, before the step
    accuracy: float  # of the epoch so far, on augmented digits, in percent
    learning_rate: float
    images_per_second: float  # of the epoch so far


@dataclass(frozen=True)
class Metrics:
    """The figures of one epoch: a pass over the training digits, then over the validation digits."""

    epoch: int  # from 1
    train_loss: float  # mean over the epoch, while the weights changed, on augmented digits
    train_accuracy: float  # likewise, in percent
    validation_loss: float
    validation_accuracy: float  # in percent
    validation_errors: int  # digits read wrong
    learning_rate: float  # of the last batch
    seconds: float  # training and validation

    @property
    def guesses(self) -> bool:
        """Whether the network gives all digits the same answer: the loss is that of ten equal
        chances."""
        return abs(self.validation_loss - math.log(CLASSES)) < 0.01


@dataclass(frozen=True)
class State:
    """All that a run needs to go on after an epoch. The tensors are copies on the CPU.

    Random numbers need no state: each epoch draws its own from the seed and its number.
    """

    history: tuple[Metrics, ...]  # of the finished epochs
    peak: float  # learning rate at the top of the schedule: the recipe's, unless it was changed
    weights: dict[str, Tensor]  # those that validation used: the average, where the recipe keeps one
    optimizer: dict[str, Tensor]  # "3.momentum_buffer": the parameter's number and the tensor's name
    trained: dict[str, Tensor] | None = None  # the weights from which the average is made


@dataclass(frozen=True)
class Epoch:
    """The end of an epoch."""

    metrics: Metrics
    state: State | None = None  # None in an event that was read from a log


@dataclass(frozen=True)
class Finished:
    """The last event of a run that came to its end."""

    epochs: int
    validation_accuracy: float  # of the last epoch, in percent
    best_accuracy: float  # of the best epoch, in percent
    seconds: float  # of all epochs

    @classmethod
    def of(cls, history: Sequence[Metrics]) -> Finished:
        """The end of a run with these epochs, at least one."""
        return cls(
            epochs=len(history),
            validation_accuracy=history[-1].validation_accuracy,
            best_accuracy=max(past.validation_accuracy for past in history),
            seconds=sum(past.seconds for past in history),
        )


@dataclass(frozen=True)
class Diverged:
    """The last event of a run whose loss became infinite or no number at all."""

    epoch: int
    batch: int
    loss: float  # nan or inf
    learning_rate: float


@dataclass(frozen=True)
class RateChanged:
    """The peak of the learning rate was changed while the run was training."""

    value: float  # the new peak, from the next batch on


@dataclass(frozen=True)
class Stopped:
    """The run was stopped; its finished epochs are kept."""

    epoch: int  # the last finished one, 0 where there is none


@dataclass(frozen=True)
class Failed:
    """The run ended by an error."""

    message: str  # one sentence for the person who started the run


TrainingEvent = Started | Batch | Epoch | Finished | Diverged
Event = TrainingEvent | RateChanged | Stopped | Failed
End = Finished | Diverged | Failed | Stopped

# The word for each kind of event in JSON.
WORDS: dict[type[Event], str] = {
    cls: "rate" if cls is RateChanged else cls.__name__.lower() for cls in get_args(Event)
}
KINDS = {word: cls for cls, word in WORDS.items()}
TYPES: dict[type, dict[str, type]] = {cls: get_type_hints(cls) for cls in (*WORDS, Metrics)}


def to_json(event: Event) -> dict[str, Any]:
    """The event as one flat JSON object; an Epoch leaves its state out."""
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
    """The figures of an epoch. Raises ValueError unless all of them are there and are finite numbers."""
    return _checked(Metrics, data)


def _checked(cls: type[T], data: Any) -> T:
    """The dataclass with these values. Raises ValueError for a missing, unknown or mistyped one."""
    types = TYPES[cls]
    if not isinstance(data, dict) or data.keys() != types.keys():
        raise ValueError(f"{cls.__name__} needs {', '.join(types)}")
    for name, wanted in types.items():
        value = data[name]
        fits = type(value) in ((int, float) if wanted is float else (wanted,))
        if fits and wanted is not str and (cls, name) != (Diverged, "loss"):
            fits = abs(value) <= LARGEST
        if not fits:
            raise ValueError(f"{name} of {cls.__name__} is no {wanted.__name__} in range")
    return cls(**data)


class LogWriter:
    """The one writer of a run's events.jsonl: whole lines, each visible at once."""

    def __init__(self, path: Path) -> None:
        """Raises OSError when the file cannot be written."""
        self._file: IO[bytes] = open(path, "ab")  # noqa: SIM115 (closed by `close`)
        self._drop_half_a_line(path)

    def _drop_half_a_line(self, path: Path) -> None:
        """Cut off a last line that a killed writer left unfinished, or the next one would join it."""
        content = path.read_bytes()
        self._file.truncate(content.rfind(b"\n") + 1)

    def write(self, event: Event) -> None:
        """Append an event."""
        self._file.write(_line(event))
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> LogWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def to_lines(events: Iterable[Event]) -> bytes:
    """The content of a log with these events."""
    return b"".join(map(_line, events))


def _line(event: Event) -> bytes:
    return json.dumps(to_json(event)).encode() + b"\n"


@dataclass
class Log:
    """What the events of a run say, as far as they are written."""

    started: Started | None = None  # the latest start
    batches: list[Batch] = field(default_factory=list)  # a few a second, not every one
    epochs: list[Metrics] = field(default_factory=list)
    peak: float | None = None  # learning rate that was set while it ran; None: the recipe's
    end: End | None = None  # None: waiting, running or cut off

    def take(self, event: Event) -> None:
        """Add what the next event says."""
        match event:
            case Started():
                # A resumed run goes on after its checkpoint: later events of the run before are void.
                self.started, self.end, self.peak = event, None, None
                self.batches = [batch for batch in self.batches if batch.epoch < event.first_epoch]
                self.epochs = [metrics for metrics in self.epochs if metrics.epoch < event.first_epoch]
            case Batch():
                self.batches.append(event)
            case Epoch(metrics):
                self.epochs.append(metrics)
            case RateChanged(value):
                self.peak = value
            case Finished() | Diverged() | Stopped() | Failed():
                self.end = event


def read_log(path: Path) -> Log:
    """What a log says so far; an empty one where there is no file yet.

    A line that is still being written is left for the next look. A line that is no event, as after
    a crash of the machine, is passed over.
    """
    log = Log()
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return log
    for line in content[: content.rfind(b"\n") + 1].splitlines():
        with contextlib.suppress(ValueError, RecursionError):
            log.take(from_json(json.loads(line)))
    return log
