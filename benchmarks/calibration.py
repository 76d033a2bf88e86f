"""Fit each step's temperature on digits held out of the training set, and see how honest the shipped
network's confidence then is.

    python -m benchmarks.calibration [STEP …] [--keep]

trains the step's recipe, seed 0, on 55,000 training digits, fits the temperature to its answers to
the other 5,000, and writes `benchmarks/results/calibration.json`. The shipped network, trained on
all 60,000, is given this temperature, but none below 1: that would make it surer than it was trained
to be, which MNIST's tidy digits bear and a person's drawing does not. `s5core/steps.py` repeats it.
The test digits only report.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path
from typing import Any

import torch

from s5core import checkpoint, data, steps
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.evaluate import Evaluation, evaluate, fit_temperature
from s5core.events import Epoch
from s5core.files import write_atomically
from s5core.steps import Step
from s5core.train import train

RESULTS = Path(__file__).parent / "results" / "calibration.json"


def read_held_out(step: Step) -> Evaluation:
    """Train a step without the held-out digits, and read them."""
    digits = data.load("holdout", download=False)
    if digits.name != "MNIST holdout":
        raise SystemExit("A temperature needs MNIST: set S5_DATA_DIR.")
    recipe = step.recipe.replace(split="holdout", device="cpu")
    *_, last = (event for event in train(step.layers, recipe, digits) if isinstance(event, Epoch))
    assert last.state is not None
    model = Checkpoint.of(step.name, step.layers, recipe, digits.name, last.state).model()
    return evaluate(model, digits.validation_images, digits.validation_labels)


def set_temperature(step: Step, temperature: float) -> Checkpoint | None:
    """Give the step's shipped network, if there is one, the temperature it is to have."""
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
    """The temperature that the held-out digits ask for, and what it does to them."""
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
    """Fit, set and write, one step after the other."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("steps", nargs="*", metavar="STEP")
    parser.add_argument("--keep", action="store_true", help="keep what was fitted: a step was shipped anew")
    options = parser.parse_args()
    torch.set_num_threads(1)
    test = data.load("test", download=False)
    for name in options.steps or steps.STEPS:
        step = steps.find(name)
        content = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        entry = content[step.name] if options.keep else fit(step)
        if shipped := set_temperature(step, entry["used"]):
            entry["mnist"] = read_test(shipped, test)
        print(step.name, json.dumps(entry), flush=True)
        content[step.name] = entry
        in_order = {other: content[other] for other in steps.STEPS if other in content}
        write_atomically(RESULTS, (json.dumps(in_order, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
