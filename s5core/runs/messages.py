"""What the queue and a worker tell each other: the queue sends orders, the worker sends answers.

Through a pipe each goes as a line of JSON: {"message": "Train", "run": "/…/runs/ID", "threads": 2}
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, get_args


@dataclass(frozen=True)
class Train:
    """Train a run, or go on with it after its last finished epoch."""

    run: str  # path of its folder
    threads: int  # of the CPU, at least 1


@dataclass(frozen=True)
class Threads:
    """Use this many threads from now on: another run has begun or ended."""

    number: int  # at least 1


@dataclass(frozen=True)
class Rate:
    """Use this peak learning rate in the run that is in training, from its next batch on."""

    peak: float


@dataclass(frozen=True)
class Stop:
    """End the run that is in training; its finished epochs are kept."""


@dataclass(frozen=True)
class Quit:
    """End the run that is in training as `Stop` does, and take no more orders."""


@dataclass(frozen=True)
class Begin:
    """Be a worker: the first order to each of the workers that share a process."""


@dataclass(frozen=True)
class Ready:
    """The worker has loaded torch and the digits, so that it can begin a run at once."""

    unit: float | None = None  # seconds, as `speed.measure` finds them; None: not measured


@dataclass(frozen=True)
class Done:
    """The worker is free for another run. How the last one ended is in that run's log."""

    trouble: str = ""  # why it failed, in a sentence: the log may be what cannot be written


@dataclass(frozen=True)
class Ended:
    """The worker is gone: it was told to quit, or it broke down. This is always the last answer."""

    trouble: str = ""  # why it broke down, in a sentence


@dataclass(frozen=True)
class Room:
    """The machines of the workers have changed. Whichever worker tells it, it holds for all."""

    jobs: int  # runs that can be in training at the same time, at least 1


Order = Begin | Train | Threads | Rate | Stop | Quit
Answer = Ready | Done | Ended | Room

KINDS = {kind.__name__: kind for kind in get_args(Order | Answer)}


def to_line(message: Order | Answer) -> str:
    """The message as a line of JSON, with its line break."""
    return json.dumps({"message": type(message).__name__} | dataclasses.asdict(message)) + "\n"


def from_line(line: str) -> Any:
    """The order or answer that `to_line` wrote."""
    values = json.loads(line)
    return KINDS[values.pop("message")](**values)
