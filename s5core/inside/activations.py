"""What happens inside a network: the maps of every layer for one digit, what each of them says
for a class, and its kernels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from s5core.data import normalize, to_unit
from s5core.layers import BatchNorm, Conv, Crop, Dropout, GlobalAvgPool, Layer, MaxPool, Network, ReLU, SiLU
from s5core.summary import Row, layer_table


@dataclass(frozen=True)
class Inside:
    """One digit on its way through a network."""

    maps: tuple[Tensor, ...]  # of layer i: (channels, height, width) float32
    probabilities: Tensor  # (10,) float32, summing to 1

    @property
    def answer(self) -> int:
        """The class that the network reads."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """The probability of that class, 0 to 1."""
        return float(self.probabilities.max())


@torch.no_grad()
def look_inside(model: nn.Sequential, digit: Tensor) -> Inside:
    """Read a digit and keep what every layer makes of it.

    `model`: as `layers.build` makes it, in eval mode, on the CPU. `digit`: (1, 1, 28, 28) uint8.
    """
    *maps, logits = outputs(model, normalize(to_unit(digit)))
    return Inside(tuple(output[0] for output in maps), logits[0].softmax(0))


def outputs(model: nn.Sequential, x: Tensor) -> list[Tensor]:
    """What every layer makes of `x`, (N, 1, 28, 28) float32, normalised; the (N, 10) logits come
    last."""
    found = []
    for module in model:
        # A ReLU works in place: without the copy it would rectify the map before it as well.
        x = module(x.clone())
        found.append(x)
    return found


def contributions(model: nn.Sequential, digit: Tensor, label: int) -> tuple[Tensor, ...]:
    """What each cell of each layer says for a class: the gradient of the class's logit with
    respect to the cell, times the cell's value.

    Layer i has (channels, height, width) float32, in units of the logit; negative is against.
    In a network of convolutions without bias, ReLUs and pools, the cells of any layer sum to
    the logit (Shrikumar et al., "Not Just a Black Box", arXiv:1605.01713). captum calls it
    LayerGradientXActivation, one layer at a time and by hooks on the model; models are shared
    between sessions here, so they get none. `model`, `digit`: as for `look_inside`.
    """
    # Where no weight asks for a gradient, the digit must, or autograd would record nothing.
    *maps, logits = outputs(model, normalize(to_unit(digit)).requires_grad_())
    gradients = torch.autograd.grad(logits[0, label], maps)
    return tuple((m * g)[0].detach() for m, g in zip(maps, gradients, strict=True))


@dataclass(frozen=True)
class Station:
    """The loudest map of a block, on a digit's way through a network."""

    row: Row  # of the block's convolution or pool; what follows in the block sees as much
    behind: str  # the layer that the map leaves: the block's activation, else the row's own
    map: int  # from 0
    cell: tuple[int, int]  # the loudest one of that map: row and column
    maps: Tensor  # (channels, height, width) float32: all maps of the station

    @property
    def field(self) -> Tensor:
        """The loudest map: (height, width) float32."""
        return self.maps[self.map]

    @property
    def name(self) -> str:
        """From where to where the block reaches: "Conv2d-4 → SiLU-6", or "MaxPool2d-7"."""
        return self.row.name if self.behind == self.row.name else f"{self.row.name} → {self.behind}"


def stations(layers: Network, inside: Inside, spoken: Sequence[Tensor]) -> list[Station]:
    """A station for each convolution and pool: the map that says most for the answer, as it leaves
    the activation that follows.

    `spoken`: the network's `contributions` to the answer.
    """
    rows = layer_table(layers)
    names = {row.index: row.name for row in rows}
    starts = [row for row in rows if isinstance(row.layer, Conv | MaxPool | GlobalAvgPool)]
    ends = [row.index for row in starts[1:]] + [len(layers)]
    found = []
    for row, end in zip(starts, ends, strict=True):
        block = range(row.index, end)
        index = max((i for i in block if isinstance(layers[i], ReLU | SiLU)), default=row.index)
        maps, said = inside.maps[index], spoken[index]
        # A logit speaks for its own class alone, even where it is below zero.
        loudest = inside.answer if end == len(layers) else by_contribution(said)[0]
        behind = names.get(index, layers[index].kind)  # a functional ReLU has no row, and no number
        found.append(Station(row, behind, loudest, brightest(said[loudest]), maps))
    return found


def kernels(model: nn.Sequential, index: int) -> Tensor | None:
    """The kernels of layer `index`: (maps out, maps in, side, side); None where it has none.

    A depthwise convolution has one a map, so its second size is 1.
    """
    module = model[index]
    return module.weight.detach() if isinstance(module, nn.Conv2d) else None


def ranking(maps: Tensor) -> list[int]:
    """Numbers from 0 of the maps (channels, height, width), the largest absolute value first."""
    return [int(i) for i in maps.abs().amax((1, 2)).argsort(descending=True, stable=True)]


def by_contribution(spoken: Tensor) -> list[int]:
    """Numbers from 0 of the maps whose `contributions` (channels, height, width) these are, the
    largest sum first."""
    return [int(i) for i in spoken.sum((1, 2)).argsort(descending=True, stable=True)]


def brightest(field: Tensor) -> tuple[int, int]:
    """Row and column of the highest value of a map (height, width), the first one of several."""
    return divmod(int(field.argmax()), field.shape[1])


def count_flat(maps: Tensor) -> int:
    """How many of the maps have the same value in all their cells, and so show nothing."""
    return int((maps.amax((1, 2)) == maps.amin((1, 2))).sum())


def value_range(values: Tensor) -> tuple[float, float]:
    """The lowest and the highest value."""
    return float(values.min()), float(values.max())


def members(labels: Tensor, label: int) -> list[int]:
    """Where in `labels` (N,) the class `label` stands."""
    return [int(i) for i in (labels == label).nonzero().flatten()]


def describe(layer: Layer, maps_in: int) -> str:
    """What a layer does to the `maps_in` maps that enter it, in a sentence for a student."""
    match layer:
        case Conv(kernel=1):
            return (
                f"Each of its {_count(layer.channels, 'map')} is a weighted sum of "
                f"{_count(maps_in // layer.groups, 'map')} of the layer before, cell by cell: it mixes "
                "what was found and looks at no neighbours."
            )
        case Conv():
            each = maps_in // layer.groups
            window = f"{layer.kernel} × {layer.kernel}"
            made = f"Each of its {_count(layer.channels, 'map')} is made by "
            if each == 1:
                return f"{made}one kernel of {window}, which slides over one map of the layer before."
            return f"{made}{each:,} kernels of {window}, one for each map that enters, added up."
        case ReLU():
            return "It sets every negative value to zero and leaves the others as they are."
        case SiLU():
            return (
                "It leaves large values as they are and fades out negative ones smoothly, so that a "
                "cell below zero can still learn."
            )
        case BatchNorm():
            return "It shifts and scales each map so that all maps have values of a similar size."
        case Dropout():
            return "It wipes out single values while the network trains; here it lets everything through."
        case MaxPool():
            return (
                f"It keeps the largest value of each {layer.size} × {layer.size} block, so that the maps "
                "get smaller and each cell stands for more of the digit."
            )
        case Crop():
            return (
                f"It keeps the middle {layer.size} × {layer.size} pixels: hardly any ink is at the border, "
                "and every layer behind has fewer cells to work out."
            )
        case GlobalAvgPool():
            return "It averages each map into a single value: how much of a feature there is, not where."
        case _:
            raise TypeError(f"{layer} is no layer that is known here")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
