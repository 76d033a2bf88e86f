"""Learning-rate schedules: pure functions that give the fraction of the peak rate.

A schedule is one function here and one entry in `SCHEDULES`. Its parameters say what it depends on:

    progress    the fraction of the run's batches that are done, in [0, 1): 0 at the first batch
    losses      the validation loss of each finished epoch
    others      fields of the recipe, by their names; `epochs` is the length of the run

The controls of the page Train and the options of the command line follow from the names.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

Anneal = Literal["linear", "cosine"]


def constant() -> float:
    """The peak rate throughout."""
    return 1.0


def step(progress: float, epochs: int, every: int, decay: float) -> float:
    """Times `decay` after each `every` epochs (torch's StepLR)."""
    # A product such as 1/3 * 3 may come out just under the whole epoch it stands for.
    epoch = math.floor(progress * epochs + 1e-9)
    return float(decay ** (epoch // every))


def exponential(progress: float, epochs: int, decay: float) -> float:
    """Times `decay` for each epoch, a little at every batch (torch's ExponentialLR)."""
    return float(decay ** (progress * epochs))


def cosine(progress: float, final: float) -> float:
    """Half a cosine from 1 to `final` (torch's CosineAnnealingLR; arXiv:1608.03983)."""
    return final + (1 - final) * (1 + math.cos(math.pi * progress)) / 2


def one_cycle(progress: float, warmup: float, start: float, final: float, anneal: Anneal) -> float:
    """From `start` up to 1 over the first `warmup` of the run, then down to `final`
    (torch's OneCycleLR; arXiv:1708.07120)."""
    if progress < warmup:
        begin, end, part = start, 1.0, progress / warmup
    else:
        begin, end, part = 1.0, final, (progress - warmup) / (1 - warmup)
    if anneal == "cosine":
        part = (1 - math.cos(math.pi * part)) / 2
    return begin + (end - begin) * part


def plateau(losses: Sequence[float], patience: int, decay: float) -> float:
    """Times `decay` whenever the loss of more than `patience` epochs in a row was not at least
    0.01 % better than the best (torch's ReduceLROnPlateau)."""
    factor, best, bad = 1.0, math.inf, 0
    for loss in losses:
        if loss < best * (1 - 1e-4):
            best, bad = loss, 0
        else:
            bad += 1
        if bad > patience:
            factor, bad = factor * decay, 0
    return factor


SCHEDULES: dict[str, Callable[..., float]] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "cosine": cosine,
    "one-cycle": one_cycle,
    "plateau": plateau,
}


@cache
def parameters(name: str) -> tuple[str, ...]:
    """What a schedule depends on: the names of its function's parameters."""
    return tuple(inspect.signature(SCHEDULES[name]).parameters)
