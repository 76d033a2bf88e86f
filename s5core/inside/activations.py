"""What happens inside a network: the activations of every layer for one digit, what each of them
contributes to the logit of a class, and the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from s5core.layers import Network, layer_modules
from s5core.modules import to_unit
from s5core.summary import Row, layer_table


@dataclass(frozen=True)
class Inside:
    """The activations of a network for one digit, and its answer."""

    maps: tuple[Tensor, ...]  # feature maps of layer i: (channels, height, width) float32
    probabilities: Tensor  # (10,) float32, summing to 1

    @property
    def answer(self) -> int:
        """The class with the highest probability."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """The probability of that class, 0 to 1."""
        return float(self.probabilities.max())


@torch.no_grad()
def look_inside(model: nn.Sequential, digit: Tensor) -> Inside:
    """Read a digit and keep the output of every layer.

    `model`: as `layers.build` makes it, in eval mode, on the CPU. `digit`: (1, 1, 28, 28) uint8.
    """
    *maps, logits = outputs(model, digit)
    return Inside(tuple(output[0] for output in maps), logits[0].softmax(0))


def outputs(model: nn.Sequential, images: Tensor) -> list[Tensor]:
    """The output of every layer, and the (N, 10) logits as the last.

    `images`: (N, 1, 28, 28), uint8 or float in [0, 1].
    """
    first, *others = model
    x = first(images)
    found = []
    for module in others:
        # A ReLU works in place. Without the copy it would change the output of the layer before it.
        x = module(x.clone())
        found.append(x)
    return found


def contributions(model: nn.Sequential, digit: Tensor, label: int) -> tuple[Tensor, ...]:
    """What each cell of each layer contributes to the logit of a class: the cell's activation times
    the gradient of the logit with respect to it.

    Layer i has (channels, height, width) float32, in units of the logit; a negative value lowers it.
    In a network of convolutions without bias, ReLUs and pools, the contributions of any layer add up
    to the logit (Shrikumar et al., "Not Just a Black Box", arXiv:1605.01713). It is captum's
    LayerGradientXActivation for all layers in one pass and without hooks: sessions share the models.
    `model`, `digit`: as for `look_inside`.
    """
    # Where no weight asks for a gradient, the digit must, or autograd would record nothing.
    *maps, logits = outputs(model, to_unit(digit).requires_grad_())
    gradients = torch.autograd.grad(logits[0, label], maps)
    return tuple((m * g)[0].detach() for m, g in zip(maps, gradients, strict=True))


@dataclass(frozen=True)
class Block:
    """A convolution or pool with the layers that belong to it, and the feature map of its output
    that contributes most to the answer."""

    row: Row  # of the convolution or pool; the rest of the block has the same receptive field
    output: str  # name of the layer whose output is shown: the block's activation, else its first layer
    map: int  # number of the feature map, from 0
    cell: tuple[int, int]  # row and column of the cell in it that contributes most
    maps: Tensor  # (channels, height, width) float32: all feature maps of the output
    contributed: Tensor  # like `maps`: what each cell contributes to the logit of the answer
    map_name: str  # of the feature map: "map 3", "class 4"

    @property
    def feature_map(self) -> Tensor:
        """The feature map that contributes most: (height, width) float32."""
        return self.maps[self.map]

    @property
    def name(self) -> str:
        """First and last layer of the block: "Conv2d-4 → SiLU-6", or "MaxPool2d-7"."""
        return self.row.name if self.output == self.row.name else f"{self.row.name} → {self.output}"


def blocks(layers: Network, inside: Inside, contributed: Sequence[Tensor]) -> list[Block]:
    """The blocks of a network, one for each convolution and pool.

    `contributed`: the `contributions` of the network's layers to its answer.
    """
    rows = layer_table(layers)
    names = {row.index: row.name for row in rows}
    firsts = [row for row in rows if row.layer.role in ("convolution", "pool")]
    ends = [row.index for row in firsts[1:]] + [len(layers)]
    found = []
    for row, end in zip(firsts, ends, strict=True):
        activations = [i for i in range(row.index, end) if layers[i].role == "activation"]
        index = max(activations, default=row.index)
        maps, cells = inside.maps[index], contributed[index]
        # A class map contributes to the logit of its own class alone, even where it lowers it.
        chosen = inside.answer if are_classes(layers, index) else rank_by_contribution(cells)[0]
        output = names.get(index, layers[index].kind)  # a functional ReLU has no row, and no number
        name = map_names(layers, index, len(maps))[chosen]
        found.append(Block(row, output, chosen, highest_cell(cells[chosen]), maps, cells, name))
    return found


def are_classes(layers: Network, index: int) -> bool:
    """Whether each feature map of layer `index` belongs to one class: no later layer mixes the maps."""
    return not any(layer.role == "convolution" for layer in layers[index + 1 :])


def map_names(layers: Network, index: int, count: int) -> list[str]:
    """Names of the `count` feature maps of layer `index`: "map 1", …; after the last convolution
    "class 0", …"""
    return [f"class {i}" if are_classes(layers, index) else f"map {i + 1}" for i in range(count)]


def kernels(model: nn.Sequential, index: int) -> Tensor | None:
    """The kernels of layer `index`: (maps out, maps in, side, side); None where it has none.

    A depthwise convolution has one kernel for each map, so its second size is 1.
    """
    weight = getattr(layer_modules(model)[index], "weight", None)
    return weight.detach() if isinstance(weight, Tensor) and weight.dim() == 4 else None


def rank_by_value(maps: Tensor) -> list[int]:
    """Numbers from 0 of the feature maps (channels, height, width), the largest absolute value first."""
    return [int(i) for i in maps.abs().amax((1, 2)).argsort(descending=True, stable=True)]


def rank_by_contribution(contributed: Tensor) -> list[int]:
    """Numbers from 0 of the feature maps, the largest sum of contributions first.

    `contributed`: (channels, height, width), the `contributions` of their cells.
    """
    return [int(i) for i in contributed.sum((1, 2)).argsort(descending=True, stable=True)]


def highest_cell(field: Tensor) -> tuple[int, int]:
    """Row and column of the highest value of (height, width), the first one of several."""
    return divmod(int(field.argmax()), field.shape[1])


def count_constant(maps: Tensor) -> int:
    """How many of the feature maps have the same value in all their cells, and so show nothing."""
    return int((maps.amax((1, 2)) == maps.amin((1, 2))).sum())


def value_range(values: Tensor) -> tuple[float, float]:
    """The lowest and the highest value."""
    return float(values.min()), float(values.max())
