"""The layer notation: a network is a tuple of layer descriptions.

    >>> layers = (Conv(8), ReLU(), MaxPool(2), Conv(10, kernel=1), GlobalAvgPool())
    >>> model = build(layers)                    # (N, 1, 28, 28) -> (N, 10) logits
    >>> from_json(to_json(layers)) == layers
    True

Everything that is known of a network (the module, the layer table, the receptive field, the
checkpoint's metadata, the words on the pages) is derived from that tuple. A kind of layer is one
class here, and one entry in `LAYERS`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, replace
from reprlib import repr as shorten
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from s5core import words
from s5core.errors import UserError
from s5core.initialization import INITIALIZATIONS
from s5core.modules import CenterCrop, GeneratorDropout, Logits, Normalize
from s5core.settings import check_field, field_types, setting

Shape = tuple[int, int, int]  # channels, height, width
Role = Literal["convolution", "activation", "norm", "pool", "dropout", "crop"]

INPUT_SHAPE: Shape = (1, 28, 28)
CLASSES = 10
MAX_LAYERS = 50


class NetworkError(UserError):
    """A network that cannot be built; the message names the layer and what would fit."""


@dataclass(frozen=True)
class Layer:
    """One row of a network: what it does to a shape, the module that does it, and its words."""

    kind: ClassVar[str]  # torch's name of the module, as layer tables print it
    role: ClassVar[Role]  # its part in a network, by which blocks are told apart
    code: ClassVar[str]  # how its text begins (see `notation`): letters that no other kind has
    shorthands: ClassVar[Mapping[str, Mapping[str, Any]]] = {}  # other codes, and the fields that they fix

    @classmethod
    def implied(cls, name: str, given: Mapping[str, Any]) -> Any:
        """What a field's letter means without a number in the layer's text; None where it needs a number.
        `given`: the fields that the text names."""
        return True if field_types(cls)[name] is bool else None

    @property
    def has_row(self) -> bool:
        """Whether the classic layer table has a row for it."""
        return True

    def check(self, shape: Shape) -> None:
        """Raise NetworkError when a field is out of its range, or an input of `shape` does not fit."""
        for name in field_types(type(self)):
            try:
                check_field(type(self), name, getattr(self, name))
            except ValueError as error:
                raise NetworkError(str(error)) from None

    def fitted(self, shape: Shape) -> Layer | None:
        """The layer, changed as little as an input of `shape` asks for; None where none of its kind fits."""
        try:
            self.check(shape)
        except NetworkError:
            return None
        return self

    def output_shape(self, shape: Shape) -> Shape:
        """The (channels, height, width) of the output for an input of `shape`."""
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
        raise TypeError(f"{type(self).__name__} has no module")

    def describe(self) -> str:
        """The layer in a few words: `Conv 3×3, 12 maps`."""
        return type(self).__name__

    def explain(self, maps_in: int) -> str:
        """What the layer does to the `maps_in` feature maps of its input, in a sentence for a student."""
        raise TypeError(f"{type(self).__name__} has no explanation")

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
    role = "convolution"
    code = "C"
    shorthands: ClassVar = {"H": {"kernel": 1}}  # the head

    channels: int = setting(
        help="Output channels, a feature map each.", range="[1, 1024]", letter="", first=10
    )
    kernel: int = setting(3, "Side of the kernel in pixels.", "[1, 28]", letter="k")
    padding: int = setting(0, "Zeros that are added on every side, in pixels.", "[0, 27]", letter="p")
    stride: int = setting(1, "Pixels from one place of the kernel to the next.", "[1, 28]", letter="s")
    groups: int = setting(1, "Equal to the input channels: a depthwise convolution.", "[1, 1024]", letter="g")
    bias: bool = setting(
        False, "A number added to each map; a batch norm after it would cancel it.", letter="b"
    )

    @classmethod
    def implied(cls, name: str, given: Mapping[str, Any]) -> Any:
        if name == "padding":  # the maps keep their size, or get a pixel more with an even kernel
            return given.get("kernel", cls.kernel) // 2
        return super().implied(name, given)

    def check(self, shape: Shape) -> None:
        super().check(shape)
        if shape[0] % self.groups or self.channels % self.groups:
            fitting = math.gcd(shape[0], self.channels)
            raise NetworkError(
                f"{self.groups} groups do not divide {shape[0]} input and {self.channels} output "
                f"channels: use a divisor of {fitting}"
            )
        if self.padding >= self.kernel:
            raise NetworkError(
                f"a padding of {self.padding} is out of range: use less than the kernel's {self.kernel}, "
                "or some cells would see nothing"
            )
        side = min(shape[1:]) + 2 * self.padding
        if self.kernel > side:
            raise NetworkError(
                f"a kernel of {self.kernel}x{self.kernel} is larger than its {shape[1]}x{shape[2]} map"
                f"{f' padded by {self.padding}' if self.padding else ''}: use at most {side}, "
                "pad more, or pool less before it"
            )

    def fitted(self, shape: Shape) -> Layer | None:
        padding = self.padding if self.padding < self.kernel else self.kernel // 2
        both = math.gcd(shape[0], self.channels)
        return replace(
            self,
            kernel=min(self.kernel, min(shape[1:]) + 2 * padding),
            padding=padding,
            groups=max(
                groups for groups in range(1, both + 1) if both % groups == 0 and groups <= self.groups
            ),
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

    def describe(self) -> str:
        extras = [f"padding {self.padding}"] if self.padding else []
        extras += [f"stride {self.stride}"] if self.stride > 1 else []
        extras += [f"{self.groups} groups"] if self.groups > 1 else []
        extras += ["bias"] if self.bias else []
        return ", ".join([f"Conv {self.kernel}×{self.kernel}", f"{self.channels:,} maps", *extras])

    def explain(self, maps_in: int) -> str:
        read = maps_in // self.groups
        made = words.count(self.channels, "feature map")
        if self.kernel == 1:
            return (
                f"It computes {made}. Each is a weighted sum of {words.count(read, 'input map')}, cell by "
                "cell: a 1 × 1 convolution mixes features and does not look at neighbouring cells."
            )
        window = f"{self.kernel} × {self.kernel}"
        if read == 1:
            return f"It computes {made}. For each, one kernel of {window} weights slides over one input map."
        return (
            f"It computes {made}. For each, {read:,} kernels of {window} weights slide over the input maps, "
            "one kernel a map, and their results are added up."
        )


@dataclass(frozen=True)
class ReLU(Layer):
    """max(0, x)."""

    kind = "ReLU"
    role = "activation"
    code = "ReLU"

    # Applied inside forward(): the network is the same, but the classic table has no row for it.
    functional: bool = setting(False, "Applied inside forward().", compare=False)

    @property
    def has_row(self) -> bool:
        return not self.functional

    def module(self, shape: Shape) -> nn.Module:
        return nn.ReLU()

    def explain(self, maps_in: int) -> str:
        return "It sets every negative value to zero and leaves the others as they are."


@dataclass(frozen=True)
class SiLU(Layer):
    """x * sigmoid(x): a ReLU without a corner (arXiv:1702.03118)."""

    kind = "SiLU"
    role = "activation"
    code = "SiLU"

    def module(self, shape: Shape) -> nn.Module:
        return nn.SiLU()

    def explain(self, maps_in: int) -> str:
        return (
            "It leaves large values almost as they are and brings negative ones smoothly close to zero. "
            "Unlike with a ReLU, a negative value still has a gradient and can still learn."
        )


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalisation with a learned scale and shift for each channel (arXiv:1502.03167)."""

    kind = "BatchNorm2d"
    role = "norm"
    code = "BN"

    def module(self, shape: Shape) -> nn.Module:
        return nn.BatchNorm2d(shape[0])

    def explain(self, maps_in: int) -> str:
        return "It shifts and scales each feature map, so that all maps have values of a similar size."


@dataclass(frozen=True)
class Dropout(Layer):
    """A place where training sets some values to zero; the recipe sets the rate."""

    kind = "Dropout"
    role = "dropout"
    code = "D"

    def module(self, shape: Shape) -> nn.Module:
        return GeneratorDropout()

    def explain(self, maps_in: int) -> str:
        return "In training it sets single values to zero at random; here it changes nothing."


@dataclass(frozen=True)
class MaxPool(Layer):
    """The largest value of every `size` x `size` block; rows and columns that are left over are cut off."""

    kind = "MaxPool2d"
    role = "pool"
    code = "P"

    size: int = setting(2, "Side of a block in pixels.", "[2, 28]", letter="")

    def check(self, shape: Shape) -> None:
        super().check(shape)
        if self.size > min(shape[1:]):
            raise NetworkError(
                f"a pool of {self.size} is larger than its {shape[1]}x{shape[2]} map: "
                "use a smaller one, or pool less before it"
            )

    def fitted(self, shape: Shape) -> Layer | None:
        side = min(shape[1:])
        return replace(self, size=min(self.size, side)) if side > 1 else None

    def window(self, shape: Shape) -> tuple[int, int, int]:
        return self.size, self.size, 0

    def module(self, shape: Shape) -> nn.Module:
        return nn.MaxPool2d(self.size)

    def describe(self) -> str:
        return f"MaxPool {self.size}×{self.size}"

    def explain(self, maps_in: int) -> str:
        return (
            f"It keeps the largest value of each {self.size} × {self.size} block. The maps get smaller, and "
            "each cell covers more of the digit."
        )


@dataclass(frozen=True)
class Crop(Layer):
    """The middle of every map, `size` x `size`; MNIST's digits fill 20 of their 28 pixels."""

    kind = "CenterCrop"
    role = "crop"
    code = "X"

    size: int = setting(help="Side of what is left, in pixels.", range="[1, 27]", letter="", first=24)

    def check(self, shape: Shape) -> None:
        super().check(shape)
        side = min(shape[1:])
        if not (self.size < side and (side - self.size) % 2 == 0):
            raise NetworkError(
                f"a crop to {self.size}x{self.size} has no middle in its {shape[1]}x{shape[2]} map: use "
                f"{side} less an even number"
            )

    def fitted(self, shape: Shape) -> Layer | None:
        sizes = range(min(shape[1:]) - 2, 0, -2)
        return replace(self, size=min(sizes, key=lambda size: abs(size - self.size))) if sizes else None

    def window(self, shape: Shape) -> tuple[int, int, int]:
        return 1, 1, (self.size - shape[1]) // 2  # the opposite of padding

    def module(self, shape: Shape) -> nn.Module:
        _, _, padding = self.window(shape)
        return CenterCrop(-padding)

    def describe(self) -> str:
        return f"Crop to {self.size}×{self.size}"

    def explain(self, maps_in: int) -> str:
        return (
            f"It keeps the middle {self.size} × {self.size} pixels. There is hardly any ink at the border, "
            "and every later layer has fewer cells to compute."
        )


@dataclass(frozen=True)
class GlobalAvgPool(Layer):
    """The mean of every map: (C, H, W) -> (C, 1, 1) (arXiv:1312.4400, section 3.2)."""

    kind = "AvgPool2d"
    role = "pool"
    code = "GAP"

    def check(self, shape: Shape) -> None:
        if shape[1] != shape[2]:
            raise NetworkError(f"a map of {shape[1]}x{shape[2]} is not square")

    def window(self, shape: Shape) -> tuple[int, int, int]:
        return shape[1], 1, 0  # the output is a single cell, so that the stride does not matter

    def module(self, shape: Shape) -> nn.Module:
        return nn.AvgPool2d(shape[1])

    def explain(self, maps_in: int) -> str:
        return "It averages each map into a single value: how much of a feature there is, not where."


Network = tuple[Layer, ...]

LAYERS: dict[str, type[Layer]] = {
    cls.__name__: cls for cls in (Conv, ReLU, SiLU, BatchNorm, Dropout, MaxPool, Crop, GlobalAvgPool)
}


def shapes(layers: Sequence[Layer]) -> Iterator[tuple[Layer, Shape, Shape]]:
    """Walk through a network: yield (layer, input shape, output shape) for each layer.

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


def count_possible(layers: Sequence[Layer]) -> int:
    """How many layers are possible, from the first one on."""
    possible = 0
    with suppress(NetworkError):
        for _ in shapes(layers):
            possible += 1
    return possible


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


def build(
    layers: Sequence[Layer],
    seed: int | None = None,
    temperature: float = 1,
    initialization: str = "default",
) -> nn.Sequential:
    """The network as a module: (N, 1, 28, 28) images, uint8 or float in [0, 1] -> (N, 10) logits.

    Module "0" is layer 0, and so on; `Normalize` comes before them, `Logits` after. `seed` fixes the
    initial weights without touching torch's global generator; None draws from that generator.
    `temperature`, over 0, divides the logits: above 1 the network gives the same answers less surely.
    `initialization`: one of INITIALIZATIONS.
    Raises NetworkError for a network that `check` refuses.
    """
    check(layers)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        modules = [layer.module(shape) for layer, shape, _ in shapes(layers)]
        convolutions = [module for module in modules if isinstance(module, nn.Conv2d)]
        INITIALIZATIONS[initialization](convolutions)
    for before, module in zip(layers, modules[1:], strict=False):
        # A convolution or norm does not need its output again: a ReLU after it may overwrite it, and
        # training takes a third less time.
        if isinstance(module, nn.ReLU):
            module.inplace = before.role in ("convolution", "norm")
    named = {str(i): module for i, module in enumerate(modules)}
    return nn.Sequential(OrderedDict({"normalize": Normalize()} | named | {"logits": Logits(temperature)}))


def layer_modules(model: nn.Sequential) -> list[nn.Module]:
    """The modules of a network from `build`, one for each layer."""
    return list(model)[1:-1]


def with_dropout(layers: Sequence[Layer]) -> Network:
    """The network with a Dropout after every hidden block; itself when it has one already.

    A block ends after the activation and the norm that follow a convolution. There is none after the
    last convolution: dropping the evidence for a class would be noise in the label.
    """
    layers = tuple(layers)
    if any(layer.role == "dropout" for layer in layers):
        return layers
    last = max((i for i, layer in enumerate(layers) if layer.role == "convolution"), default=-1)
    out: list[Layer] = []
    for i, layer in enumerate(layers):
        out.append(layer)
        following = layers[i + 1].role if i + 1 < len(layers) else ""
        inside = ("activation", "norm")
        if layer.role in inside and following not in inside and i < last:
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
        raise NetworkError(
            f"Layer {number}: {shorten(entry)} names no known layer: use one of {', '.join(LAYERS)}."
        )
    cls = LAYERS[name]
    values = {}
    for key, value in entry.items():
        if key == "layer":
            continue
        if key not in field_types(cls):
            known = ", ".join(field_types(cls)) or "no fields at all"
            raise NetworkError(f"Layer {number}, {name}: there is no field {key!r}: it has {known}.")
        try:
            values[key] = check_field(cls, key, value)
        except ValueError as error:
            raise NetworkError(f"Layer {number}, {name}: {error}.") from None
    missing = [field.name for field in fields(cls) if field.default is MISSING and field.name not in values]
    if missing:
        raise NetworkError(f"Layer {number}, {name}: {missing[0]} is missing.")
    return cls(**values)
