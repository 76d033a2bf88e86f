from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from s5core import explain, steps
from s5core.data import Digits, normalize, to_unit
from s5core.layers import Conv, Dropout, GlobalAvgPool, MaxPool, ReLU, build, shapes


@pytest.fixture
def digit(practice: Digits) -> torch.Tensor:
    return practice.validation_images[:1]


@pytest.mark.parametrize("name", ["step1", "step4", "step5"])
def test_maps_are_what_each_layer_gives(name: str, digit: torch.Tensor) -> None:
    layers = steps.STEPS[name].layers
    model = build(layers, seed=1).eval()
    inside = explain.look_inside(model, digit)
    assert [map_.shape for map_ in inside.maps] == [out for _, _, out in shapes(layers)]
    with torch.no_grad():
        for i, found in enumerate(inside.maps):
            # The network cut off behind layer i: nothing behind it can rectify its output.
            assert torch.equal(found, model[: i + 1](normalize(to_unit(digit)))[0])
        logits = model(normalize(to_unit(digit)))[0]
    assert torch.allclose(inside.probabilities, logits.softmax(0))
    assert inside.answer == logits.argmax()
    assert inside.confidence == pytest.approx(100 * logits.softmax(0).max().item())


def test_a_convolution_keeps_its_negative_values_before_the_relu(digit: torch.Tensor) -> None:
    model = build(steps.STEPS["step1"].layers, seed=0).eval()
    convolved, rectified = explain.look_inside(model, digit).maps[:2]
    assert convolved.min() < 0
    assert torch.equal(rectified, convolved.clamp(min=0))


def test_kernels(digit: torch.Tensor) -> None:
    model = build((Conv(6), ReLU(), Conv(6, groups=6), Conv(10, kernel=5), GlobalAvgPool()), seed=0).eval()
    first = explain.kernels(model, 0)
    assert first is not None and not first.requires_grad
    expected = F.conv2d(normalize(to_unit(digit)), first)[0]
    assert torch.allclose(explain.look_inside(model, digit).maps[0], expected, atol=1e-6)
    assert explain.kernels(model, 1) is None
    sizes = [None if k is None else tuple(k.shape) for k in (explain.kernels(model, i) for i in range(2, 5))]
    assert sizes == [(6, 1, 3, 3), (10, 6, 5, 5), None]


def test_ranking_and_flat_maps() -> None:
    maps = torch.zeros(4, 3, 3)
    maps[1, 2, 0] = 1.0
    maps[2, 0, 0] = -5.0  # far from zero, although it is the lowest
    maps[3] = 2.0
    assert explain.ranking(maps) == [2, 3, 1, 0]
    assert explain.count_flat(maps) == 2
    assert explain.value_range(maps) == (-5.0, 2.0)
    assert explain.brightest(maps[1]) == (2, 0)


def test_members() -> None:
    assert explain.members(torch.tensor([3, 1, 3, 0]), 3) == [0, 2]
    assert explain.members(torch.tensor([3, 1, 3, 0]), 9) == []


def test_every_layer_of_every_step_is_described() -> None:
    for step in steps.STEPS.values():
        for layer, shape, _ in shapes(step.layers):
            assert explain.describe(layer, shape[0]).endswith(".")


@pytest.mark.parametrize(
    ("layer", "maps_in", "words"),
    [
        (Conv(8), 1, "8 maps is made by one kernel of 3 × 3"),
        (Conv(8, groups=8), 8, "made by one kernel of 3 × 3"),
        (Conv(24, kernel=5), 16, "24 maps is made by 16 kernels of 5 × 5"),
        (Conv(1, kernel=1), 16, "1 map is a weighted sum of 16 maps"),
        (MaxPool(3), 4, "3 × 3 block"),
        (Dropout(), 4, "lets everything through"),
    ],
)
def test_describe(layer: Conv, maps_in: int, words: str) -> None:
    assert words in explain.describe(layer, maps_in)
