"""How much each pixel of a digit adds to the logit of a class, or takes from it.

The method is Integrated Gradients (Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep
Networks", arXiv:1703.01365). An empty picture is turned into the digit in small steps. At each
step, the gradient of the logit tells how much a little more ink at a pixel would change the logit.
A pixel's ink times the mean of these gradients is its contribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from s5core.inside.activations import outputs
from s5core.modules import to_unit

POINTS = 64  # between empty picture and digit; sums are then off by 0.1 to 0.3 on average, by at most 1.4
FEW_POINTS = 16  # for a network so large that each point takes more than a millisecond
LARGE = 1_000_000  # parameters: the base net has 6 million, the steps some thousand


@dataclass(frozen=True)
class Verdict:
    """Why a network reads a digit as one class, the answer, and not as another, the rival."""

    ink: Tensor  # (3, 28, 28) float32: contributions to the answer's logit, the rival's, and their difference
    scores: tuple[float, float]  # logits of the answer and of the rival for the digit
    empty: tuple[float, float]  # the same two logits for an empty picture

    @property
    def strongest(self) -> float:
        """The largest absolute contribution of a pixel, the end of the colour scale. Never 0."""
        return float(self.ink.abs().max()) or 1.0


def contrast(model: nn.Sequential, digit: Tensor, answer: int, rival: int) -> Verdict:
    """Which ink decides between two classes.

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
    """The contribution of each pixel to the logits of some classes: (len(labels), 28, 28) float32.

    For each class, the contributions sum to the logit of the digit minus the logit of an empty
    picture, with an error that shrinks as the number of points grows. A pixel without ink has
    exactly 0. `model`, `digit`: as for `contrast`.
    """
    ink = to_unit(digit)
    large = sum(p.numel() for p in model.parameters()) > LARGE
    count = FEW_POINTS if large else POINTS
    shares = (torch.arange(count) + 0.5) / count  # of the ink: the midpoint rule
    points = (shares.view(-1, 1, 1, 1) * ink).requires_grad_()
    # `outputs` gives each layer a copy: a first layer that works in place would change the points.
    totals = outputs(model, points)[-1].sum(0)  # a point affects its own logits only
    gradients = [torch.autograd.grad(totals[label], points, retain_graph=True)[0] for label in labels]
    return torch.cat([ink[0] * gradient.mean(0) for gradient in gradients])
