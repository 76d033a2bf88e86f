"""Knowledge distillation: a network learns the answers of a larger one, its teacher, besides the labels.

A label says "7". A teacher says that this 7 is a little like a 1 and not at all like an 8, and so tells a
small network more about each digit. Hinton, Vinyals and Dean, "Distilling the knowledge in a neural
network", arXiv:1503.02531. Both see the same augmented digit, as Beyer et al. advise in "Knowledge
distillation: a good teacher is patient and consistent", arXiv:2106.05237.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from s5core import checkpoint
from s5core.data import MNIST
from s5core.device import Device
from s5core.layers import build
from s5core.recipe import Recipe, RecipeError
from s5core.steps import STEPS


@dataclass(frozen=True)
class Teaching:
    """Who teaches a network, and how."""

    file: str  # path of the teacher's checkpoint
    share: float  # of the teacher's answers in the loss, in (0, 1]
    softness: float  # temperature, at least 1, that divides the logits of both networks


class Teacher:
    """A trained network that teaches another. It does not learn itself."""

    def __init__(self, teaching: Teaching, device: Device) -> None:
        """Raises CheckpointError when its file cannot be read."""
        made = checkpoint.load(Path(teaching.file))
        model = build(made.layers)  # without the temperature that suits its own answers
        model.load_state_dict(made.weights)
        self.teaching = teaching
        model = model.eval().requires_grad_(False).to(device.id)
        self.model = model.to(memory_format=torch.channels_last)

    def blend(self, loss: Tensor, logits: Tensor, images: Tensor) -> Tensor:
        """The loss of a batch together with the distance from the teacher's answers.

        `loss`: with the labels, (); `logits`: of the network that learns, (N, 10); `images`: that it saw,
        (N, 1, H, W) float32 in [0, 1]. The distance is a Kullback-Leibler divergence. A temperature makes its
        gradient smaller by its square, which the square undoes.
        """
        share, softness = self.teaching.share, self.teaching.softness
        with torch.no_grad():
            wanted = F.softmax(self.model(images) / softness, 1)
        distance = F.kl_div(F.log_softmax(logits / softness, 1), wanted, reduction="batchmean")
        return (1 - share) * loss + share * softness**2 * distance


def offered(data: str) -> tuple[str, ...]:
    """The names of the shipped networks that may teach with the digits of this name: all with MNIST, which
    they were trained with, and none with others."""
    return tuple(name for name in STEPS if checkpoint.shipped_path(name).exists()) if data == MNIST else ()


def find(recipe: Recipe, data: str, file: Path | None = None) -> Teaching | None:
    """How this recipe has a network taught; None where it has no teacher.

    `data`: name of the digits to train with; `file`: the teacher's checkpoint, in place of the shipped
    network that the recipe names. Raises RecipeError without such a network, and for one that was trained
    with other digits: it may have seen those that are to be validated with. Raises CheckpointError for a
    broken file.
    """
    if not recipe.teacher:
        return None
    path = file or checkpoint.shipped_path(recipe.teacher)
    if not path.exists():
        raise RecipeError(
            f"teacher is {recipe.teacher!r}, but no network of that name is shipped: use one of "
            f"{', '.join(offered(data)) or 'none'}."
        )
    if (other := checkpoint.load(path).data) != data:
        raise RecipeError(
            f"The teacher was trained with {other}, and this run would train with {data}: the teacher may "
            "have seen the digits that the run is validated with. Use the teacher's digits, or no teacher."
        )
    return Teaching(str(path), recipe.taught, recipe.softness)
