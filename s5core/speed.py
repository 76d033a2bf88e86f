"""How long training takes: the cost of a network relative to another, and the seconds of a run.

A training step has a part that every network pays (data, augmentation, the calls of the layers), a part
that grows with the multiply-adds, and one that grows with the cells of all feature maps, which batch
norm, activation and pooling read and write. `python -m benchmarks.cost` measures the three.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import torch

from s5core import halves
from s5core.data import Digits
from s5core.events import Progress
from s5core.layers import Layer
from s5core.recipe import Recipe
from s5core.steps import STEPS
from s5core.summary import Row, layer_table
from s5core.train import train

# Milliseconds for 128 digits on one thread. Only their proportions count.
FIXED = 8.2
PER_MILLION_MULTIPLY_ADDS = 5.2
PER_TEN_THOUSAND_CELLS = 3.5

VALIDATION = 0.35  # cost of reading a digit, as a share of training with it
REFERENCE = STEPS["step5_fast"]  # the network whose steps are timed
WARM_UP, TIMED = 4, 12  # training steps: those before, and those that count


def cost(layers: Sequence[Layer]) -> float:
    """The time that a network takes to train with one digit, in units that compare networks.
    Raises NetworkError for impossible layers."""
    return FIXED + sum(map(cost_of_layer, layer_table(layers, every=True)))


def cost_of_layer(row: Row) -> float:
    """What one layer adds to `cost`."""
    cells = row.activation_bytes / 4
    return PER_MILLION_MULTIPLY_ADDS * row.multiply_adds / 1e6 + PER_TEN_THOUSAND_CELLS * cells / 1e4


def measure(digits: Digits) -> float:
    """Seconds that training takes here for one digit and one unit of `cost`, with the number of
    threads in use. It takes some tenths of a second. The fastest step counts: whatever else runs at the
    moment can only slow a step down."""
    events = train(REFERENCE.layers, REFERENCE.recipe.replace(device="cpu"), digits, interval=0)
    next(events)
    times = []
    for event in events:
        if isinstance(event, Progress):
            times.append(time.perf_counter())
        if len(times) > WARM_UP + TIMED:
            break
    events.close()
    steps = [later - earlier for earlier, later in zip(times[WARM_UP:], times[WARM_UP + 1 :], strict=False)]
    return min(steps) / REFERENCE.recipe.batch_size / cost(REFERENCE.layers)


def choose_threads(digits: Digits, most: int) -> tuple[int, float]:
    """How many threads train fastest here, one or `most`, and what `measure` finds with them. More
    threads than one must gain a tenth: they take cores from the server and the browser."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = measure(digits)
        if most == 1:
            return 1, one
        torch.set_num_threads(most)
        with contextlib.suppress(OSError):  # where no process can be started, a run does without
            halves.prepare().finish()
        many = measure(digits)
    finally:
        torch.set_num_threads(before)
    return (most, many) if many < 0.9 * one else (1, one)


def expected_seconds(
    layers: Sequence[Layer], recipe: Recipe, train_digits: int, validation_digits: int, unit: float
) -> float:
    """How long a whole run will take. `unit`: what `measure` found."""
    digits = train_digits + VALIDATION * validation_digits
    return recipe.epochs * digits * cost(layers) * unit
