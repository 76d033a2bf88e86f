from __future__ import annotations

import pytest
import torch
from captum.attr import LayerGradientXActivation
from torch import nn
from torch.nn import functional as F

from s5core import checkpoint, steps
from s5core.data import Digits
from s5core.inside import activations
from s5core.layers import (
    BatchNorm,
    Conv,
    Dropout,
    GlobalAvgPool,
    MaxPool,
    Network,
    ReLU,
    SiLU,
    build,
    layer_modules,
    shapes,
)
from s5core.modules import Normalize, to_unit
from s5core.summary import layer_table


@pytest.fixture
def digit(practice: Digits) -> torch.Tensor:
    return practice.validation_images[:1]


@pytest.mark.parametrize("name", ["step1", "step4", "step5"])
def test_maps_are_what_each_layer_gives(name: str, digit: torch.Tensor) -> None:
    layers = steps.STEPS[name].layers
    model = build(layers, seed=1).eval()
    inside = activations.look_inside(model, digit)
    assert [map_.shape for map_ in inside.maps] == [out for _, _, out in shapes(layers)]
    with torch.no_grad():
        for i, found in enumerate(inside.maps):
            # The network cut off after layer i: no later layer can change its output in place.
            assert torch.equal(found, model[: i + 2](digit)[0])
        logits = model(digit)[0]
    assert torch.allclose(inside.probabilities, logits.softmax(0))
    assert inside.answer == logits.argmax()
    assert inside.confidence == pytest.approx(logits.softmax(0).max().item())


def test_a_convolution_keeps_its_negative_values_before_the_relu(digit: torch.Tensor) -> None:
    model = build(steps.STEPS["step1"].layers, seed=0).eval()
    convolved, rectified = activations.look_inside(model, digit).maps[:2]
    assert convolved.min() < 0
    assert torch.equal(rectified, convolved.clamp(min=0))


def test_kernels(digit: torch.Tensor) -> None:
    model = build((Conv(6), ReLU(), Conv(6, groups=6), Conv(10, kernel=5), GlobalAvgPool()), seed=0).eval()
    first = activations.kernels(model, 0)
    assert first is not None and not first.requires_grad
    expected = F.conv2d(Normalize()(digit), first)[0]
    assert torch.allclose(activations.look_inside(model, digit).maps[0], expected, atol=1e-6)
    assert activations.kernels(model, 1) is None
    sizes = [
        None if k is None else tuple(k.shape) for k in (activations.kernels(model, i) for i in range(2, 5))
    ]
    assert sizes == [(6, 1, 3, 3), (10, 6, 5, 5), None]


def shipped(name: str) -> nn.Sequential:
    """As the app has it: shared, and asking for no gradient."""
    return checkpoint.load(checkpoint.shipped_path(name)).model().requires_grad_(False)


def test_without_bias_the_contributions_of_every_layer_add_up_to_the_logit(digit: torch.Tensor) -> None:
    model = shipped("step1")
    logits = model(digit)[0]
    for label in (int(logits.argmax()), int(logits.argmin())):
        for contributed in activations.contributions(model, digit, label):
            assert contributed.sum() == pytest.approx(float(logits[label]), rel=1e-3)


@pytest.mark.parametrize("name", ["step4", "step5"])
def test_contributions_are_those_of_captum(name: str, digit: torch.Tensor) -> None:
    model = shipped(name)
    found = activations.contributions(model, digit, 4)
    for module in model:
        if isinstance(module, nn.ReLU):
            module.inplace = False  # or captum would be given rectified maps for those before
    for module, contributed in zip(layer_modules(model), found, strict=True):
        method = LayerGradientXActivation(model, module)
        expected = method.attribute(to_unit(digit).requires_grad_(), target=4)
        assert not contributed.requires_grad
        assert torch.allclose(contributed, expected[0], atol=1e-4)


def test_the_map_with_the_largest_sum_contributes_most() -> None:
    contributed = torch.zeros(3, 2, 2)
    contributed[0, 0, 0] = -9.0
    contributed[1] = 1.0
    contributed[2, 1, 1] = 3.0
    assert activations.rank_by_contribution(contributed) == [1, 2, 0]


@pytest.mark.parametrize(
    ("layers", "blocks", "shown"),
    [
        (steps.STEP5, (0, 3, 6, 7, 10, 13, 14, 17, 18), (2, 5, 6, 9, 12, 13, 16, 17, 18)),
        (
            (Conv(4), ReLU(), BatchNorm(), Dropout(), MaxPool(4), Conv(10), BatchNorm(), GlobalAvgPool()),
            (0, 4, 5, 7),
            (1, 4, 5, 7),
        ),
        ((Conv(4), BatchNorm(), SiLU(), Conv(10), GlobalAvgPool()), (0, 3, 4), (2, 3, 4)),
        ((Conv(4, 5), ReLU(functional=True), Conv(10, 24, bias=True)), (0, 2), (1, 2)),
    ],
)
def test_a_block_for_each_convolution_and_pool(
    layers: Network, blocks: tuple[int, ...], shown: tuple[int, ...], digit: torch.Tensor
) -> None:
    model = build(layers, seed=1).eval().requires_grad_(False)
    inside = activations.look_inside(model, digit)
    contributed = activations.contributions(model, digit, inside.answer)
    found = activations.blocks(layers, inside, contributed)
    assert tuple(block.row.index for block in found) == blocks
    for block, i in zip(found, shown, strict=True):
        assert torch.equal(block.maps, inside.maps[i])
        assert torch.equal(block.feature_map, inside.maps[i][block.map])
        assert contributed[i][(block.map, *block.cell)] == contributed[i][block.map].max()
        if block is not found[-1]:
            assert contributed[i].sum((1, 2)).argmax() == block.map
    names = {row.index: row.name for row in layer_table(layers)}
    for block, i in zip(found, shown, strict=True):
        to = "" if i == block.row.index else f" → {names.get(i, 'ReLU')}"
        assert block.name == block.row.name + to


def test_at_the_end_the_answers_own_map_is_shown_even_below_zero(digit: torch.Tensor) -> None:
    layers = (Conv(10, kernel=28, bias=True),)
    model = build(layers, seed=0).eval().requires_grad_(False)
    layer_modules(model)[0].bias.fill_(-100)
    inside = activations.look_inside(model, digit)
    assert inside.maps[-1].max() < 0
    (block,) = activations.blocks(layers, inside, activations.contributions(model, digit, inside.answer))
    assert block.map == inside.answer


def test_ranking_and_flat_maps() -> None:
    maps = torch.zeros(4, 3, 3)
    maps[1, 2, 0] = 1.0
    maps[2, 0, 0] = -5.0  # far from zero, although it is the lowest
    maps[3] = 2.0
    assert activations.rank_by_value(maps) == [2, 3, 1, 0]
    assert activations.count_constant(maps) == 2
    assert activations.value_range(maps) == (-5.0, 2.0)
    assert activations.highest_cell(maps[1]) == (2, 0)


def test_maps_are_classes_after_the_last_convolution() -> None:
    layers = (Conv(4), ReLU(), Conv(10, kernel=1), GlobalAvgPool())
    assert [activations.are_classes(layers, i) for i in range(4)] == [False, False, True, True]
    assert activations.map_names(layers, 1, 2) == ["map 1", "map 2"]
    assert activations.map_names(layers, 3, 2) == ["class 0", "class 1"]
