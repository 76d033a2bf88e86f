"""What the learning-rate finder finds for a network and a recipe, and the file in which that is kept."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from s5core import finder
from s5core.ahead.question import MAX_BYTES, Report, home
from s5core.data import Digits
from s5core.files import parse_json, read_bytes, write_atomically
from s5core.finder import BATCHES, Trial
from s5core.layers import Network, from_json, to_json
from s5core.recipe import Recipe

METHOD = 2  # another number when trials are found in another way: the old files are then asked for no more
_UNUSED = (
    "learning_rate", "epochs", "plain_epochs", "schedule", "ema", "split", "device", "way", "precision",
)  # fmt: skip


@dataclass(frozen=True)
class RangeTest:
    """The question which learning rate suits a network and a recipe."""

    layers: Network
    recipe: Recipe
    digits: Digits  # that it is trained with

    @property
    def file(self) -> str:
        """The name of the file with the trials: another network, recipe or set of digits has another."""
        recipe = {name: value for name, value in self.recipe.to_json().items() if name not in _UNUSED}
        asked = json.dumps([to_json(self.layers), recipe, self.digits.name], sort_keys=True)
        return f"{hashlib.sha256(asked.encode()).hexdigest()[:16]}-rates-{METHOD}.json"

    def look_up(self) -> list[Trial] | None:
        """The trials, if a file has them."""
        try:
            content = parse_json(read_bytes(home() / self.file, MAX_BYTES))
            trials = [Trial(float(rate), float(loss)) for rate, loss in content]
        except (OSError, ValueError, TypeError):
            return None  # there is none, or it is damaged: it will be written again
        return trials if all(math.isfinite(each.rate + each.loss) for each in trials) else None

    def order(self) -> dict[str, Any]:
        """The question as JSON data."""
        return {"layers": to_json(self.layers), "recipe": self.recipe.to_json()}

    @classmethod
    def of(cls, order: dict[str, Any], digits: Digits) -> RangeTest:
        """The question in an order."""
        return cls(from_json(order["layers"]), Recipe.from_json(order["recipe"]), digits)

    def find_out(self, report: Report, place: Path) -> None:
        """Do the range test, which takes seconds, and keep its trials in a folder. Raises OSError when they
        cannot be written."""
        trials = []
        for number, trial in enumerate(finder.find_rates(self.layers, self.recipe, self.digits), 1):
            trials.append((trial.rate, trial.loss))
            report(number / BATCHES)
        write_atomically(place / self.file, json.dumps(trials).encode())
