"""How long runs still take, and when those in line begin."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from s5core.events import Log
from s5core.speed import VALIDATION


def epochs_done(log: Log) -> float:
    """How many epochs of a run are trained, with the part of the present one."""
    done = float(len(log.epochs))
    if log.started is None or not log.progress:
        return done
    last = log.progress[-1]
    return max(done, last.epoch - 1 + last.batch / log.started.batches)


def epochs_left(log: Log, epochs: int) -> float:
    """How many epochs a run of so many has still to train."""
    return max(0.0, epochs - epochs_done(log))


def epoch_seconds(log: Log) -> float | None:
    """What an epoch takes at the speed that was measured last; None before the first batch."""
    if log.started is None or not log.progress:
        return None
    digits = log.started.train_digits + VALIDATION * log.started.validation_digits
    return digits / max(log.progress[-1].images_per_second, 1e-3)


def seconds_left(log: Log, epochs: int) -> float | None:
    """How long a run of so many epochs still takes at that speed; None before the first batch."""
    each = epoch_seconds(log)
    return None if each is None else each * epochs_left(log, epochs)


def start_times(left: Sequence[float], durations: Sequence[float], jobs: int) -> list[float]:
    """Seconds until each waiting run begins, the first in line first.

    `left`: seconds that the runs in training still take; `durations`: seconds that those in line will
    take; `jobs`: how many are in training at the same time.
    """
    free = sorted(left)[-jobs:]
    free = [0.0] * (jobs - len(free)) + free  # when each place is free; sorted, so that it is a heap
    begins = []
    for duration in durations:
        begins.append(free[0])
        heapq.heapreplace(free, free[0] + duration)
    return begins
