"""Which digit the networks read in one picture, and how sure they are."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from s5core import words

SURE = 0.7  # the least confidence of a network at which to rely on its answer
TOGETHER = 0.5  # the least confidence in it of all networks together

Kind = Literal["no digit", "close", "disagree", "no answer"]


@dataclass(frozen=True)
class Reading:
    """One network's answer to one digit."""

    probabilities: tuple[float, ...]  # one for each of the ten digits; they sum to 1

    @property
    def answer(self) -> int:
        """The most probable digit."""
        return self._ranking()[0]

    @property
    def confidence(self) -> float:
        """The probability of the answer, 0 to 1."""
        return self.probabilities[self.answer]

    @property
    def runner_up(self) -> int:
        """The second most probable digit."""
        return self._ranking()[1]

    def _ranking(self) -> list[int]:
        return sorted(range(len(self.probabilities)), key=lambda digit: -self.probabilities[digit])


@dataclass(frozen=True)
class Doubt:
    """A reason not to rely on a network's answer."""

    kind: Kind
    why: str  # sentences


def use_one_thread() -> None:
    """Let torch use one thread in this process from now on.

    One digit is too little work for several threads. While other processes train on all cores,
    the threads would wait for each other, and a network would take 200 ms instead of 0.2 ms
    (2 cores, torch 2.14).
    """
    torch.set_num_threads(1)


@torch.inference_mode()
def read_digit(models: Mapping[str, nn.Module], field: Tensor) -> dict[str, Reading]:
    """The answer of each network, in the order of `models`.

    `models`: in eval mode, on the CPU. `field`: (1, 1, 28, 28) uint8, as `fit` makes it.
    """
    return {name: Reading(tuple(model(field)[0].softmax(0).tolist())) for name, model in models.items()}


def agreement(answers: Mapping[str, Reading], digit: int) -> float:
    """The probability of a digit, 0 to 1, as the mean over all networks.

    One network can be very sure of its answer to a drawing that is no digit. It is rare that
    several networks are sure of the same answer to it.
    """
    shares = [answer.probabilities[digit] for answer in answers.values()]
    return statistics.mean(share if math.isfinite(share) else 0.0 for share in shares)


def doubt(answers: Mapping[str, Reading], name: str, known: bool = True) -> Doubt | None:
    """Why nobody should rely on a network's answer; None if there is no reason.

    `name`: of the network. `known`: whether the picture looks like a digit (`detector.is_digit`).
    """
    answer = answers[name]
    if not math.isfinite(answer.confidence):
        return Doubt("no answer", f"What **{name}** answers to this picture is no probability.")
    sure = f"**{name}** is {words.probability(answer.confidence)} sure"
    if not known:
        why = f"{sure} of {words.digit(answer.answer)}, but it has to choose one of the ten digits."
        return Doubt("no digit", f"{why} A detector that has also seen letters finds no digit here.")
    if answer.confidence < SURE:
        rival = f"{words.digit(answer.runner_up)} has "
        rival += words.probability(answer.probabilities[answer.runner_up])
        return Doubt("close", f"{sure} that this is {words.digit(answer.answer)}, and {rival}.")
    together = agreement(answers, answer.answer)
    if together >= TOGETHER:
        return None
    agreeing = sum(other.answer == answer.answer for other in answers.values())
    if agreeing < len(answers):
        why = f"{sure}, but only {agreeing} of {len(answers)} networks read {words.digit(answer.answer)}."
    else:
        why = f"{sure}, but all networks together are only {words.probability(together)} sure."
    return Doubt("disagree", why)
