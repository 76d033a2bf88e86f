"""The loss of a network that is training, and how many of its answers were right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from s5core.device import Device, autocast
from s5core.layers import Network


class Loss(nn.Module):
    """Cross-entropy of a network, in the precision of a recipe, with a tally on the network's device.

    Nothing here waits for the device: the tally is read a few times a second.
    """

    def __init__(
        self, layers: Network, model: nn.Module, device: Device, precision: str, label_smoothing: float
    ) -> None:
        """`model`: that `layers` describe, on the device; `precision`: "float32" or "bfloat16"."""
        super().__init__()
        self.layers, self.model = layers, model
        self.device, self.precision, self.label_smoothing = device, precision, label_smoothing
        self.register_buffer("tally", torch.zeros(2, device=device.id), persistent=False)

    tally: Tensor  # (2,) float32: sum of the losses of all digits since `reset`, and how many were right

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of a batch; the tally counts it. `images`: (N, 1, H, W) float32 in [0, 1]."""
        with autocast(self.device, self.precision):
            logits = self.model(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        with torch.no_grad():
            right = (logits.argmax(1) == labels).sum()
            self.tally += torch.stack((loss * len(labels), right.to(loss)))
        return loss

    def reset(self) -> None:
        """Begin the tally anew."""
        self.tally.zero_()
