"""Advice on a network that somebody designs: what is impossible or unwise, why, and how to mend it.

    >>> [advice.rule for advice in advise(parse("C8 BN BN ReLU GAP H10"))]
    ['norm_without_layer', 'sees_too_little']

Each rule is a function from a network to its findings, and an entry in `RULES`. A rule proposes mends, the
best one first; `advise` takes the first that removes the finding and harms nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from s5core.layers import (
    CLASSES,
    INPUT_SHAPE,
    BatchNorm,
    Conv,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Network,
    NetworkError,
    Shape,
    SiLU,
    check,
    count_possible,
    shapes,
)
from s5core.summary import Row, count_parameters, layer_table, receptive_field
from s5core.target import PARAMETER_BUDGET, PARAMETERS
from s5core.words import count, percent

DIGIT = 20  # pixels that a digit of MNIST spans
MOST_BLOCKS = 4  # pools and convolutions that a mend adds at most: four pools leave a single cell

HEAD: Network = (GlobalAvgPool(), Conv(CLASSES, kernel=1))


@dataclass(frozen=True)
class Mend:
    """A change that puts something right."""

    words: str  # what it does, as on a button: "Remove it"
    layers: Network  # the network afterwards


@dataclass(frozen=True)
class Finding:
    """Something that a rule has found at a layer."""

    index: int  # of the layer, from 0
    reason: str  # one or two sentences
    mends: Iterable[Mend]  # what may help, the best first; they are made only when they are asked for


@dataclass(frozen=True)
class Advice:
    """What is impossible or unwise at a layer."""

    rule: str  # name of the rule
    index: int  # of the layer, from 0
    reason: str
    mend: Mend | None  # None where nothing simple helps

    @property
    def is_error(self) -> bool:
        """Whether the network cannot be built as it is."""
        return self.rule in (impossible.__name__, no_logits.__name__)


def advise(layers: Iterable[Layer]) -> tuple[Advice, ...]:
    """All advice on a network, in the order of its layers. A network that cannot be built gets some, too."""
    return _advise(tuple(layers))


@lru_cache(maxsize=256)
def _advise(layers: Network) -> tuple[Advice, ...]:
    found = [
        Advice(rule.__name__, finding.index, finding.reason, _best(rule, layers, finding))
        for rule in RULES
        for finding in rule(layers)
    ]
    return tuple(sorted(found, key=lambda advice: (advice.index, not advice.is_error)))


def _best(rule: Rule, layers: Network, finding: Finding) -> Mend | None:
    """The first mend after which the rule finds less and the network is not further from a possible one."""
    before = sum(1 for _ in rule(layers))
    for mend in finding.mends:
        better = _flaws(mend.layers) < _flaws(layers)
        fewer = sum(1 for _ in rule(mend.layers)) < before
        if better or (fewer and _flaws(mend.layers) == _flaws(layers)):
            return mend
    return None


def _flaws(layers: Network) -> int:
    """How far a network is from one that can be built: 0 for one that can."""
    if left := len(layers) - count_possible(layers):
        return 1 + left
    try:
        check(layers)
    except NetworkError:
        return 1
    return 0


# The rules


def impossible(layers: Network) -> Iterator[Finding]:
    """A layer that does not fit its input, such as a kernel that is larger than its map."""
    index = count_possible(layers)
    if index == len(layers):
        return
    shape = _shape_after(layers[:index])
    try:
        layers[index].check(shape)
    except NetworkError as error:
        reason = str(error)
        yield Finding(index, f"{reason[0].upper()}{reason[1:]}.", _fitting(layers, index, shape))


def _fitting(layers: Network, index: int, shape: Shape) -> Iterator[Mend]:
    fitted = layers[index].fitted(shape)
    if fitted is not None:
        yield Mend(f"Make it {fitted.describe()}", (*layers[:index], fitted, *layers[index + 1 :]))
    yield _without(layers, index)


def no_logits(layers: Network) -> Iterator[Finding]:
    """An end that is not one number for each class."""
    if count_possible(layers) < len(layers):
        return
    shape = _shape_after(layers)
    if layers and shape == (CLASSES, 1, 1):
        return
    ends = f"The network ends in {'×'.join(map(str, shape))}" if layers else "There are no layers"
    reason = f"{ends}, and the ten classes need {CLASSES}×1×1: a number for each."
    yield Finding(max(0, len(layers) - 1), reason, _heads(layers, shape))


def _heads(layers: Network, shape: Shape) -> Iterator[Mend]:
    if layers and isinstance(layers[-1], Conv) and shape[1:] == (1, 1):
        ten = replace(layers[-1], channels=CLASSES)
        if (fitted := ten.fitted(_shape_after(layers[:-1]))) is not None:
            yield Mend(f"Give it {CLASSES} maps", (*layers[:-1], fitted))
    if shape[0] == CLASSES and layers:
        yield Mend("Add the average", (*layers, GlobalAvgPool()))
    if shape[1:] == (1, 1):
        yield Mend("Add a head", (*layers, HEAD[1]))
    yield Mend("Add the average and a head", (*layers, *HEAD))


def norm_without_layer(layers: Network) -> Iterator[Finding]:
    """A norm without a convolution since the norm before it."""
    normal = True  # as the digits are
    for index, layer in enumerate(layers):
        if layer.role == "convolution":
            normal = False
        elif layer.role == "norm":
            if normal:
                before = "The digits come" if not _roles(layers[:index]) & {"norm"} else "Its input comes"
                reason = f"{before} normalised already: a norm belongs after a convolution."
                yield Finding(index, reason, [_without(layers, index)])
            normal = True


def two_activations(layers: Network) -> Iterator[Finding]:
    """An activation of what an activation has given, with nothing to learn in between."""
    active = False
    for index, layer in enumerate(layers):
        if layer.role in ("convolution", "norm"):
            active = False
        elif layer.role == "activation":
            if active:
                reason = (
                    "This is the second activation in a row. Without weights between them, two bend the "
                    "values no better than one."
                )
                yield Finding(index, reason, [_without(layers, index)])
            active = True


def cancelled_bias(layers: Network) -> Iterator[Finding]:
    """A bias whose map is shifted back by the norm after it."""
    for index, (layer, after) in enumerate(pairwise(layers)):
        if isinstance(layer, Conv) and layer.bias and after.role == "norm":
            reason = (
                f"The norm after it subtracts the mean of each map, and with it these "
                f"{count(layer.channels, 'bias', 'biases')}. It adds a shift of its own."
            )
            bare = (*layers[:index], replace(layer, bias=False), *layers[index + 1 :])
            yield Finding(index, reason, [Mend("Take the bias away", bare)])


def activation_on_scores(layers: Network) -> Iterator[Finding]:
    """An activation after the last convolution, which gives the classes their scores."""
    last = _last_convolution(layers)
    scores = None if last is None else layers[last]
    if last is None or not isinstance(scores, Conv) or scores.channels != CLASSES:
        return
    for index in range(last + 1, len(layers)):
        if layers[index].role == "activation":
            reason = (
                "It bends the scores of the classes. Where a ReLU makes the score of a class zero for every "
                "digit, no gradient is left, and the class is lost for the rest of the run."
            )
            yield Finding(index, reason, [_without(layers, index)])


def late_pool(layers: Network) -> Iterator[Finding]:
    """A pool after which only the average looks at more than one cell."""
    if count_possible(layers) < len(layers):
        return
    average = _average(layers)
    walked = list(shapes(layers))
    for index, (layer, _, _) in enumerate(walked[:average]):
        if not isinstance(layer, MaxPool):
            continue
        between = walked[index + 1 : average]
        if all(layer.window(shape)[0] == 1 for layer, shape, _ in between):
            reason = (
                "Between this pool and the average no layer looks at neighbouring cells. The pool only "
                f"throws values away: all but one of every {layer.size}×{layer.size}."
            )
            yield Finding(index, reason, [_without(layers, index)])


def sees_too_little(layers: Network) -> Iterator[Finding]:
    """An average over cells of which none has seen a whole digit."""
    average = _average(layers)
    if count_possible(layers) < len(layers) or average == len(layers):
        return
    field = receptive_field(layers[:average])
    if field >= DIGIT or _shape_after(layers[:average])[1] == 1:
        return
    reason = (
        f"The cells that are averaged here see {field} of the {INPUT_SHAPE[1]} pixels, and a digit spans "
        f"about {DIGIT}. So the average adds up parts of a digit, and no cell has seen it as a whole."
    )
    yield Finding(average, reason, _wider(layers, average))


def _wider(layers: Network, average: int) -> Iterator[Mend]:
    """One pool more, as late as possible; else whole blocks of pool and convolution."""
    for index in reversed(range(1, average)):
        layer = layers[index]
        if isinstance(layer, Conv) and layer.kernel > 1 and layers[index - 1].role != "pool":
            words = f"Add a pool before layer {index + 1}"
            yield Mend(words, (*layers[:index], MaxPool(), *layers[index:]))
    maps = _shape_after(layers[:average])[0]
    norm = (BatchNorm(),) if "norm" in _roles(layers) else ()
    activation = next((layer for layer in layers if layer.role == "activation"), SiLU())
    block: Network = (MaxPool(), Conv(maps, padding=1), *norm, activation)
    for blocks in range(1, MOST_BLOCKS + 1):
        words = f"Add {count(blocks, 'pool and convolution', 'pools and convolutions')}"
        yield Mend(words, (*layers[:average], *(block * blocks), *layers[average:]))


def costly_layer(layers: Network) -> Iterator[Finding]:
    """A layer with most of the exercise's budget; where all together have too much, with a third of it."""
    if not (largest := _largest(layers)):
        return
    is_over = count_parameters(layers) >= PARAMETER_BUDGET
    if largest.parameters <= PARAMETER_BUDGET / (3 if is_over else 2):
        return
    share = percent(100 * largest.parameters / PARAMETER_BUDGET, 0)
    reason = (
        f"It has {largest.parameters:,} parameters: {share} of the {PARAMETER_BUDGET:,} that all layers "
        "together may have."
    )
    yield Finding(largest.index, reason, _cheaper(layers, largest.index))


def _cheaper(layers: Network, index: int) -> Iterator[Mend]:
    layer, before = layers[index], _shape_after(layers[:index])
    if isinstance(layer, Conv) and layer.kernel > 1:
        after = layers[index + 1 :]
        if layer.channels == CLASSES and layer.output_shape(before)[1] == 1 and before[1] == before[2]:
            yield Mend("Average first, then a 1×1 head", (*layers[:index], *HEAD, *after))
        if layer.groups == 1 and before[0] > 1:
            depthwise = replace(layer, channels=before[0], groups=before[0], bias=False)
            pointwise = Conv(layer.channels, kernel=1, bias=layer.bias)
            yield Mend(
                "Split it: a depthwise one, then a 1×1", (*layers[:index], depthwise, pointwise, *after)
            )
    yield from _narrower(layers, lambda narrowed: not list(costly_layer(narrowed)))


def too_many_parameters(layers: Network) -> Iterator[Finding]:
    """More parameters than the exercise allows."""
    if not (largest := _largest(layers)) or PARAMETERS.met_by(total := count_parameters(layers)):
        return
    reason = (
        f"The network has {count(total, 'parameter')}, and the exercise allows {PARAMETERS.words}. "
        f"This layer has the most: {largest.parameters:,}."
    )
    fits = lambda narrowed: PARAMETERS.met_by(count_parameters(narrowed))  # noqa: E731
    yield Finding(largest.index, reason, _narrower(layers, fits))


def _narrower(layers: Network, fits: Callable[[Network], bool]) -> Iterator[Mend]:
    """The network with fewer maps in each layer but the last, as many as fit."""
    factor = min(1.0, math.sqrt(PARAMETER_BUDGET / count_parameters(layers)))
    while factor > 1e-3:
        narrowed = _narrowed(layers, factor)
        if count_possible(narrowed) < len(narrowed):
            return
        if fits(narrowed):
            yield Mend(f"Narrow all layers to {100 * factor:.0f} %", narrowed)
            return
        factor *= 0.95


def _narrowed(layers: Network, factor: float) -> Network:
    """Every convolution but the last with that share of its maps, one at least."""
    last, found = _last_convolution(layers), list[Layer]()
    shape = INPUT_SHAPE
    for index, (layer, before, _) in enumerate(shapes(layers)):
        if isinstance(layer, Conv):
            each = layer.channels // layer.groups
            if layer.groups == before[0] > 1 and index != last:  # depthwise: it follows its input
                layer = replace(layer, channels=each * shape[0], groups=shape[0])
            elif index != last:
                layer = replace(layer, channels=max(1, round(layer.channels * factor)))
            layer = layer.fitted(shape) or layer
        found.append(layer)
        shape = layer.output_shape(shape)
    return tuple(found)


# Whatever several rules ask of a network


def _without(layers: Network, index: int) -> Mend:
    return Mend("Remove it", (*layers[:index], *layers[index + 1 :]))


def _roles(layers: Network) -> set[str]:
    return {layer.role for layer in layers}


def _shape_after(layers: Network) -> Shape:
    """The output shape of possible layers."""
    return [INPUT_SHAPE, *(out for _, _, out in shapes(layers))][-1]


def _last_convolution(layers: Network) -> int | None:
    return max((i for i, layer in enumerate(layers) if layer.role == "convolution"), default=None)


def _average(layers: Network) -> int:
    """Index of the global average; the number of layers where there is none."""
    return next((i for i, layer in enumerate(layers) if isinstance(layer, GlobalAvgPool)), len(layers))


def _largest(layers: Network) -> Row | None:
    """The layer with the most parameters; None where not all layers are possible."""
    if not layers or count_possible(layers) < len(layers):
        return None
    return max(layer_table(layers, every=True), key=lambda row: row.parameters)


Rule = Callable[[Network], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    impossible,
    no_logits,
    norm_without_layer,
    two_activations,
    cancelled_bias,
    activation_on_scores,
    late_pool,
    sees_too_little,
    costly_layer,
    too_many_parameters,
)
