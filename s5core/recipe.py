"""Recipe: every hyperparameter of a run in one frozen, validated dataclass."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from reprlib import repr as shorten
from typing import Any, Literal, get_args, get_type_hints

from s5core import schedule
from s5core.errors import UserError
from s5core.schedule import Anneal, ScheduleName

OptimizerName = Literal["sgd", "adamw"]
Split = Literal["test", "holdout"]


class RecipeError(UserError):
    """A hyperparameter out of its range; the message names the field and the range."""


def setting(default: Any, help: str, range: str = "") -> Any:
    """A field of a recipe: its default, a sentence on it, and its range as in "(0, 1]"."""
    return field(default=default, metadata={"help": help, "range": range})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained. Raises RecipeError on construction for a value out of range."""

    epochs: int = setting(14, "Passes over the training digits; the exercise allows 14.", "[1, 1000]")
    batch_size: int = setting(128, "Digits that each step of the optimiser looks at.", "[1, 10000]")
    optimizer: OptimizerName = setting("sgd", "What turns gradients into steps.")
    learning_rate: float = setting(0.1, "Size of the steps at the peak of the schedule.", "(0, 100]")
    momentum: float = setting(0.9, "Share of the last step that is made again; AdamW's first beta.", "[0, 1)")
    nesterov: bool = setting(True, "SGD looks ahead along its momentum.")
    weight_decay: float = setting(0.0, "Pull of every weight towards zero.", "[0, 1]")
    schedule: ScheduleName = setting("one-cycle", "How the learning rate changes over the run.")
    warmup: float = setting(0.3, "One-cycle: fraction of the run in which the rate rises.", "[0, 1)")
    start: float = setting(0.04, "One-cycle: first rate, as a fraction of the peak.", "[0, 1]")
    final: float = setting(0.0, "One-cycle and cosine: last rate, as a fraction of the peak.", "[0, 1]")
    anneal: Anneal = setting("linear", "One-cycle: shape of the rise and the fall.")
    decay: float = setting(0.1, "Step and plateau: factor at a drop; exponential: factor an epoch.", "(0, 1]")
    every: int = setting(6, "Step: epochs from one drop to the next.", "[1, 1000]")
    patience: int = setting(1, "Plateau: epochs without progress to wait before a drop.", "[0, 1000]")
    label_smoothing: float = setting(0.0, "Share of the target spread over all ten classes.", "[0, 1)")
    dropout: float = setting(0.0, "Chance of a zero at each Dropout layer of the network.", "[0, 1)")
    rotation: float = setting(0.0, "Augmentation: turn by up to ± this many degrees.", "[0, 180]")
    shift: float = setting(0.0, "Augmentation: move by up to ± this many pixels each way.", "[0, 28]")
    scale: float = setting(0.0, "Augmentation: resize by up to ± this fraction.", "[0, 1)")
    shear: float = setting(0.0, "Augmentation: slant by up to ± this many degrees.", "[0, 60]")
    slash: float = setting(0.0, "Augmentation: share of the zeros that get a slash.", "[0, 1]")
    plain_epochs: int = setting(0, "Last epochs in which digits stay as they are.", "[0, 1000]")
    ema: float = setting(0.0, "Share of the averaged weights kept at each batch; 0 is off.", "[0, 1)")
    seed: int = setting(
        0, "Fixes the first weights, the order of the digits and their moves.", "[0, 2147483647]"
    )
    split: Split = setting("test", "Validate on the test digits, or on a holdout of the training digits.")
    device: str = setting("auto", "cpu, cuda, cuda:1, mps; auto takes the fastest there is.")

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(self):
            object.__setattr__(self, entry.name, _checked(entry, getattr(self, entry.name)))

    def factor(self, progress: float, losses: Sequence[float] = ()) -> float:
        """The share of the peak learning rate when the fraction `progress` in [0, 1) of the
        batches is done; `losses` are the validation losses of the finished epochs."""
        match self.schedule:
            case "constant":
                return schedule.constant()
            case "step":
                return schedule.step(progress, self.epochs, self.decay, self.every)
            case "exponential":
                return schedule.exponential(progress, self.epochs, self.decay)
            case "cosine":
                return schedule.cosine(progress, self.final)
            case "one-cycle":
                return schedule.one_cycle(progress, self.warmup, self.start, self.final, self.anneal)
            case "plateau":
                return schedule.plateau(losses, self.decay, self.patience)

    @property
    def augments(self) -> bool:
        """Whether training digits are moved at all, in any epoch."""
        moved = any((self.rotation, self.shift, self.scale, self.shear, self.slash))
        return moved and self.plain_epochs < self.epochs

    def summary(self, usual: Recipe) -> str:
        """In one line what a class changes first, and what else is not as in the `usual` recipe."""
        first = {
            "schedule": self.schedule,
            "learning_rate": f"rate {self.learning_rate:g}",
            "epochs": "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs",
            "seed": f"seed {self.seed}",
        }
        own, others = self.to_json(), usual.to_json()
        changed = [name for name in own if name not in first and own[name] != others[name]]
        return ", ".join([*first.values(), *(f"{name.replace('_', ' ')} {own[name]}" for name in changed)])

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
        known = [entry.name for entry in dataclasses.fields(cls)]
        for name in data:
            if name not in known:
                raise RecipeError(f"A recipe has no field {name!r}: use some of {', '.join(known)}.")
        return cls(**data)


@cache
def field_types() -> dict[str, Any]:
    """The type of each field of a recipe: int, float, bool, str or a Literal of words."""
    return get_type_hints(Recipe)


def _checked(entry: dataclasses.Field[Any], value: Any) -> Any:
    """`value` in the field's own type. Raises RecipeError when it is none of the field's."""
    kind = field_types()[entry.name]
    if kind in (int, float):
        return _checked_number(entry.name, kind, entry.metadata["range"], value)
    if kind is bool:
        if not isinstance(value, bool):
            raise RecipeError(f"{entry.name} is {value!r}, but must be true or false.")
        return value
    words = get_args(kind)
    if not isinstance(value, str) or (words and value not in words):
        raise RecipeError(f"{entry.name} is {value!r}, but must be {_either(words) if words else 'a word'}.")
    return value


def _checked_number(name: str, kind: type[int] | type[float], range: str, value: Any) -> int | float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number and math.isfinite(_float(value))) or (kind is int and value % 1):
        wanted = "a whole number" if kind is int else "a number"
        raise RecipeError(f"{name} is {shorten(value)}, but must be {wanted}.")
    low, high = (float(end) for end in range[1:-1].split(","))
    above = value >= low if range[0] == "[" else value > low
    below = value <= high if range[-1] == "]" else value < high
    if not (above and below):
        lower = f"{'at least' if range[0] == '[' else 'more than'} {low:,.10g}"
        upper = f"{'at most' if range[-1] == ']' else 'less than'} {high:,.10g}"
        raise RecipeError(f"{name} is {value:,.10g}, but must be {lower} and {upper}.")
    return kind(value)


def _float(value: float) -> float:
    """The value as a float; whole numbers too large for one are infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _either(words: Sequence[str]) -> str:
    return f"one of {', '.join(words)}" if len(words) > 2 else " or ".join(words)
