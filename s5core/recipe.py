"""Recipe: every hyperparameter of a run in one frozen, validated dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn
from torch.optim import Optimizer

from s5core import optimizer, schedule
from s5core.errors import UserError
from s5core.optimizer import OPTIMIZERS
from s5core.schedule import SCHEDULES, Anneal
from s5core.settings import check_field, setting
from s5core.words import count

Split = Literal["test", "holdout"]


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
    seed: int = setting(
        0, "Fixes the first weights, the order of the digits and their augmentation.", "[0, 2147483647]"
    )
    split: Split = setting("test", "Validate on the test digits, or on training digits that are held out.")
    device: str = setting("auto", "cpu, cuda, cuda:1 or mps; auto takes the fastest that there is.")

    def __post_init__(self) -> None:
        for entry in dataclasses.fields(self):
            try:
                value = check_field(Recipe, entry.name, getattr(self, entry.name))
            except ValueError as error:
                raise RecipeError(f"{error}.") from None
            object.__setattr__(self, entry.name, value)

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

    def summary(self, usual: Recipe) -> str:
        """In one line: schedule, learning rate, epochs and seed, and what else differs from the
        `usual` recipe."""
        first = {
            "schedule": self.schedule,
            "learning_rate": f"rate {self.learning_rate:g}",
            "epochs": count(self.epochs, "epoch"),
            "seed": f"seed {self.seed}",
        }
        own, others = self.to_json(), usual.to_json()
        changed = [name for name in own if name not in first and own[name] != others[name]]
        return ", ".join([*first.values(), *(f"{name.replace('_', ' ')} {own[name]}" for name in changed)])

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
