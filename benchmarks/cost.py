"""Measure what a training step costs by network, and fit the formula of `s5core/speed.py` to it.

    python -m benchmarks.cost

times single training steps of the shipped steps and of some other networks on one thread, fits the three
parts of the cost, and writes `benchmarks/results/cost.json`: milliseconds for 128 digits, what the formula
says, and what it says of each network when it is fitted to the others. Nothing else should be running.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.files import write
from benchmarks.search import stack
from s5core import data, speed
from s5core.data import Digits
from s5core.events import Progress
from s5core.layers import Network
from s5core.recipe import Recipe
from s5core.steps import STEPS
from s5core.summary import layer_table
from s5core.train import train

BATCH = 128
STEPS_TIMED = 15
OTHERS = {
    "8 16 pool d32p d32 d32 pool d48p": "SiLU",
    "8 12 pool 16 16 pool 24p": "ReLU",
    "16k5s2 16 pool 32p": "ReLU",
    "8 8 pool d16p d16 d20 pool d24p": "SiLU",
    "6 10 pool 12 12 16 pool 16p": "ReLU",
    "16 16 pool 32 32 pool 48p": "SiLU",
    "12 12 12 pool 12 12": "SiLU",
}


def networks() -> dict[str, tuple[Network, Recipe]]:
    """The networks whose steps are timed, and their recipes; the base net is too large for the fit."""
    strong = STEPS["step5"].recipe
    found = {name: (step.layers, step.recipe) for name, step in STEPS.items() if name != "base"}
    return found | {name: (stack(name, False, kind), strong) for name, kind in OTHERS.items()}


def parts(layers: Network) -> list[float]:
    """What the cost is made of: the fixed part, millions of multiply-adds, ten thousands of cells."""
    rows = layer_table(layers, every=True)
    cells = sum(row.activation_bytes for row in rows) / 4
    return [1, sum(row.multiply_adds for row in rows) / 1e6, cells / 1e4]


def milliseconds(layers: Network, recipe: Recipe, digits: Digits) -> float:
    """The median time of a training step."""
    events = train(layers, recipe.replace(batch_size=BATCH, device="cpu"), digits, interval=0)
    times = []
    for event in events:
        if isinstance(event, Progress):
            times.append(time.perf_counter())
        if len(times) > STEPS_TIMED + speed.WARM_UP:
            break
    steps = np.diff(times[speed.WARM_UP :])
    return 1000 * statistics.median(steps.tolist())


def fit(made_of: NDArray[np.floating], measured: NDArray[np.floating]) -> NDArray[np.floating]:
    """The three coefficients with the least sum of squared relative errors."""
    weights = 1 / measured
    found: NDArray[np.floating] = np.linalg.lstsq(made_of * weights[:, None], measured * weights)[0]
    return found


def main() -> None:
    """Measure, fit and write."""
    torch.set_num_threads(1)
    digits = data.practice_set()
    chosen = networks()
    measured = np.array([milliseconds(layers, recipe, digits) for layers, recipe in chosen.values()])
    made_of = np.array([parts(layers) for layers, _ in chosen.values()])
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(chosen):
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
    names = ("FIXED", "PER_MILLION_MULTIPLY_ADDS", "PER_TEN_THOUSAND_CELLS")
    coefficients = dict(zip(names, fit(made_of, measured).round(2).tolist(), strict=True))
    print(coefficients)
    write("cost", {"coefficients": coefficients, "networks": rows})


if __name__ == "__main__":
    main()
