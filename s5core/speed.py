"""How long training takes: the cost of a network relative to another, and the seconds of a run.

A network of the exercise is small, so its multiply-adds hardly count. What takes the time of a training step
is the call of each layer; the places of its maps, since the processor works on up to sixteen maps at once,
whether a network has so many or not; the cells of all maps, which are read and written; and with large
networks the parameters, which every step changes. `python -m benchmarks.cost` measures these parts.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise

import torch

from s5core.data import Digits
from s5core.events import Progress
from s5core.layers import Layer
from s5core.recipe import Recipe
from s5core.steps import STEPS
from s5core.summary import Row, layer_table
from s5core.train import train

# Milliseconds for 128 digits on one thread. Only their proportions count.
PER_LAYER = 0.18
PER_THOUSAND_PLACES = 4.58  # of the layers that work on all maps of a place at once
PER_TEN_THOUSAND_CELLS = 0.21
PER_TEN_THOUSAND_DROPPED = 8.78  # cells of a dropout, which draws a random number for each
PER_MILLION_PARAMETERS = 88.11
BY_PLACE = "convolution", "norm", "pool"

VALIDATION = 0.35  # cost of reading a digit, as a share of training with it
REFERENCE = STEPS["step5_fast"]  # the network whose steps are timed
WARM_UP, TIMED = 4, 12  # training steps: those before, and those that count
HELPED = 1.0  # seconds before them where there is a helper, which takes a while to get ready


def cost(layers: Sequence[Layer]) -> float:
    """The time that a network takes to train with one digit, in units that compare networks.
    Raises NetworkError for impossible layers."""
    return sum(map(cost_of_layer, layer_table(layers, every=True)))


def cost_of_layer(row: Row) -> float:
    """The part of one layer in `cost`."""
    prices = (
        PER_LAYER,
        PER_THOUSAND_PLACES,
        PER_TEN_THOUSAND_CELLS,
        PER_TEN_THOUSAND_DROPPED,
        PER_MILLION_PARAMETERS,
    )
    return sum(price * amount for price, amount in zip(prices, amounts(row), strict=True))


def amounts(row: Row) -> tuple[float, float, float, float, float]:
    """What the cost of a layer is made of: layers, thousands of places of a map, ten thousands of cells
    of all maps, or of those that a dropout draws numbers for, and millions of parameters."""
    channels, height, width = row.output_shape
    places = height * width / 1e3 if row.layer.role in BY_PLACE else 0.0
    cells = channels * height * width / 1e4
    dropped = row.layer.role == "dropout"
    return 1.0, places, 0.0 if dropped else cells, cells if dropped else 0.0, row.parameters / 1e6


def measure(digits: Digits) -> float:
    """Seconds that training takes here for one digit and one unit of `cost`, with the number of
    threads in use. It takes a second or two."""
    step = fastest_step(REFERENCE.layers, REFERENCE.recipe, digits)
    return step / REFERENCE.recipe.batch_size / cost(REFERENCE.layers)


def fastest_step(layers: Sequence[Layer], recipe: Recipe, digits: Digits) -> float:
    """Seconds of a training step on the CPU. The fastest of some counts: whatever else runs at the
    moment can only slow a step down."""
    recipe = recipe.replace(device="cpu", epochs=1000)  # more than are ever trained
    events = train(layers, recipe, digits, interval=0)
    next(events)
    start = time.perf_counter() + (HELPED if torch.get_num_threads() > 1 else 0.0)
    times: list[float] = []
    for event in events:
        now = time.perf_counter()
        if isinstance(event, Progress) and now > start:
            times.append(now)
        if len(times) > WARM_UP + TIMED:
            break
    events.close()
    return min(later - earlier for earlier, later in pairwise(times[WARM_UP:]))


def expected_seconds(
    layers: Sequence[Layer], recipe: Recipe, train_digits: int, validation_digits: int, unit: float
) -> float:
    """How long a whole run will take. `unit`: what `measure` found."""
    digits = train_digits + VALIDATION * validation_digits
    whole = digits * cost(layers)
    if recipe.teacher in STEPS:  # it reads the digits that are trained with
        whole += VALIDATION * train_digits * cost(STEPS[recipe.teacher].layers)
    return recipe.epochs * whole * unit
