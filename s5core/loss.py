"""The loss of a network that is training, and how many of its answers were right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from s5core.device import Device, autocast
from s5core.layers import Network
from s5core.teacher import Teacher, Teaching


class Loss(nn.Module):
    """Cross-entropy of a network, in the precision of a recipe, with a tally on the network's device. A
    teacher adds its part to what is returned, and none to the tally: figures of runs can be compared.

    Nothing here waits for the device: the tally is read a few times a second.
    """

    def __init__(
        self,
        layers: Network,
        model: nn.Module,
        device: Device,
        precision: str,
        label_smoothing: float,
        teaching: Teaching | None = None,
    ) -> None:
        """`model`: that `layers` describe, on the device; `precision`: "float32" or "bfloat16"."""
        super().__init__()
        self.layers, self.model = layers, model
        self.device, self.precision, self.label_smoothing = device, precision, label_smoothing
        self.teaching = teaching
        self._teacher = None if teaching is None else Teacher(teaching, device)
        self.register_buffer("tally", torch.zeros(2, device=device.id), persistent=False)

    tally: Tensor  # (2,) float32: sum of the losses of all digits since `reset`, and how many were right

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """The mean loss of a batch; the tally counts its cross-entropy. `images`: (N, 1, H, W) float32 in
        [0, 1]."""
        return self.answer(images, labels)[0]

    def answer(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """The mean loss of a batch, as `forward`, and the logits, (N, 10)."""
        with autocast(self.device, self.precision):
            logits = self.model(images)
            loss = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
            whole = loss if self._teacher is None else self._teacher.blend(loss, logits, images)
        with torch.no_grad():
            right = (logits.argmax(1) == labels).sum()
            self.tally += torch.stack((loss * len(labels), right.to(loss)))
        return whole, logits

    def reset(self) -> None:
        """Begin the tally anew."""
        self.tally.zero_()
