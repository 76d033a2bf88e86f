"""The first steps of a network in slow motion, and the file in which they are kept."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from s5core import checkpoint, slow_motion
from s5core.ahead.answers import Network as Trained
from s5core.ahead.question import MAX_BYTES, Report, home
from s5core.data import Digits
from s5core.files import read_bytes, write_atomically
from s5core.layers import INPUT_SHAPE, Network, from_json, to_json
from s5core.recipe import Recipe
from s5core.slow_motion import Move, OptimizerStep

STEPS = 12
KEPT = 48  # digits of a step, those with the largest losses; the losses of the others are kept without them
METHOD = 1  # another number when steps are taken in another way: the old files are then asked for no more
_UNUSED = ("ema", "split", "device", "way", "precision")


@dataclass(frozen=True)
class SlowMotion:
    """The question what happens in the next steps of a training."""

    layers: Network
    recipe: Recipe
    digits: Digits  # that it is trained with
    start: Trained | None = None  # the network that goes on; None: a new one

    @property
    def file(self) -> str:
        """The name of the file with the steps: another network, recipe or set of digits has another."""
        recipe = {name: value for name, value in self.recipe.to_json().items() if name not in _UNUSED}
        start = self.start.digest if self.start else ""
        asked = json.dumps([to_json(self.layers), recipe, self.digits.name, start], sort_keys=True)
        return f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}-steps-{METHOD}.safetensors"

    def look_up(self) -> list[OptimizerStep] | None:
        """The steps, if a file has them."""
        try:
            tensors = safetensors.torch.load(read_bytes(home() / self.file, MAX_BYTES))
            return [_unpack(tensors, number) for number in range(len(tensors["rates"]))]
        except (OSError, SafetensorError, KeyError, ValueError):
            return None  # there is none, or it is damaged: it will be written again

    def order(self) -> dict[str, Any]:
        """The question as JSON data."""
        path = str(self.start.path.resolve()) if self.start else None
        return {"layers": to_json(self.layers), "recipe": self.recipe.to_json(), "start": path}

    @classmethod
    def of(cls, order: dict[str, Any], digits: Digits) -> SlowMotion:
        """The question in an order. Raises CheckpointError where the network cannot be read."""
        path = order["start"]
        start = Trained.of(Path(path), checkpoint.load(Path(path))) if path else None
        return cls(from_json(order["layers"]), Recipe.from_json(order["recipe"]), digits, start)

    def find_out(self, report: Report, place: Path) -> None:
        """Take the steps, which takes a moment, and keep them in a folder. Raises CheckpointError, and
        OSError when they cannot be written."""
        start = checkpoint.load(self.start.path) if self.start else None
        steps = []
        taken = slow_motion.watch(self.layers, self.recipe, self.digits, start)
        for number, step in enumerate(islice(taken, STEPS), 1):
            steps.append(step)
            report(number / STEPS)
        write_atomically(place / self.file, safetensors.torch.save(_pack(steps)))


def _pack(steps: Sequence[OptimizerStep]) -> dict[str, Tensor]:
    tensors = {
        "rates": torch.tensor([step.rate for step in steps], dtype=torch.float64),
        "mean": torch.tensor([step.loss for step in steps], dtype=torch.float64),
    }
    for number, step in enumerate(steps):
        moves = [dataclasses.astuple(move) for move in step.moves]
        tensors |= {
            f"{number}.images": step.images[:KEPT].contiguous(),
            f"{number}.labels": step.labels[:KEPT].contiguous(),
            f"{number}.answers": step.answers[:KEPT].contiguous(),
            f"{number}.losses": step.losses,
            f"{number}.moves": torch.tensor(moves, dtype=torch.float64),
        }
    return tensors


def _unpack(tensors: dict[str, Tensor], number: int) -> OptimizerStep:
    """The step with that number, from 0. Raises KeyError or ValueError for a damaged file."""
    images, labels, answers, losses, moves = (
        tensors[f"{number}.{name}"] for name in ("images", "labels", "answers", "losses", "moves")
    )
    if (
        images.shape != (len(labels), *INPUT_SHAPE)
        or len(answers) != len(labels)
        or len(losses) < len(labels)
    ):
        raise ValueError("the step is not whole")
    return OptimizerStep(
        rate=float(tensors["rates"][number]),
        loss=float(tensors["mean"][number]),
        images=images,
        labels=labels,
        answers=answers,
        losses=losses,
        moves=tuple(Move(int(layer), *lengths) for layer, *lengths in moves.tolist()),
    )
