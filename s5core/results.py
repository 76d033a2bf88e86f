"""checkpoints/results.json: what each step reached, every seed of it.

    {"steps": {"step5": {"parameters": …, "layers": […], "recipe": {…}, "seeds": [
        {"seed": 0, "last": 99.5, "best": 99.5, "epochs": [{"train": …, "validation": …}, …],
         "seconds": …, "machine": …, "versions": {…}}, …]}}}

Accuracies are in percent of MNIST's 10,000 test digits. Pages and README take every figure
of ours from here.
"""

from __future__ import annotations

import json
import platform
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from s5core.checkpoint import SHIPPED, Checkpoint
from s5core.files import write_atomically
from s5core.layers import from_json, to_json
from s5core.recipe import Recipe

PATH = SHIPPED / "results.json"


@dataclass(frozen=True)
class Result:
    """What a step reached over its seeds; accuracies in percent."""

    parameters: int
    epochs: int
    seeds: int
    last: float  # accuracy of the last epoch, mean over the seeds
    deviation: float | None  # standard deviation of it over the seeds; None for a single one
    worst: float  # accuracy of the last epoch of the worst seed
    best: float  # accuracy of the best epoch, mean over the seeds
    train: float  # accuracy on the training digits in the last epoch, mean over the seeds
    seconds: float  # mean over the seeds

    def __str__(self) -> str:
        spread = "" if self.deviation is None else f" ± {self.deviation:.2f}"
        return f"{self.last:.2f}{spread} %"


def read(path: Path = PATH) -> dict[str, Any]:
    """The content of results.json; no steps while there is no file."""
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"steps": {}}
    return content


def summarize(entry: dict[str, Any]) -> Result:
    """Mean and deviation over the seeds of one step's entry."""
    seeds = entry["seeds"]
    last = [seed["last"] for seed in seeds]
    return Result(
        parameters=entry["parameters"],
        epochs=entry["recipe"]["epochs"],
        seeds=len(seeds),
        last=statistics.mean(last),
        deviation=statistics.stdev(last) if len(last) > 1 else None,
        worst=min(last),
        best=statistics.mean(seed["best"] for seed in seeds),
        train=statistics.mean(seed["epochs"][-1]["train"] for seed in seeds),
        seconds=statistics.mean(seed["seconds"] for seed in seeds),
    )


def load() -> dict[str, Result]:
    """What each step reached, by its name."""
    return {name: summarize(entry) for name, entry in read()["steps"].items()}


def record(checkpoint: Checkpoint, machine: str, path: Path = PATH) -> None:
    """Enter a finished run. It takes the place of the same step's run with the same seed; if
    the step's layers or recipe have changed since, all its earlier runs go."""
    content = read(path)
    recipe = checkpoint.recipe.to_json()
    seed = recipe.pop("seed")
    head = {
        "parameters": checkpoint.parameters,
        "layers": to_json(checkpoint.layers),
        "recipe": recipe,
    }
    entry = content["steps"].get(checkpoint.name, {})
    same = bool(entry) and (
        from_json(entry["layers"]) == checkpoint.layers
        and Recipe.from_json(entry["recipe"] | {"seed": seed}) == checkpoint.recipe
    )
    others = [run for run in entry["seeds"] if run["seed"] != seed] if same else []
    run = {
        "seed": seed,
        "last": round(checkpoint.accuracy, 2),
        "best": round(max(m.validation_accuracy for m in checkpoint.history), 2),
        "epochs": [
            {"train": round(m.train_accuracy, 3), "validation": round(m.validation_accuracy, 2)}
            for m in checkpoint.history
        ],
        "seconds": round(sum(m.seconds for m in checkpoint.history), 1),
        "machine": machine,
        "versions": checkpoint.versions,
    }
    seeds = sorted([*others, run], key=lambda run: run["seed"])
    content["steps"][checkpoint.name] = head | {"seeds": seeds}
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())


def describe_machine(device: str) -> str:
    """Where a run's seconds were measured: device, threads and system."""
    threads = torch.get_num_threads()
    return f"{device}, {threads} thread{'s' if threads > 1 else ''}, {platform.system()}"
