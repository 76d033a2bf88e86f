"""Which ink of a digit speaks for a class, and which against it.

Integrated Gradients (Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks",
arXiv:1703.01365), computed by captum: on the straight way from an empty picture to the digit,
a pixel is credited with what its ink adds to the logit of the class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from s5core.inside.activations import outputs
from s5core.modules import to_unit

POINTS = 64  # on the way; the sum is then 0.1 to 0.3 of a logit off on average, 1.4 at the most
FEW_POINTS = 16  # for a network so large that each point takes more than a millisecond
LARGE = 1_000_000  # parameters: the base net has 6 million, the steps some thousand


@dataclass(frozen=True)
class Verdict:
    """Why a network reads one class in a digit and not another."""

    ink: Tensor  # (3, 28, 28) float32, in logits: for the answer, for the rival, their difference
    scores: tuple[float, float]  # logits of the answer and of the rival for the digit
    empty: tuple[float, float]  # the same for an empty picture

    @property
    def strongest(self) -> float:
        """What the pixel that counts most counts, for or against. Never 0: it is a scale's end."""
        return float(self.ink.abs().max()) or 1.0


def contrast(model: nn.Sequential, digit: Tensor, answer: int, rival: int) -> Verdict:
    """What decides between two classes.

    `model`: as `layers.build` makes it, in eval mode, on the CPU. `digit`: (1, 1, 28, 28) uint8.
    """
    pair = [answer, rival]
    ink = attribute(model, digit, pair)
    with torch.no_grad():
        *_, logits = outputs(model, torch.cat([digit, torch.zeros_like(digit)]))
    (score, rivals), (empty, rivals_empty) = logits[:, pair].tolist()
    # The method is linear: the difference of two attributions is that of the logits' difference.
    return Verdict(torch.stack([*ink, ink[0] - ink[1]]), (score, rivals), (empty, rivals_empty))


def attribute(model: nn.Sequential, digit: Tensor, labels: Sequence[int]) -> Tensor:
    """What each pixel of a digit adds to the logits of some classes: (len(labels), 28, 28) float32.

    The pixels sum to what the logit gains from an empty picture to the digit, but for an error
    that shrinks with the points on the way; a pixel without ink has exactly 0.
    `model`, `digit`: as for `contrast`.
    """
    seen = to_unit(digit)
    empty = torch.zeros_like(seen)
    large = sum(p.numel() for p in model.parameters()) > LARGE
    # `outputs` copies what enters a layer: a first one that works in place would spoil the points.
    method = IntegratedGradients(lambda points: outputs(model, points)[-1])
    ink: Tensor = method.attribute(
        seen.repeat(len(labels), 1, 1, 1),
        empty,
        target=list(labels),
        n_steps=FEW_POINTS if large else POINTS,
        method="riemann_middle",
    )
    return ink[:, 0].detach().float()
