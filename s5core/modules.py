"""The torch modules of a network that torch itself does not have."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

RARE = 1e-6  # a rate of dropout with which a gap between zeros may have any length
MEAN, STD = 0.1307, 0.3081  # of the pixels of MNIST's training digits, in [0, 1]


def to_unit(images: Tensor) -> Tensor:
    """uint8 grey levels as float32 in [0, 1]."""
    return images.float() / 255


class Normalize(nn.Module):
    """The first module of every network: images to mean 0 and deviation 1 over MNIST.

    (N, 1, 28, 28), either uint8 grey levels or float in [0, 1]; 0 is background.
    """

    def forward(self, images: Tensor) -> Tensor:
        unit = images if images.is_floating_point() else to_unit(images)
        return (unit - MEAN) / STD


class Logits(nn.Flatten):
    """The last module of every network: (N, 10, 1, 1) -> (N, 10), divided by a temperature."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return logits if self.temperature == 1 else logits / self.temperature


class CenterCrop(nn.Module):
    """What torchvision.transforms.CenterCrop does to maps; importing that one takes a second."""

    def __init__(self, margin: int) -> None:
        super().__init__()
        self.margin = margin  # pixels that are cut off at each edge

    def forward(self, x: Tensor) -> Tensor:
        return x[..., self.margin : -self.margin, self.margin : -self.margin]

    def extra_repr(self) -> str:
        return f"margin={self.margin}"


class GeneratorDropout(nn.Module):
    """Dropout with a random generator of its own. Torch's has the global one, through which two runs
    in one process would change each other's random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = 0.0  # probability of a zero, 0 to below 1
        self.generator: torch.Generator | None = None  # on the input's device

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        return x * self._mask(x.numel(), x.device).view(x.shape)

    def _mask(self, count: int, device: torch.device) -> Tensor:
        """(count,) float32: zeros at the rate, and elsewhere the factor that keeps the mean.

        It draws the gaps between zeros, which follow a geometric distribution. Where one value in
        thirty is dropped, that takes a thirtieth of the random numbers.
        """
        expected = count * self.rate
        enough = int(expected + 8 * math.sqrt(expected)) + 8  # short of the end once in 10^15
        gaps = torch.empty(enough, dtype=torch.int64, device=device)
        gaps.geometric_(self.rate, generator=self.generator)
        if self.rate < RARE:  # a gap, or their sum, may be more than an int64 holds
            gaps.masked_fill_(gaps < 1, count + 1).clamp_(max=count + 1)
        zeros = gaps.cumsum(0) - 1
        mask = torch.full((count,), 1 / (1 - self.rate), device=device)
        mask[zeros[zeros < count]] = 0
        return mask

    def extra_repr(self) -> str:
        return f"rate={self.rate}"
