from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from s5core import checkpoint, explain, steps
from s5core.data import Digits, normalize, to_unit
from s5core.layers import Conv, Dropout, GlobalAvgPool, Layer, MaxPool, ReLU, build, shapes
from s5core.summary import layer_table


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


def trained(name: str) -> torch.nn.Sequential:
    return checkpoint.load(checkpoint.SHIPPED / f"{name}.safetensors").model().requires_grad_(False)


def logits(model: torch.nn.Module, digit: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(normalize(to_unit(digit)))[0]


@pytest.mark.parametrize("name", ["step1", "step4", "step5"])
def test_attributions_sum_to_what_the_ink_does_to_the_logit(
    name: str, digit: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained(name)
    difference = (logits(model, digit) - logits(model, torch.zeros_like(digit)))[[3, 7]]
    found = explain.attribute(model, digit, [3, 7])
    assert found.shape == (2, 28, 28)
    assert found.sum((1, 2)).tolist() == pytest.approx(difference.tolist(), abs=0.7)
    monkeypatch.setattr(explain, "STEPS", 1000)
    exact = explain.attribute(model, digit, [3, 7])
    assert exact.sum((1, 2)).tolist() == pytest.approx(difference.tolist(), abs=0.05)
    assert float(found[:, digit[0, 0] == 0].abs().max()) == 0  # paper has nothing to say


def test_ink_that_a_linear_network_does_not_look_at_has_no_attribution() -> None:
    model = build((Conv(10, kernel=28),), seed=0).eval()
    with torch.no_grad():
        model[0].weight[:, :, :14] = 0
    digit = torch.full((1, 1, 28, 28), 200, dtype=torch.uint8)
    found = explain.attribute(model, digit, [4])[0]
    expected = model[0].weight[4, 0] * float(to_unit(digit)[0, 0, 0, 0]) / 0.3081
    assert float(found[:14].abs().max()) == 0
    assert torch.allclose(found, expected.detach(), atol=1e-4)


def test_evidence_is_what_the_answer_would_lose_in_the_last_linear_layers(digit: torch.Tensor) -> None:
    model = trained("step5")
    inside = explain.look_inside(model, digit)
    pooled = inside.maps[-2][:, 0, 0]
    expected = pooled * model[-2].weight[inside.answer, :, 0, 0]  # ten logits from the pooled features
    assert torch.allclose(inside.evidence[-2][:, 0, 0], expected, atol=1e-4)
    assert [each.shape for each in inside.evidence] == [each.shape for each in inside.maps]
    assert explain.loudness(inside.evidence[-2])[0] == int(expected.argmax())


@pytest.mark.parametrize("name", steps.STEPS)
def test_the_view_grows_from_station_to_station(name: str, digit: torch.Tensor) -> None:
    layers = steps.STEPS[name].layers if name != "base" else SMALL_BASE
    model = build(layers, seed=1).eval()
    inside = explain.look_inside(model, digit)
    found = explain.stations(layers, inside)
    rows = {row.index: row for row in layer_table([with_row(layer) for layer in layers])}
    fields = [rows[station.layer].receptive_field for station in found]
    assert len(found) >= 4 and fields == sorted(fields)
    for station in found:
        evidence = inside.evidence[station.layer]
        assert float(evidence[station.map].sum()) == pytest.approx(float(evidence.sum((1, 2)).max()))
        assert float(evidence[station.map][station.cell]) == float(evidence[station.map].max())


# The base net's make, with a ReLU that has no row of its own, and few maps.
SMALL_BASE = (
    *(Conv(4, padding=1, bias=True), ReLU(functional=True)),
    MaxPool(2),
    *(Conv(4, padding=1, bias=True), ReLU(functional=True)),
    MaxPool(2),
    *(Conv(8, bias=True), ReLU(functional=True)),
    Conv(10, kernel=5, bias=True),
)


def with_row(layer: Layer) -> Layer:
    return ReLU() if isinstance(layer, ReLU) else layer
