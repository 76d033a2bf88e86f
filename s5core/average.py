"""The average of a network's weights over its last batches: it is steadier than the weights themselves."""

from __future__ import annotations

import copy
from itertools import chain

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

HALF = 9  # batches after which the average keeps half of itself


class Average:
    """An exponential moving average of a network's weights and of the statistics of its norms.

    `keep`, in [0, 1), is the share of itself that the average keeps at each batch. In the first batches it
    keeps less, so that the weights with which the network began are soon forgotten:

        batch                 1     2     10    100   from 4,500 on, with keep = 0.998
        share that is kept    0     0.1   0.5   0.92  0.998

    TensorFlow's ExponentialMovingAverage has the same idea (its argument `num_updates`).
    """

    def __init__(self, model: nn.Module, keep: float) -> None:
        self.module = copy.deepcopy(model).requires_grad_(False)
        self._model, self._keep = model, keep

    def update(self, batch: int) -> None:
        """Take in the weights after a batch of the run, from 1."""
        keep = min(self._keep, (batch - 1) / (batch - 1 + HALF))
        means, counts = _tensors(self.module)
        own, own_counts = _tensors(self._model)
        get_ema_multi_avg_fn(keep)(means, own, batch)
        for count, own_count in zip(counts, own_counts, strict=True):
            count.copy_(own_count)


def _tensors(model: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Weights and statistics of a network, and how many batches each of its norms has seen."""
    tensors = list(chain(model.parameters(), model.buffers()))
    floats = [tensor for tensor in tensors if tensor.is_floating_point()]
    return floats, [tensor for tensor in tensors if not tensor.is_floating_point()]
