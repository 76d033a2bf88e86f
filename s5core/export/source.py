"""What is exported: a network with its recipe and, where it has been trained, its weights and answers."""

from __future__ import annotations

from dataclasses import dataclass

from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.errors import UserError
from s5core.evaluate import Evaluation
from s5core.layers import Network
from s5core.recipe import Recipe


class ExportError(UserError):
    """An export that does not exist, or that this network cannot have; the message says why."""


@dataclass(frozen=True)
class Answers:
    """What a trained network answers to the validation digits."""

    digits: Digits
    found: Evaluation


@dataclass(frozen=True)
class Source:
    """A network to export."""

    name: str  # of the step, the run or the file that it comes from
    layers: Network
    recipe: Recipe
    trained: Checkpoint | None = None  # None without finished epochs
    step: str = ""  # name of the step that it began from; empty: none
    title: str = ""  # in sentences: "Step 5, rate 0.1"; empty: the name
    answers: Answers | None = None  # None: nobody has let it read the digits

    @property
    def heading(self) -> str:
        """Its name for people."""
        return self.title or self.name

    def checkpoint(self) -> Checkpoint:
        """The trained network. Raises ExportError for one that is not trained."""
        if self.trained is None:
            raise ExportError(
                f"{self.heading} is not trained, and this export needs the weights: train it first."
            )
        return self.trained

    def read(self) -> Answers:
        """Its answers. Raises ExportError where it has not read the digits."""
        if self.answers is None:
            raise ExportError(f"{self.heading} has not read the validation digits, which this export needs.")
        return self.answers
