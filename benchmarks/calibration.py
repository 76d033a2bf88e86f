"""Fit a temperature for each step, and measure how well the shipped network's confidence then agrees
with its accuracy.

    python -m benchmarks.calibration [STEP …] [--keep]

trains the step's recipe with seed 0 on 55,000 training digits and fits the temperature to the
network's answers to the other 5,000. It writes `benchmarks/results/calibration.json` and gives the
temperature to the shipped network, which was trained on all 60,000 digits. No temperature below 1 is
used: it would make the network surer than it was trained to be, and a person's drawing is harder to
read than MNIST's tidy digits. `s5core/steps.py` repeats the temperature. The test digits are used
only to report.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from typing import Any

import torch

from benchmarks import files
from s5core import checkpoint, results, steps
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.evaluate import Evaluation, evaluate, fit_temperature
from s5core.events import Epoch
from s5core.steps import Step
from s5core.train import train


def read_held_out(step: Step) -> Evaluation:
    """Train a step without the held-out digits, then let it read them."""
    digits = files.mnist("holdout")
    recipe = step.recipe.replace(split="holdout", device="cpu", **results.RECORDED)
    *_, last = (event for event in train(step.layers, recipe, digits) if isinstance(event, Epoch))
    assert last.state is not None
    model = Checkpoint.of(step.name, step.layers, recipe, digits.name, last.state).model()
    return evaluate(model, digits.validation_images, digits.validation_labels)


def set_temperature(step: Step, temperature: float) -> Checkpoint | None:
    """Give a temperature to the step's shipped network; None if there is no such network."""
    found = checkpoint.load_shipped([step.name])
    if not found:
        return None
    shipped = dataclasses.replace(found[step.name], temperature=temperature)
    checkpoint.save(shipped, checkpoint.shipped_path(step.name))
    return shipped


def error(answers: Evaluation) -> float:
    """Expected calibration error in percentage points."""
    return round(answers.calibration_error, 2)


def fit(step: Step) -> dict[str, Any]:
    """The temperature that fits the held-out digits best, and their calibration error with it."""
    held_out = read_held_out(step)
    fitted = round(fit_temperature(held_out), 2)
    return {
        "fitted": fitted,
        "used": max(1.0, fitted),
        "held_out": {
            "digits": len(held_out.labels),
            "errors": held_out.errors,
            "without": error(held_out),
            "with_fitted": error(held_out.cooled(fitted)),
        },
    }


def read_test(shipped: Checkpoint, test: Digits) -> dict[str, float]:
    """The calibration error of a shipped network on the test digits."""
    plain = dataclasses.replace(shipped, temperature=1).model()
    answers = evaluate(plain, test.validation_images, test.validation_labels)
    return {"without": error(answers), "as_used": error(answers.cooled(shipped.temperature))}


def main() -> None:
    """Fit, set and write, one step after another."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("steps", nargs="*", metavar="STEP")
    parser.add_argument(
        "--keep",
        action="store_true",
        help="do not fit again",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    test = files.mnist()
    entries = files.read("calibration")["steps"]
    for name in options.steps or list(entries if options.keep else steps.STEPS):
        step = steps.find(name)
        entry = entries[step.name] if options.keep else fit(step)
        if shipped := set_temperature(step, entry["used"]):
            entry["mnist"] = read_test(shipped, test)
        print(step.name, json.dumps(entry), flush=True)
        entries[step.name] = entry
        ordered = {other: entries[other] for other in steps.STEPS if other in entries}
        files.write("calibration", {"steps": ordered}, ordered)


if __name__ == "__main__":
    main()
