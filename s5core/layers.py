"""The layer notation: a network is a tuple of layer descriptions.

    >>> layers = (Conv(8), ReLU(), MaxPool(2), Conv(10, kernel=1), GlobalAvgPool())
    >>> model = build(layers)                    # (N, 1, 28, 28) -> (N, 10) logits
    >>> from_json(to_json(layers)) == layers
    True

Everything that is known of a network (the module, the layer table, the receptive
field, the checkpoint's metadata) is derived from that tuple.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from s5core.errors import UserError

Shape = tuple[int, int, int]  # channels, height, width

INPUT_SHAPE: Shape = (1, 28, 28)
CLASSES = 10
MAX_LAYERS = 50
MAX_CHANNELS = 1024
MAX_SIDE = INPUT_SHAPE[1]  # of a kernel or a stride


class NetworkError(UserError):
    """A network that cannot be built; the message names the layer and what would fit."""


@dataclass(frozen=True)
class Layer:
    """One row of a network: what it does to a shape, and the module that does it."""

    kind: ClassVar[str]  # torch's name of the module, as layer tables print it

    def check(self, shape: Shape) -> None:
        """Raise NetworkError when this layer cannot take an input of `shape`."""

    def output_shape(self, shape: Shape) -> Shape:
        """The (channels, height, width) that leaves when `shape` enters."""
        kernel, stride, padding = self.window(shape)
        height, width = ((side + 2 * padding - kernel) // stride + 1 for side in shape[1:])
        return shape[0], height, width

    def window(self, shape: Shape) -> tuple[int, int, int]:
        """(kernel, stride, padding) in pixels of the input; (1, 1, 0) for pointwise layers."""
        return 1, 1, 0

    def multiply_adds(self, shape: Shape) -> int:
        """Multiplications by a weight for one image whose input here is `shape`."""
        return 0

    def module(self, shape: Shape) -> nn.Module:
        """The torch module for an input of `shape`, freshly initialised by torch's defaults."""
        raise TypeError(f"{type(self).__name__} describes no layer of its own")

    def __str__(self) -> str:
        shown = []
        for field in fields(self):
            value = getattr(self, field.name)
            if field.default is MISSING:
                shown.append(str(value))
            elif value != field.default:
                shown.append(f"{field.name}={value}")
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True)
class Conv(Layer):
    """A square convolution."""

    kind = "Conv2d"

    channels: int  # output channels, 1 to 1024
    kernel: int = 3  # side of the kernel in pixels
    padding: int = 0  # zeros added on every side, in pixels
    stride: int = 1
    groups: int = 1  # equal to the input's channels: a depthwise convolution
    bias: bool = False  # a batch norm behind it would cancel a bias

    def check(self, shape: Shape) -> None:
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise NetworkError(f"{self.channels:,} channels are out of range: use 1 to {MAX_CHANNELS:,}")
        if not (1 <= self.kernel <= MAX_SIDE and 1 <= self.stride <= MAX_SIDE):
            raise NetworkError(f"kernel and stride must be 1 to {MAX_SIDE}")
        if self.groups < 1 or shape[0] % self.groups or self.channels % self.groups:
            fitting = math.gcd(shape[0], self.channels)
            raise NetworkError(
                f"{self.groups} groups do not divide {shape[0]} input and {self.channels} output "
                f"channels: use a divisor of {fitting}"
            )
        if not 0 <= self.padding < self.kernel:
            raise NetworkError(
                f"a padding of {self.padding} is out of range: use at least 0 and less than {self.kernel}, "
                "as more would add cells that see nothing"
            )
        side = min(shape[1:]) + 2 * self.padding
        if self.kernel > side:
            raise NetworkError(
                f"a kernel of {self.kernel}x{self.kernel} is larger than its {shape[1]}x{shape[2]} map"
                f"{f' padded by {self.padding}' if self.padding else ''}: use at most {side}, "
                "pad more, or pool less before it"
            )

    def output_shape(self, shape: Shape) -> Shape:
        return (self.channels, *super().output_shape(shape)[1:])

    def window(self, shape: Shape) -> tuple[int, int, int]:
        return self.kernel, self.stride, self.padding

    def multiply_adds(self, shape: Shape) -> int:
        _, height, width = self.output_shape(shape)
        return height * width * self.channels * (shape[0] // self.groups) * self.kernel**2

    def module(self, shape: Shape) -> nn.Module:
        return nn.Conv2d(
            shape[0],
            self.channels,
            self.kernel,
            stride=self.stride,
            padding=self.padding,
            groups=self.groups,
            bias=self.bias,
        )


@dataclass(frozen=True)
class ReLU(Layer):
    """max(0, x)."""

    kind = "ReLU"

    functional: bool = False  # applied inside forward(): layer tables have no row for it

    def module(self, shape: Shape) -> nn.Module:
        # In place: a map is not needed once it is rectified, and training is a third faster.
        return nn.ReLU(inplace=True)


@dataclass(frozen=True)
class SiLU(Layer):
    """x * sigmoid(x): a ReLU without a corner (arXiv:1702.03118)."""

    kind = "SiLU"

    def module(self, shape: Shape) -> nn.Module:
        return nn.SiLU()


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalisation with a learned scale and shift a channel (arXiv:1502.03167)."""

    kind = "BatchNorm2d"

    def module(self, shape: Shape) -> nn.Module:
        return nn.BatchNorm2d(shape[0])


@dataclass(frozen=True)
class Dropout(Layer):
    """A place where single values are dropped in training; the recipe sets the rate."""

    kind = "Dropout"

    def module(self, shape: Shape) -> nn.Module:
        return GeneratorDropout()


@dataclass(frozen=True)
class MaxPool(Layer):
    """The largest value of every `size` x `size` block; a rest at the edge is cut off."""

    kind = "MaxPool2d"

    size: int = 2

    def check(self, shape: Shape) -> None:
        if self.size < 2:
            raise NetworkError(f"a pool of {self.size} does nothing: use 2 or more, or leave it out")
        if self.size > min(shape[1:]):
            raise NetworkError(
                f"a pool of {self.size} is larger than its {shape[1]}x{shape[2]} map: "
                "use a smaller one, or pool less before it"
            )

    def window(self, shape: Shape) -> tuple[int, int, int]:
        return self.size, self.size, 0

    def module(self, shape: Shape) -> nn.Module:
        return nn.MaxPool2d(self.size)


@dataclass(frozen=True)
class Crop(Layer):
    """The middle of every map, `size` x `size`; MNIST's digits fill 20 of their 28 pixels."""

    kind = "CenterCrop"

    size: int

    def check(self, shape: Shape) -> None:
        side = min(shape[1:])
        if not (1 <= self.size < side and (side - self.size) % 2 == 0):
            raise NetworkError(
                f"a crop to {self.size}x{self.size} leaves no middle of its {shape[1]}x{shape[2]} map: use "
                f"{side} less an even number"
            )

    def window(self, shape: Shape) -> tuple[int, int, int]:
        return 1, 1, (self.size - shape[1]) // 2  # the contrary of padding

    def module(self, shape: Shape) -> nn.Module:
        _, _, padding = self.window(shape)
        return CenterCrop(-padding)


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """The mean of every map: (C, H, W) -> (C, 1, 1) (arXiv:1312.4400, section 3.2)."""

    kind = "AvgPool2d"

    def check(self, shape: Shape) -> None:
        if shape[1] != shape[2]:
            raise NetworkError(f"a map of {shape[1]}x{shape[2]} is not square")

    def window(self, shape: Shape) -> tuple[int, int, int]:
        return shape[1], 1, 0  # one cell comes out, so there is no stride to speak of

    def module(self, shape: Shape) -> nn.Module:
        return nn.AvgPool2d(shape[1])


Network = tuple[Layer, ...]

LAYERS: dict[str, type[Layer]] = {
    cls.__name__: cls for cls in (Conv, ReLU, SiLU, BatchNorm, Dropout, MaxPool, Crop, GlobalAvgPool)
}


class CenterCrop(nn.Module):
    """What torchvision.transforms.CenterCrop does to maps; to import that one takes a second."""

    def __init__(self, margin: int) -> None:
        super().__init__()
        self.margin = margin  # pixels that go at each edge

    def forward(self, x: Tensor) -> Tensor:
        return x[..., self.margin : -self.margin, self.margin : -self.margin]

    def extra_repr(self) -> str:
        return f"margin={self.margin}"


class GeneratorDropout(nn.Module):
    """Dropout whose mask comes from a generator of its own instead of torch's global one,
    so that two runs in one process cannot disturb each other's randomness."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = 0.0  # probability of a zero, 0 to below 1
        self.generator: torch.Generator | None = None  # on the input's device

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        return x * self._mask(x.numel(), x.device).view(x.shape)

    def _mask(self, count: int, device: torch.device) -> Tensor:
        """(count,) float32: zeros at the rate, and else what keeps the mean.

        Drawn are the gaps between zeros, which follow a geometric distribution: where one value
        in thirty is dropped, that takes a thirtieth of the random numbers.
        """
        expected = count * self.rate
        enough = int(expected + 8 * math.sqrt(expected)) + 8  # short of the end once in 10^15
        gaps = torch.empty(enough, dtype=torch.int64, device=device)
        zeros = gaps.geometric_(self.rate, generator=self.generator).cumsum(0) - 1
        mask = torch.full((count,), 1 / (1 - self.rate), device=device)
        mask[zeros[zeros < count]] = 0
        return mask

    def extra_repr(self) -> str:
        return f"rate={self.rate}"


def shapes(layers: Sequence[Layer]) -> Iterator[tuple[Layer, Shape, Shape]]:
    """Walk through a network: yield (layer, input shape, output shape) a layer.

    Raises NetworkError, naming the layer by its number from 1, at the first impossible one.
    """
    shape = INPUT_SHAPE
    for number, layer in enumerate(layers, 1):
        try:
            layer.check(shape)
        except NetworkError as error:
            raise NetworkError(f"Layer {number}, {layer}: {error}.") from None
        out = layer.output_shape(shape)
        yield layer, shape, out
        shape = out


def check(layers: Sequence[Layer]) -> None:
    """Raise NetworkError unless the layers make (N, 1, 28, 28) into (N, 10) logits."""
    if not layers:
        raise NetworkError("The network has no layers: it needs at least a Conv(10) head.")
    if len(layers) > MAX_LAYERS:
        raise NetworkError(f"The network has {len(layers)} layers: use at most {MAX_LAYERS}.")
    *_, (last, _, out) = shapes(layers)
    if out != (CLASSES, 1, 1):
        raise NetworkError(
            f"Layer {len(layers)}, {last}: the network ends in {out[0]}x{out[1]}x{out[2]}, and ten "
            "logits need 10x1x1: end with GlobalAvgPool(), Conv(10, kernel=1)."
        )


def build(layers: Sequence[Layer], seed: int | None = None, temperature: float = 1) -> nn.Sequential:
    """The network as a module: (N, 1, 28, 28) float32, normalised -> (N, 10) logits.

    Module i is layer i; `Logits` come last. `seed` fixes the initial weights without
    touching torch's global generator; None draws from that generator. `temperature`, over 0,
    divides the logits: above 1 the network gives the same answers less surely.
    Raises NetworkError for a network that `check` refuses.
    """
    check(layers)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        modules = [layer.module(shape) for layer, shape, _ in shapes(layers)]
    return nn.Sequential(*modules, Logits(temperature))


class Logits(nn.Flatten):
    """The last module: (N, 10, 1, 1) -> (N, 10), divided by a temperature."""

    def __init__(self, temperature: float) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        return logits if self.temperature == 1 else logits / self.temperature


def with_dropout(layers: Sequence[Layer]) -> Network:
    """The network with a Dropout behind every hidden block; itself when it has one already.

    A block ends behind the activation and BatchNorm that follow a convolution. Nothing is put
    behind the last convolution: dropping a class's evidence is label noise.
    """
    layers = tuple(layers)
    if any(isinstance(layer, Dropout) for layer in layers):
        return layers
    last_conv = max((i for i, layer in enumerate(layers) if isinstance(layer, Conv)), default=-1)
    out: list[Layer] = []
    for i, layer in enumerate(layers):
        out.append(layer)
        following = layers[i + 1] if i + 1 < len(layers) else None
        inside = (ReLU, SiLU, BatchNorm)
        if isinstance(layer, inside) and not isinstance(following, inside) and i < last_conv:
            out.append(Dropout())
    return tuple(out)


def to_json(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """The network as JSON data: `[{"layer": "Conv", "channels": 8}, …]`, defaults left out."""
    return [
        {"layer": type(layer).__name__}
        | {
            field.name: getattr(layer, field.name)
            for field in fields(layer)
            if field.default is MISSING or getattr(layer, field.name) != field.default
        }
        for layer in layers
    ]


def from_json(data: Any) -> Network:
    """The network that `to_json` wrote. Raises NetworkError for anything else."""
    if not isinstance(data, list):
        raise NetworkError('A network is a JSON list such as [{"layer": "Conv", "channels": 8}, …].')
    return tuple(_layer_from_json(number, entry) for number, entry in enumerate(data, 1))


def _layer_from_json(number: int, entry: Any) -> Layer:
    name = entry.get("layer") if isinstance(entry, dict) else None
    if not isinstance(name, str) or name not in LAYERS:
        raise NetworkError(f"Layer {number}: {entry!r} names no known layer: use one of {', '.join(LAYERS)}.")
    cls = LAYERS[name]
    known = {field.name: field for field in fields(cls)}
    values = {key: value for key, value in entry.items() if key != "layer"}
    for key, value in values.items():
        if key not in known:
            raise NetworkError(
                f"Layer {number}, {name}: there is no field {key!r}: "
                f"it has {', '.join(known) or 'no fields at all'}."
            )
        wanted = bool if known[key].type == "bool" else int
        if type(value) is not wanted:
            kind = "true or false" if wanted is bool else "a whole number"
            raise NetworkError(f"Layer {number}, {name}: {key} is {value!r}, but must be {kind}.")
    missing = [f.name for f in known.values() if f.default is MISSING and f.name not in values]
    if missing:
        raise NetworkError(f"Layer {number}, {name}: {missing[0]} is missing.")
    return cls(**values)
