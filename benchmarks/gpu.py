"""Measure whole runs on a GPU: the fast step and step 5, validation included.

    python -m benchmarks.gpu [--rounds 3]

trains each with seeds 0, 1, … and writes `benchmarks/results/gpu.json`: for each way and precision the
seconds of every run, the accuracy of its last epoch in percent, and the seconds of the first run of the
process, which also loads CUDA's libraries. Needs an NVIDIA GPU, and MNIST: set $S5_DATA_DIR.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import torch

from benchmarks import files
from s5core.device import choose
from s5core.events import Finished
from s5core.recipe import Recipe
from s5core.steps import STEPS
from s5core.train import train

RUNS = (
    ("step5_fast", "graph", "bfloat16"),
    ("step5_fast", "graph", "float32"),
    ("step5_fast", "eager", "bfloat16"),
    ("step5", "graph", "bfloat16"),
    ("step5", "graph", "float32"),
)


def measure(name: str, recipe: Recipe, rounds: int) -> dict[str, Any]:
    """Train a step with each seed, after a run that does not count."""
    digits = files.mnist()
    seconds, accuracies = [], []
    for seed in range(-1, rounds):
        began = time.perf_counter()
        *_, end = train(STEPS[name].layers, recipe.replace(seed=max(0, seed)), digits)
        assert isinstance(end, Finished)
        seconds.append(round(time.perf_counter() - began, 2))
        accuracies.append(round(end.validation_accuracy, 2))
    return {
        "step": name,
        "way": recipe.way,
        "precision": recipe.precision,
        "epochs": recipe.epochs,
        "first": seconds[0],
        "seconds": seconds[1:],
        "accuracies": accuracies[1:],
    }


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    found = []
    for name, way, precision in RUNS:
        recipe = STEPS[name].recipe.replace(device="cuda", way=way, precision=precision)
        found.append(measure(name, recipe, rounds))
        print(found[-1], flush=True)
    files.write("gpu", {"device": choose("cuda").name, "torch": torch.__version__, "runs": found})


if __name__ == "__main__":
    main()
