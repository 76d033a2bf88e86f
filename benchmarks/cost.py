"""Measure what a training step costs by network, and fit the formula of `s5core/speed.py` to it.

    python -m benchmarks.cost

times single training steps of the steps, of some other networks and of thirty that are put together at
random, all on one thread. It fits the parts of the cost, and writes `benchmarks/results/cost.json`:
milliseconds for 128 digits, what the formula says, and what it says of each network when it is fitted to the
others. A machine that others use, too, is faster in one minute than in the next: so step 5 is timed before
and after each network, the proportion counts, and of several rounds its median. Even so nothing else should
be running. It takes six minutes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.files import write
from benchmarks.search import stack
from s5core import data, notation, speed
from s5core.data import Digits
from s5core.layers import (
    BatchNorm,
    Conv,
    Crop,
    Dropout,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Network,
    NetworkError,
    ReLU,
    SiLU,
    check,
)
from s5core.recipe import Recipe
from s5core.steps import STEPS
from s5core.summary import layer_table

BATCH = 128
ROUNDS = 7
AT_RANDOM = 30
YARDSTICK = "step5"
LARGE = "base"  # is fitted, too: it alone has enough parameters to show what they cost
OTHERS = {
    "c24 8 pool 16p 16 pool 32p": "SiLU",
    "8 16 pool d32p d32 d32 pool d48p": "SiLU",
    "8 12 pool 16 16 pool 24p": "ReLU",
    "16k5s2 16 pool 32p": "ReLU",
    "8 8 pool d16p d16 d20 pool d24p": "SiLU",
    "6 10 pool 12 12 16 pool 16p": "ReLU",
    "16 16 pool 32 32 pool 48p": "SiLU",
    "12 12 12 pool 12 12": "SiLU",
}


def networks() -> dict[str, tuple[Network, Recipe]]:
    """The networks whose steps are timed, and their recipes."""
    strong = STEPS["step5"].recipe
    found = {name: (step.layers, step.recipe) for name, step in STEPS.items()}
    found |= {name: (stack(name, False, kind), strong) for name, kind in OTHERS.items()}
    generator = np.random.default_rng(0)
    while len(found) < len(STEPS) + len(OTHERS) + AT_RANDOM:
        layers = draw_network(generator)
        try:
            check(layers)
        except NetworkError:  # its maps have become too small
            continue
        dropout = 0.05 * any(layer.role == "dropout" for layer in layers)
        found[notation.write(layers)] = layers, strong.replace(dropout=dropout)
    return found


def draw_network(generator: Generator) -> Network:
    """A network as a learner may put it together; it need not be possible."""
    activation = (ReLU(), SiLU())[generator.integers(2)]
    around: list[Layer] = [BatchNorm()] * (generator.random() < 0.8)
    after: list[Layer] = [Dropout()] * (generator.random() < 0.15)
    layers: list[Layer] = [Crop(24)] * (generator.random() < 0.3)
    width = 1

    def add(*convolutions: Conv) -> None:
        nonlocal width
        layers.extend([*convolutions, *around, activation, *after])
        width = convolutions[-1].channels

    def some(*choices: int) -> int:
        return int(generator.choice(choices))

    kernel, stride = some(3, 3, 3, 5), some(1, 1, 1, 2)
    add(Conv(some(4, 6, 8, 10, 12, 16), kernel=kernel, stride=stride, padding=some(0, kernel // 2)))
    for widths in ((8, 10, 12), (12, 16, 20, 24, 32)):
        for _ in range(some(0, 1, 2)):
            if generator.random() < 0.3:
                add(Conv(width, padding=1, groups=width), Conv(some(*widths), kernel=1))
            else:
                add(Conv(some(*widths), padding=some(0, 1)))
        layers.append(MaxPool(2))
    add(Conv(some(16, 24, 32, 40), padding=1))
    return (*layers, GlobalAvgPool(), Conv(10, kernel=1))


def amounts(layers: Network) -> list[float]:
    """What the cost of a network is made of, see `speed.amounts`."""
    parts = [speed.amounts(row) for row in layer_table(layers, every=True)]
    return [sum(column) for column in zip(*parts, strict=True)]


def measure(chosen: dict[str, tuple[Network, Recipe]]) -> NDArray[np.floating]:
    """Milliseconds that a step of each network takes: its proportion to the yardstick, which is timed
    before and after it, times the fastest step of the yardstick."""
    digits, yardstick = data.practice_set(), STEPS[YARDSTICK]
    steps = np.full((ROUNDS, len(chosen)), np.nan)
    yard = np.empty((ROUNDS, len(chosen) + 1))
    for number in range(ROUNDS):
        yard[number, 0] = milliseconds(yardstick.layers, yardstick.recipe, digits)
        for i, (name, (layers, recipe)) in enumerate(chosen.items()):
            if name != LARGE or not number:
                steps[number, i] = milliseconds(layers, recipe, digits)
            yard[number, i + 1] = milliseconds(yardstick.layers, yardstick.recipe, digits)
    found: NDArray[np.floating] = np.nanmedian(2 * steps / (yard[:, :-1] + yard[:, 1:]), 0) * yard.min()
    return found


def milliseconds(layers: Network, recipe: Recipe, digits: Digits) -> float:
    """The fastest of a few training steps."""
    recipe = recipe.replace(batch_size=BATCH, way="eager")
    return 1000 * speed.fastest_step(layers, recipe, digits)


def fit(made_of: NDArray[np.floating], measured: NDArray[np.floating]) -> NDArray[np.floating]:
    """The coefficients with the least sum of squared relative errors."""
    weights = 1 / measured
    found: NDArray[np.floating] = np.linalg.lstsq(made_of * weights[:, None], measured * weights)[0]
    return found


def main() -> None:
    """Measure, fit and write."""
    torch.set_num_threads(1)
    chosen = networks()
    measured = measure(chosen)
    made_of = np.array([amounts(layers) for layers, _ in chosen.values()])
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(chosen):
        if name == LARGE:
            continue
        others = np.arange(len(measured)) != i
        foretold = float(made_of[i] @ fit(made_of[others], measured[others]))
        rows.append(
            {
                "network": name,
                "milliseconds": round(float(measured[i]), 2),
                "fitted to the others": round(foretold, 2),
                "error": round(100 * (foretold / float(measured[i]) - 1), 1),
            }
        )
        print(rows[-1], flush=True)
    names = (
        "PER_LAYER",
        "PER_THOUSAND_PLACES",
        "PER_TEN_THOUSAND_CELLS",
        "PER_TEN_THOUSAND_DROPPED",
        "PER_MILLION_PARAMETERS",
    )
    coefficients = dict(zip(names, fit(made_of, measured).round(2).tolist(), strict=True))
    errors = np.abs([row["error"] for row in rows])
    within = round(100 * float((errors < 25).mean()), 1)
    print(coefficients, f"{within} % of the networks within 25 %, largest error {errors.max()} %")
    write("cost", {"coefficients": coefficients, "within_25": within, "networks": rows})


if __name__ == "__main__":
    main()
