"""checkpoints/results.json: what each step reached with each seed.

    {"steps": {"step5": {"parameters": …, "layers": […], "recipe": {…}, "seeds": [
        {"seed": 0, "last": 99.5, "best": 99.5, "epochs": [{"train": …, "validation": …}, …],
         "seconds": …, "machine": …, "versions": {…}}, …]}}}

Accuracies are in percent of MNIST's 10,000 test digits. Pages and README take all our figures from
this file.
"""

from __future__ import annotations

import dataclasses
import json
import platform
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from s5core.checkpoint import FOLDER, LOOP, Checkpoint, current_versions
from s5core.files import write_atomically
from s5core.layers import from_json, to_json
from s5core.recipe import Recipe

PATH = FOLDER / "results.json"
RECORDED = {"way": "eager", "precision": "float32"}  # of every run there: what each device can do


@dataclass(frozen=True)
class Result:
    """What a step reached over its seeds; accuracies in percent."""

    parameters: int
    epochs: int
    last_by_seed: dict[int, float]  # accuracy of the last epoch, by seed
    best: float  # accuracy of the best epoch, mean over the seeds
    train: float  # accuracy on the training digits in the last epoch, mean over the seeds
    seconds: float  # mean over the seeds

    @property
    def seeds(self) -> int:
        """Number of seeds."""
        return len(self.last_by_seed)

    @property
    def last(self) -> float:
        """Accuracy of the last epoch: mean over the seeds."""
        return statistics.mean(self.last_by_seed.values())

    @property
    def deviation(self) -> float | None:
        """Accuracy of the last epoch: standard deviation over the seeds; None for a single seed."""
        return statistics.stdev(self.last_by_seed.values()) if self.seeds > 1 else None

    @property
    def median(self) -> float:
        """Accuracy of the last epoch: median over the seeds, which a few failed runs hardly change."""
        return statistics.median(self.last_by_seed.values())

    @property
    def worst(self) -> float:
        """Accuracy of the last epoch: the worst seed."""
        return min(self.last_by_seed.values())

    def to_json(self) -> dict[str, Any]:
        """All figures as JSON data."""
        derived = {name: getattr(self, name) for name in ("seeds", "last", "deviation", "median", "worst")}
        return dataclasses.asdict(self) | derived

    def __str__(self) -> str:
        spread = "" if self.deviation is None else f" ± {self.deviation:.2f}"
        return f"{self.last:.2f}{spread} %"


def read(path: Path = PATH) -> dict[str, Any]:
    """The content of results.json; without a file, no steps."""
    content: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"steps": {}}
    return content


def summarize(entry: dict[str, Any]) -> Result:
    """Mean and deviation over the seeds of one step's entry."""
    seeds = entry["seeds"]
    return Result(
        parameters=entry["parameters"],
        epochs=entry["recipe"]["epochs"],
        last_by_seed={seed["seed"]: seed["last"] for seed in seeds},
        best=statistics.mean(seed["best"] for seed in seeds),
        train=statistics.mean(seed["epochs"][-1]["train"] for seed in seeds),
        seconds=statistics.mean(seed["seconds"] for seed in seeds),
    )


def older_seeds(entry: dict[str, Any]) -> list[int]:
    """The seeds of one step's entry that an earlier version of the training loop was given."""
    return [run["seed"] for run in entry["seeds"] if run["versions"].get(LOOP) != current_versions()[LOOP]]


def load() -> dict[str, Result]:
    """What each step reached, by its name."""
    return {name: summarize(entry) for name, entry in read()["steps"].items()}


def record(checkpoint: Checkpoint, machine: str, path: Path = PATH) -> None:
    """Enter a finished run. It replaces the run of the same step with the same seed. If the step's
    layers or recipe have changed, all its earlier runs are removed."""
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
        "way": checkpoint.way,
        "precision": checkpoint.precision,
    }
    seeds = sorted([*others, run], key=lambda run: run["seed"])
    content["steps"][checkpoint.name] = head | {"seeds": seeds}
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())


def describe_machine(device: str) -> str:
    """The machine that a run's seconds belong to: device, threads and system."""
    threads = torch.get_num_threads()
    return f"{device}, {threads} thread{'s' if threads > 1 else ''}, {platform.system()}"
