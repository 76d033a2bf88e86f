"""Recipe: every hyperparameter of a run in one frozen, validated dataclass."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from s5core import schedule
from s5core.schedule import Anneal, ScheduleName

OptimizerName = Literal["sgd", "adamw"]
Split = Literal["test", "holdout"]


class RecipeError(ValueError):
    """A hyperparameter out of its range; the message names the field and the range."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained. Raises RecipeError on construction for a value out of range."""

    epochs: int = 14  # passes over the training digits; "fewer than 15" is 14 at the most
    batch_size: int = 128  # digits a step of the optimiser
    optimizer: OptimizerName = "sgd"
    learning_rate: float = 0.1  # the peak; the schedule gives the fraction of it at a batch
    momentum: float = 0.9  # of SGD; AdamW's first beta
    nesterov: bool = True  # SGD looks ahead along its momentum
    weight_decay: float = 0.0  # pull of every weight towards zero
    schedule: ScheduleName = "one-cycle"
    warmup: float = 0.3  # one-cycle: fraction of the run in which the rate rises
    start: float = 0.04  # one-cycle: first rate, as a fraction of the peak
    final: float = 0.0  # one-cycle and cosine: last rate, as a fraction of the peak
    anneal: Anneal = "linear"  # one-cycle: straight lines or half cosines
    decay: float = 0.1  # step and plateau: factor at a drop; exponential: factor an epoch
    every: int = 6  # step: epochs from one drop to the next
    patience: int = 1  # plateau: epochs without progress that are let pass before a drop
    label_smoothing: float = 0.0  # share of the target spread over all ten classes
    dropout: float = 0.0  # chance of a zero at each Dropout layer of the network
    rotation: float = 0.0  # augmentation: up to ± degrees
    shift: float = 0.0  # augmentation: up to ± pixels, right and down each
    scale: float = 0.0  # augmentation: up to ± this fraction of the size
    shear: float = 0.0  # augmentation: up to ± degrees of slant
    ema: float = 0.0  # moving average of the weights: share kept at a batch; 0 is off
    seed: int = 0  # of the initial weights, the order of the digits and their augmentation
    split: Split = "test"  # validate on the test digits, or on a holdout of the training digits
    device: str = "auto"  # cpu, cuda, cuda:1, mps; auto takes the fastest there is

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _checked(field.name, str(field.type), getattr(self, field.name)))
        if self.nesterov and self.momentum == 0:
            object.__setattr__(self, "nesterov", False)  # there is no momentum to look ahead along

    def factor(self, progress: float, losses: Sequence[float] = ()) -> float:
        """The share of the peak learning rate when the fraction `progress` in [0, 1) of the
        batches is done; `losses` are the validation losses of the finished epochs."""
        factors = {
            "constant": lambda: schedule.constant(),
            "step": lambda: schedule.step(progress, self.epochs, self.decay, self.every),
            "exponential": lambda: schedule.exponential(progress, self.epochs, self.decay),
            "cosine": lambda: schedule.cosine(progress, self.final),
            "one-cycle": lambda: schedule.one_cycle(
                progress, self.warmup, self.start, self.final, self.anneal
            ),
            "plateau": lambda: schedule.plateau(losses, self.decay, self.patience),
        }
        return factors[self.schedule]()

    @property
    def augments(self) -> bool:
        """Whether training digits are moved at all."""
        return any((self.rotation, self.shift, self.scale, self.shear))

    def replace(self, **changes: Any) -> Recipe:
        """A copy with some fields changed. Raises RecipeError as the constructor does."""
        return Recipe.from_json(self.to_json() | changes)

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: Any) -> Recipe:
        """The recipe that `to_json` wrote; fields left out take their defaults.

        Raises RecipeError for a field that is unknown or out of range.
        """
        if not isinstance(data, Mapping):
            raise RecipeError('A recipe is a JSON object such as {"epochs": 14}.')
        known = [field.name for field in dataclasses.fields(cls)]
        for name in data:
            if name not in known:
                raise RecipeError(f"A recipe has no field {name!r}: use some of {', '.join(known)}.")
        return cls(**data)


# Field: lowest, highest, and whether these two themselves are allowed.
_RANGES: dict[str, tuple[float, float, str]] = {
    "epochs": (1, 1000, "[]"),
    "batch_size": (1, 10_000, "[]"),
    "learning_rate": (0, 100, "(]"),
    "momentum": (0, 1, "[)"),
    "weight_decay": (0, 1, "[]"),
    "warmup": (0, 1, "[)"),
    "start": (0, 1, "[]"),
    "final": (0, 1, "[]"),
    "decay": (0, 1, "(]"),
    "every": (1, 1000, "[]"),
    "patience": (0, 1000, "[]"),
    "label_smoothing": (0, 1, "[)"),
    "dropout": (0, 1, "[)"),
    "rotation": (0, 180, "[]"),
    "shift": (0, 28, "[]"),
    "scale": (0, 1, "[)"),
    "shear": (0, 60, "[]"),
    "ema": (0, 1, "[)"),
    "seed": (0, 2**31 - 1, "[]"),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "optimizer": get_args(OptimizerName),
    "schedule": schedule.SCHEDULES,
    "anneal": schedule.ANNEALS,
    "split": get_args(Split),
}


def _checked(name: str, kind: str, value: Any) -> Any:
    """`value` in the field's own type. Raises RecipeError when it is none of the field's."""
    if kind == "bool":
        if not isinstance(value, bool):
            raise RecipeError(f"{name} is {value!r}, but must be true or false.")
        return value
    if name in _RANGES:
        return _checked_number(name, kind, value)
    if not isinstance(value, str) or not value:
        raise RecipeError(f"{name} is {value!r}, but must be a word.")
    if name in _CHOICES and value not in _CHOICES[name]:
        raise RecipeError(f"{name} is {value!r}, but must be one of {', '.join(_CHOICES[name])}.")
    return value


def _checked_number(name: str, kind: str, value: Any) -> int | float:
    low, high, ends = _RANGES[name]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or (kind == "int" and value != int(value)):
        raise RecipeError(f"{name} is {value!r}, but must be a {'whole ' if kind == 'int' else ''}number.")
    above = value >= low if ends[0] == "[" else value > low
    below = value <= high if ends[1] == "]" else value < high
    if not (above and below):
        lower = f"{'at least' if ends[0] == '[' else 'more than'} {low:,}"
        upper = f"{'at most' if ends[1] == ']' else 'less than'} {high:,}"
        raise RecipeError(f"{name} is {value:g}, but must be {lower} and {upper}.")
    return int(value) if kind == "int" else float(value)
