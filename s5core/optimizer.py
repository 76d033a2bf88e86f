"""Optimisers: functions that make one from a network's parameters.

An optimiser is one function here and one entry in `OPTIMIZERS`. All its arguments but the first are
fields of the recipe, by their names. The training loop sets the learning rate before each step.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import cache

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Parameters = Iterable[nn.Parameter]


def sgd(network: Parameters, momentum: float, nesterov: bool, weight_decay: float) -> Optimizer:
    """Stochastic gradient descent with momentum (torch's SGD)."""
    return torch.optim.SGD(
        network,
        momentum=momentum,
        nesterov=nesterov and momentum > 0,  # without momentum there is nothing to look ahead along
        weight_decay=weight_decay,
    )


def adamw(network: Parameters, momentum: float, weight_decay: float) -> Optimizer:
    """Adam with decoupled weight decay (torch's AdamW; arXiv:1711.05101)."""
    return torch.optim.AdamW(network, betas=(momentum, 0.999), weight_decay=weight_decay)


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"sgd": sgd, "adamw": adamw}


@cache
def parameters(name: str) -> tuple[str, ...]:
    """The fields of the recipe that an optimiser depends on."""
    return tuple(inspect.signature(OPTIMIZERS[name]).parameters)[1:]


def state_tensors(optimizer: Optimizer) -> dict[str, Tensor]:
    """The state of an optimiser, named "3.momentum_buffer": the parameter's number and the tensor's name.

    Those of torch that step without a closure keep nothing but tensors.
    """
    return {
        f"{number}.{name}": value
        for number, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def load_state_tensors(optimizer: Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Give a fresh optimiser the state that `state_tensors` read; the tensors are copied."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split(".", 1)
        state.setdefault(int(number), {})[name] = value.clone()
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def state_shapes(optimizer: Optimizer) -> dict[str, torch.Size]:
    """The shapes of the state that a fresh optimiser has after its first step. It takes that step."""
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    return {name: tensor.shape for name, tensor in state_tensors(optimizer).items()}
