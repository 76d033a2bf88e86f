"""What networks read in one digit, and how sure they are."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from s5core.data import normalize, to_unit

# Below this agreement nobody should rely on an answer. With the shipped networks that concerns 3 to
# 4 of 100 digits that people drew, over half of all letters, and two of three scribbles.
SURE = 0.7


@dataclass(frozen=True)
class Reading:
    """One network's answer to one digit."""

    probabilities: tuple[float, ...]  # of the ten digits; they sum to 1

    @property
    def answer(self) -> int:
        """The likeliest digit."""
        return self._ranking()[0]

    @property
    def confidence(self) -> float:
        """The probability of the answer, 0 to 1."""
        return self.probabilities[self.answer]

    @property
    def runner_up(self) -> int:
        """The second likeliest digit."""
        return self._ranking()[1]

    def _ranking(self) -> list[int]:
        return sorted(range(len(self.probabilities)), key=lambda digit: -self.probabilities[digit])


def use_one_thread() -> None:
    """Let torch in this process work on one thread, for good.

    Reading one digit is too little work to share: on a machine whose cores are busy training,
    the threads wait for each other, and a net takes 200 ms in place of 0.2 ms (2 cores, torch
    2.14).
    """
    torch.set_num_threads(1)


@torch.inference_mode()
def read_digit(models: Mapping[str, nn.Module], field: Tensor) -> dict[str, Reading]:
    """What each network reads, in the order of `models`.

    `models`: in eval mode, on the CPU. `field`: (1, 1, 28, 28) uint8, as `digit.fit` makes it.
    """
    seen = normalize(to_unit(field))
    return {name: Reading(tuple(model(seen)[0].softmax(0).tolist())) for name, model in models.items()}


def agreement(answers: Mapping[str, Reading], digit: int) -> float:
    """How probable all networks together find a digit: the mean over them, 0 to 1.

    A network can be sure of what is no digit at all; several seldom are sure of the same.
    """
    return statistics.mean(answer.probabilities[digit] for answer in answers.values())


def noun(label: int) -> str:
    """A digit with its article: "a 9", "an 8"."""
    return f"{'an' if label == 8 else 'a'} {label}"


def percent(probability: float) -> str:
    """A probability as exactly as it is of use, never broken over two lines: "97.3 %",
    "over 99.9 %", "under 0.1 %"."""
    space = "\N{NO-BREAK SPACE}"
    if probability > 0.999:
        return f"over{space}99.9{space}%"
    if probability < 0.001:
        return f"under{space}0.1{space}%"
    return f"{100 * probability:.1f}{space}%"
