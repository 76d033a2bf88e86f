"""What networks read in one digit, and how sure they are."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

# Below this confidence, its own or that of all networks together, nobody should rely on an answer.
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
    return {name: Reading(tuple(model(field)[0].softmax(0).tolist())) for name, model in models.items()}


def agreement(answers: Mapping[str, Reading], digit: int) -> float:
    """How probable all networks together find a digit: the mean over them, 0 to 1.

    A network can be sure of what is no digit at all; several seldom are sure of the same.
    """
    return statistics.mean(answer.probabilities[digit] for answer in answers.values())


def doubt(answers: Mapping[str, Reading], name: str, known: bool = True) -> str | None:
    """Why nobody should rely on one network's answer, in a sentence; None where one may.

    `name`: the network's. `known`: whether what it is shown looks to it like a digit, as
    `familiarity` finds out.
    """
    answer = answers[name]
    sure = f"**{name}** is {percent(answer.confidence)} sure"
    if answer.confidence < SURE:
        return f"{sure}, which is not enough."
    together = agreement(answers, answer.answer)
    agreeing = sum(other.answer == answer.answer for other in answers.values())
    if together < SURE and agreeing < len(answers):
        return f"{sure}, but only {agreeing} of {len(answers)} networks read {noun(answer.answer)}."
    if together < SURE:
        return f"{sure}, but all networks together are no more than {percent(together)} sure."
    if not known:
        return f"{sure}, but its maps respond to this as they do to hardly any real digit."
    return None


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
