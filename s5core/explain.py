"""What happens inside a network: the maps of every layer for one digit, its kernels, and which
ink spoke for which answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from s5core.data import normalize, to_unit
from s5core.layers import BatchNorm, Conv, Dropout, GlobalAvgPool, Layer, MaxPool, ReLU, SiLU

STEPS = 64  # on the way from an empty picture to the digit; more are exacter and slower


@dataclass(frozen=True)
class Inside:
    """One digit on its way through a network."""

    maps: tuple[Tensor, ...]  # of layer i: (channels, height, width) float32
    evidence: tuple[Tensor, ...]  # of each cell of them for the answer, in logits; same shapes
    probabilities: Tensor  # (10,) float32, summing to 1

    @property
    def answer(self) -> int:
        """The class that the network reads."""
        return int(self.probabilities.argmax())

    @property
    def confidence(self) -> float:
        """The probability of that class, in percent."""
        return 100 * float(self.probabilities.max())


def look_inside(model: nn.Sequential, digit: Tensor) -> Inside:
    """Read a digit and keep what every layer makes of it.

    `model`: as `layers.build` makes it, in eval mode, on the CPU. `digit`: (1, 1, 28, 28) uint8.
    A cell's evidence for the answer is its value times the gradient of the answer's logit: what
    the logit would lose without it, as far as the network is linear (arXiv:1605.01713).
    """
    x = normalize(to_unit(digit)).requires_grad_()
    outputs = []
    for module in model:
        # A ReLU works in place: without the copy it would rectify the map before it as well.
        x = module(x.clone())
        outputs.append(x)
    *maps, logits = outputs  # the Flatten comes last
    gradients = torch.autograd.grad(logits.max(), maps)
    return Inside(
        tuple(output[0].detach() for output in maps),
        tuple((output * gradient)[0].detach() for output, gradient in zip(maps, gradients, strict=True)),
        logits[0].detach().softmax(0),
    )


def attribute(model: nn.Module, digit: Tensor, classes: Sequence[int]) -> Tensor:
    """How much the ink of each pixel speaks for each of some classes: (len(classes), 28, 28).

    In logits: a class's pixels sum to its logit for this digit minus that for an empty picture
    (integrated gradients, arXiv:1703.01365), to a few tenths. `model` and `digit` as for `look_inside`.
    """
    seen, empty = (normalize(to_unit(field)) for field in (digit, torch.zeros_like(digit)))
    copies = seen.expand(len(classes), -1, -1, -1)
    found: Tensor = IntegratedGradients(model).attribute(
        copies, empty.expand_as(copies), target=list(classes), n_steps=STEPS
    )
    return found[:, 0].detach().float()


@dataclass(frozen=True)
class Station:
    """Where a digit on its way through a network is worth a look: the end of a block."""

    layer: int  # index of the layer
    map: int  # from 0: the one with the most evidence for the answer
    cell: tuple[int, int]  # row and column of that map's cell with the most


def stations(layers: Sequence[Layer], inside: Inside) -> list[Station]:
    """The stations in order: the layers before each next convolution or pool, as long as they
    have more than one cell. The first half of a separable convolution is no end of a block."""
    found = []
    for index, (maps, evidence) in enumerate(zip(inside.maps, inside.evidence, strict=True)):
        following = layers[index + 1] if index + 1 < len(layers) else None
        ends = following is None or isinstance(following, (Conv, MaxPool, GlobalAvgPool))
        halfway = isinstance(layers[index], Conv) and isinstance(following, Conv)
        if ends and not halfway and maps[0].numel() > 1:
            loudest = loudness(evidence)[0]
            found.append(Station(index, loudest, brightest(evidence[loudest])))
    return found


def loudness(evidence: Tensor) -> list[int]:
    """Numbers from 0 of the maps (channels, height, width), the one with the most evidence for
    the answer first."""
    return [int(i) for i in evidence.sum((1, 2)).argsort(descending=True, stable=True)]


def kernels(model: nn.Sequential, index: int) -> Tensor | None:
    """The kernels of layer `index`: (maps out, maps in, side, side); None where it has none.

    A depthwise convolution has one a map, so its second size is 1.
    """
    module = model[index]
    return module.weight.detach() if isinstance(module, nn.Conv2d) else None


def ranking(maps: Tensor) -> list[int]:
    """Numbers from 0 of the maps (channels, height, width), the largest absolute value first."""
    return [int(i) for i in maps.abs().amax((1, 2)).argsort(descending=True, stable=True)]


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
        case GlobalAvgPool():
            return "It averages each map into a single value: how much of a feature there is, not where."
        case _:
            raise TypeError(f"{layer} is no layer that is known here")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
