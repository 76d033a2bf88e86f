"""What a run has reached so far, read from its log once for each change of the log."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from s5core.events import Diverged, Failed, Finished, Log, Metrics, Stopped, read_log
from s5core.files import Version, file_version
from s5core.runs.folder import Run

State = Literal[
    "finished", "stopped", "interrupted", "diverged", "failed", "not started", "opened from a file"
]  # of a run that no worker has
OVER: tuple[State, ...] = ("finished", "diverged")  # of a run that cannot go on


@dataclass(frozen=True)
class Outcome:
    """The figures of a run after its last finished epoch."""

    state: State
    accuracy: float | None = None  # on the validation digits, in percent; None before the first epoch ends
    errors: int | None = None  # validation digits with a wrong answer
    seconds: float = 0.0  # of all finished epochs
    data: str = ""  # name of the digits; empty before it has started, and where it was not trained here
    digits: int = 0  # that it validates on; 0 like data
    rate_changed: bool = False  # whether somebody has set another learning rate in training


def of(run: Run) -> Outcome:
    """The outcome of a run. Its state does not say whether a worker has the run: the queue knows."""
    return _look(run)[0]


def history(run: Run) -> list[Metrics]:
    """The figures of a run's finished epochs. Everybody shares the list: only read it."""
    return _look(run)[1]


def version(run: Run) -> Version | None:
    """What changes whenever the log of a run does; None while there is none."""
    return file_version(run.events_path)


def _look(run: Run) -> tuple[Outcome, list[Metrics]]:
    found = version(run)
    return (Outcome("not started"), []) if found is None else _read(run.events_path, found)


@lru_cache(maxsize=2**14)
def _read(path: Path, version: Version) -> tuple[Outcome, list[Metrics]]:
    log = read_log(path, progress=False)
    last = log.epochs[-1] if log.epochs else None
    outcome = Outcome(
        state=_state(log),
        accuracy=last.validation_accuracy if last else None,
        errors=last.validation_errors if last else None,
        seconds=sum(metrics.seconds for metrics in log.epochs),
        data=log.started.data if log.started else "",
        digits=log.started.validation_digits if log.started else 0,
        rate_changed=log.peak is not None,
    )
    return outcome, log.epochs


def _state(log: Log) -> State:
    if log.started is None and log.epochs:
        return "opened from a file"  # it has epochs, but none of them was trained here
    match log.end:
        case Finished():
            return "finished"
        case Stopped():
            return "stopped"
        case Diverged():
            return "diverged"
        case Failed():
            return "failed"
    return "not started" if log.started is None else "interrupted"
