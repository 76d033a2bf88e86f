"""Recipe: every hyperparameter of a run in one frozen, validated dataclass."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from reprlib import repr as shorten
from typing import Any, Literal

from torch import nn
from torch.optim import Optimizer

from s5core import optimizer, schedule
from s5core.errors import UserError
from s5core.initialization import INITIALIZATIONS
from s5core.optimizer import OPTIMIZERS
from s5core.schedule import SCHEDULES, Anneal
from s5core.settings import check_field, setting
from s5core.words import count

# Learning rates to choose from: 1, 2, 3, 5 in each power of ten, about equal steps by their factor.
RATES = tuple(round(digit * 10.0**power, 6) for power in range(-4, 1) for digit in (1, 2, 3, 5))

Split = Literal["test", "holdout"]
Way = Literal["auto", "eager", "halves", "compiled", "graph"]  # see `ways`
Precision = Literal["auto", "float32", "bfloat16"]

# Of the training loop: another number when the same arguments come to give other weights.
LOOP_VERSION = 3

_NAME = re.compile(r"[a-z0-9_]{0,40}")
_DEVICE = re.compile(r"[a-z]{1,20}(:[0-9]{1,3})?")  # another computer may have devices that are not here


class RecipeError(UserError):
    """A hyperparameter out of its range; the message names the field and the range."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained. Raises RecipeError on construction for a value out of range."""

    epochs: int = setting(14, "Passes over the training digits; the exercise allows 14.", "[1, 1000]")
    batch_size: int = setting(128, "Digits in each step of the optimiser.", "[1, 10000]")
    optimizer: str = setting("sgd", "How gradients become steps of the weights.", choices=OPTIMIZERS)
    learning_rate: float = setting(0.1, "Size of the steps where the schedule is highest.", "(0, 100]")
    momentum: float = setting(0.9, "Share of the last step in the next one; AdamW's first beta.", "[0, 1)")
    nesterov: bool = setting(True, "SGD takes the gradient where its momentum leads (Nesterov).")
    weight_decay: float = setting(0.0, "How strongly each step pulls the weights towards zero.", "[0, 1]")
    schedule: str = setting("one-cycle", "How the learning rate changes over the run.", choices=SCHEDULES)
    warmup: float = setting(0.3, "One-cycle: fraction of the run in which the rate rises.", "[0, 1)")
    start: float = setting(0.04, "One-cycle: first rate, as a fraction of the peak.", "[0, 1]")
    final: float = setting(0.0, "One-cycle and cosine: last rate, as a fraction of the peak.", "[0, 1]")
    anneal: Anneal = setting("linear", "One-cycle: shape of the rise and the fall.")
    decay: float = setting(0.1, "Step, plateau: factor at a drop; exponential: for each epoch.", "(0, 1]")
    every: int = setting(6, "Step: epochs from one drop to the next.", "[1, 1000]")
    patience: int = setting(1, "Plateau: epochs without progress before a drop.", "[0, 1000]")
    label_smoothing: float = setting(0.0, "Share of the target that all ten classes get.", "[0, 1)")
    dropout: float = setting(0.0, "Probability that a Dropout layer sets a value to zero.", "[0, 1)")
    rotation: float = setting(0.0, "Augmentation: rotate by up to ± this many degrees.", "[0, 180]")
    shift: float = setting(0.0, "Augmentation: shift by up to ± this many pixels each way.", "[0, 28]")
    scale: float = setting(0.0, "Augmentation: resize by up to ± this fraction.", "[0, 1)")
    shear: float = setting(0.0, "Augmentation: slant by up to ± this many degrees.", "[0, 60]")
    slash: float = setting(0.0, "Augmentation: share of the zeros that get a slash.", "[0, 1]")
    plain_epochs: int = setting(0, "Last epochs, in which the digits are not augmented.", "[0, 1000]")
    ema: float = setting(0.0, "Average of weights: share of it that each batch keeps; 0 is off.", "[0, 1)")
    teacher: str = setting("", "Trained network whose answers this one learns, too; empty: none.")
    taught: float = setting(0.9, "Teacher: share of its answers in the loss.", "(0, 1]")
    softness: float = setting(3.0, "Teacher: temperature that divides the logits of both.", "[1, 20]")
    initialization: str = setting(
        "default",
        "First weights: as torch draws them, as He et al. do, or with a positive last convolution.",
        choices=INITIALIZATIONS,
    )
    seed: int = setting(
        0, "Fixes the first weights, the order of the digits and their augmentation.", "[0, 2147483647]"
    )
    split: Split = setting("test", "Validate on the test digits, or on training digits that are held out.")
    device: str = setting("auto", "cpu, cuda, cuda:1 or mps; auto takes the fastest that there is.")
    way: Way = setting("auto", "How kernels are started; auto takes the fastest way of the device.")
    precision: Precision = setting("auto", "Of convolutions; auto takes bfloat16 on GPUs that have it.")

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(self):
            try:
                value = check_field(Recipe, entry.name, getattr(self, entry.name))
            except ValueError as error:
                raise RecipeError(f"{error}.") from None
            object.__setattr__(self, entry.name, value)
        if not _DEVICE.fullmatch(self.device):
            raise RecipeError(
                f"device is {shorten(self.device)}, but must be a word such as auto, cpu, cuda, cuda:1 or "
                "mps."
            )
        if not _NAME.fullmatch(self.teacher):
            raise RecipeError(
                f"teacher is {shorten(self.teacher)}, but must be the name of a network, such as step5."
            )

    def factor(self, progress: float, losses: Sequence[float] = ()) -> float:
        """The share of the peak learning rate when the fraction `progress` in [0, 1) of the
        batches is done; `losses` are the validation losses of the finished epochs."""
        known = {"progress": progress, "losses": losses}
        needed = schedule.parameters(self.schedule)
        return SCHEDULES[self.schedule](
            **{name: known[name] if name in known else getattr(self, name) for name in needed}
        )

    def make_optimizer(self, network: nn.Module) -> Optimizer:
        """The optimiser for the parameters of a network; its learning rate is still to be set."""
        values = {name: getattr(self, name) for name in optimizer.parameters(self.optimizer)}
        return OPTIMIZERS[self.optimizer](network.parameters(), **values)

    @property
    def augments(self) -> bool:
        """Whether training digits are changed at all, in any epoch."""
        moved = any((self.rotation, self.shift, self.scale, self.shear, self.slash))
        return moved and self.plain_epochs < self.epochs

    def matters(self, name: str) -> bool:
        """Whether a field has an effect in this recipe; the factor of a step schedule has none in a
        one-cycle one."""
        if name in _SCHEDULED:
            return name in schedule.parameters(self.schedule)
        if name in _OPTIMISED:
            return name in optimizer.parameters(self.optimizer)
        if name in _TAUGHT:
            return bool(self.teacher)
        return self.augments or name not in (*_MOVEMENTS, "plain_epochs")

    def name(self, usual: Recipe, design: str = "") -> str:
        """A short name: what differs from the `usual` recipe, the most important first, such as
        "rate 0.1" or "no augmentation, 7 epochs"; "as the step" where at most the seed does. It begins
        with the name of the `design`, if the network is one."""
        differ = differing([usual, self])
        bare = usual.augments and not self.augments
        hidden = _MOVEMENTS if bare else ()
        told = [name for name in _ORDER if name in differ and name not in hidden and self.matters(name)]
        parts = ["no augmentation"] * bare + [self._words(name) for name in told]
        if design:
            return ", ".join([design, *parts])
        return ", ".join(parts if set(parts) - {self._words("seed")} else ["as the step", *parts])

    def _words(self, name: str) -> str:
        """A field with its value, in a few words."""
        value, label = getattr(self, name), _LABELS.get(name, name.replace("_", " "))
        match name:
            case "epochs":
                return count(value, "epoch")
            case "schedule":
                return f"{value} schedule"
            case "optimizer":
                return str(value)
            case "initialization":
                return f"{value} first weights"
            case "split":
                return "on held-out digits" if value == "holdout" else "on the test digits"
            case "teacher":
                return f"taught by {value}" if value else "no teacher"
            case "device":
                return f"on {value}"
            case "way" | "precision":
                return str(value)
        if value in (0, False) and name not in _ZERO_IS_A_VALUE:
            return f"no {label}"
        if value is True:
            return label
        return f"{label} {value:g}" if isinstance(value, float) else f"{label} {value}"

    def replace(self, **changes: Any) -> Recipe:
        """A copy with some fields changed. Raises RecipeError like the constructor."""
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


def nearest_rate(rate: float) -> float:
    """The one of RATES that is nearest to a learning rate over 0, by its factor."""
    return min(RATES, key=lambda choice: abs(math.log(choice / rate)))


def differing(recipes: Sequence[Recipe]) -> list[str]:
    """The fields that are not the same in all recipes and have an effect in at least one."""
    return [
        entry.name
        for entry in dataclasses.fields(Recipe)
        if len({getattr(recipe, entry.name) for recipe in recipes}) > 1
        and any(recipe.matters(entry.name) for recipe in recipes)
    ]


# What a name is made of. Its first words are what a class changes most, since a list may be narrow.
_MOVEMENTS = ("rotation", "shift", "scale", "shear", "slash")
_SCHEDULED = ("warmup", "start", "final", "anneal", "decay", "every", "patience")
_OPTIMISED = ("momentum", "nesterov", "weight_decay")
_TAUGHT = ("taught", "softness")
_FIRST = ("learning_rate", "epochs", "schedule", *_SCHEDULED, *_MOVEMENTS, "batch_size", "optimizer")
_LAST = ("seed", "split", "device", "way", "precision")
_ORDER = (
    *_FIRST,
    *(f.name for f in dataclasses.fields(Recipe) if f.name not in _FIRST + _LAST),
    *_LAST,
)
_LABELS = {
    "learning_rate": "rate",
    "batch_size": "batches of",
    "shear": "slant",
    "scale": "resizing",
    "slash": "slashed zeros",
    "ema": "average of weights",
    "decay": "factor",
    "taught": "teacher's share",
    "nesterov": "Nesterov",
}
_ZERO_IS_A_VALUE = ("seed", "start", "final", "patience")
