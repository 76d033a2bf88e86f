"""First weights: what a network begins with before it learns.

An initialisation is one function here and one entry in `INITIALIZATIONS`. It gives the convolutions of a
new network, in their order, other weights than torch has drawn, and takes its random numbers from torch's
global generator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import nn


def default(convolutions: Sequence[nn.Conv2d]) -> None:
    """As torch draws them: uniform between -a and a, where a² is 1 / fan-in. The fan-in of a convolution is
    the number of values that it adds up for a cell."""


def he(convolutions: Sequence[nn.Conv2d]) -> None:
    """Drawn from a normal distribution with mean 0 and variance 2 / fan-in; biases begin at zero. With ReLUs
    between the layers, all layers then give out values of a similar scale (arXiv:1502.01852)."""
    for convolution in convolutions:
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        if convolution.bias is not None:
            nn.init.zeros_(convolution.bias)


@torch.no_grad()
def positive_head(convolutions: Sequence[nn.Conv2d]) -> None:
    """As torch draws them, but without their sign in the last convolution. Its inputs are not negative
    where a ReLU comes before, so neither are its outputs: a ReLU after it leaves every class a gradient."""
    convolutions[-1].weight.abs_()


INITIALIZATIONS: dict[str, Callable[[Sequence[nn.Conv2d]], None]] = {
    "default": default,
    "he": he,
    "positive-head": positive_head,
}
