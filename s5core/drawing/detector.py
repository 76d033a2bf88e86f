"""Whether a picture shows a digit at all, as judged by a small network of its own.

The networks of the exercise have seen nothing but digits, and are often very sure of their answer to a
letter. The detector has also seen letters (outlier exposure: Hendrycks et al., arXiv:1812.04606). It is
no part of the exercise, nor of its budget of parameters: whether or not it is used, the networks answer
the same. `python -m benchmarks.detector` trained it.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from s5core.augment import affine
from s5core.layers import build, from_json
from s5core.modules import to_unit

PATH = Path(__file__).with_name("detector.safetensors")
LEAST = -0.4  # log-odds: below it, a picture shows no digit
VIEWS = ((0, 1), (8, 1), (-8, 1), (0, 0.92), (0, 1.06))  # degrees clockwise and scale of what it looks at
BATCH = 500


@functools.cache
def model() -> nn.Sequential:
    """The shipped detector in eval mode, on the CPU: (N, 1, 28, 28) uint8 -> (N, 10) logits."""
    with safe_open(PATH, framework="pt") as file:
        layers = from_json(json.loads(file.metadata()["layers"]))
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
    found = build(layers, seed=0)
    found.load_state_dict(weights)
    return found.eval().requires_grad_(False).to(memory_format=torch.channels_last)


@torch.inference_mode()
def log_odds(fields: Tensor) -> Tensor:
    """(N,): the logarithm of the odds that each picture, (N, 1, 28, 28) uint8, shows a digit.

    The ten logits compete with that of "no digit", which is always 0. So the odds are the sum of the
    logits' exponentials, and their logarithm is what is called the negative energy (Liu et al.,
    arXiv:2010.03759).
    """
    return look(model(), fields).logsumexp(1)


@torch.inference_mode()
def look(network: nn.Module, fields: Tensor) -> Tensor:
    """(N, 10): a detector's logits for the pictures, (N, 1, 28, 28) uint8, as the mean over several views of
    each. In training it saw no picture unmoved, so one view is not enough."""
    angle, scale = torch.tensor(VIEWS).unbind(1)
    found = []
    for batch in fields.split(BATCH):
        turned, sized = (each.repeat_interleave(len(batch)) for each in (angle, scale))
        still = torch.zeros_like(turned)
        views = affine(to_unit(batch).repeat(len(VIEWS), 1, 1, 1), turned, still, still, sized, still)
        found.append(network(views).unflatten(0, (len(VIEWS), -1)).mean(0))
    return torch.cat(found)


def is_digit(fields: Tensor) -> Tensor:
    """(N,) bool: whether each picture, (N, 1, 28, 28) uint8, looks like a digit."""
    return log_odds(fields) >= LEAST
