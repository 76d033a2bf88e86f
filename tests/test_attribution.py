from __future__ import annotations

import copy

import pytest
import torch
from captum.attr import IntegratedGradients
from torch import nn

from s5core import checkpoint, steps
from s5core.data import Digits
from s5core.inside import activations, attribution
from s5core.layers import BatchNorm, Conv, GlobalAvgPool, Network, ReLU, SiLU, build, layer_modules
from s5core.modules import STD, to_unit

SHIPPED = [name for name in steps.STEPS if checkpoint.shipped_path(name).exists()]
SMALL: Network = (Conv(4), SiLU(), ReLU(), Conv(10), GlobalAvgPool())
RECTIFIED_FIRST: Network = (ReLU(), Conv(4), BatchNorm(), ReLU(), Conv(10), GlobalAvgPool())


def shipped(name: str) -> nn.Sequential:
    """As the app has it: shared, and asking for no gradient."""
    return checkpoint.load(checkpoint.shipped_path(name)).model().requires_grad_(False)


def logits(model: nn.Sequential, digit: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(digit)[0]


@pytest.mark.parametrize("name", SHIPPED)
def test_the_ink_sums_to_what_the_logits_gain_from_an_empty_picture(name: str, practice: Digits) -> None:
    model = shipped(name)
    empty = logits(model, torch.zeros(1, 1, 28, 28, dtype=torch.uint8))
    misses, gains = [], []
    for digit in practice.validation_images[:8].split(1):
        labels = logits(model, digit).topk(2).indices.tolist()
        gain = (logits(model, digit) - empty)[labels]
        ink = attribution.attribute(model, digit, labels)
        misses += (ink.sum((1, 2)) - gain).abs().tolist()
        gains += gain.abs().tolist()
        assert (ink[:, digit[0, 0] == 0] == 0).all()  # no ink, no say
    assert sum(misses) < 0.06 * sum(gains) and max(misses) < 1.5


def test_in_a_linear_network_a_pixel_has_what_is_lost_without_it(practice: Digits) -> None:
    model = build((Conv(10, kernel=28),), seed=0).requires_grad_(False)
    digit = practice.validation_images[:1]
    row, column = divmod(int(digit[0, 0].argmax()), 28)
    weight = layer_modules(model)[0].weight
    weight[3, 0, row, column] = 0  # ink that the third class does not look at
    ink = attribution.attribute(model, digit, [3, 7])
    assert torch.allclose(ink[1], weight[7, 0] * to_unit(digit)[0, 0] / STD, atol=1e-5)
    without = digit.clone()
    without[0, 0, row, column] = 0
    lost = (logits(model, digit) - logits(model, without))[[3, 7]]
    assert ink[0, row, column] == 0 and abs(ink[1, row, column]) > 0.01
    assert torch.allclose(ink[:, row, column], lost, atol=1e-4)


def by_hand(model: nn.Sequential, digit: torch.Tensor, label: int) -> torch.Tensor:
    """The mean gradient on the way, times the way: in double precision, nothing in place."""
    model = copy.deepcopy(model).double()
    for module in model:
        if isinstance(module, nn.ReLU):
            module.inplace = False
    seen, empty = (to_unit(picture).double() for picture in (digit, torch.zeros_like(digit)))
    total = torch.zeros_like(seen)
    for i in range(attribution.POINTS):
        point = (empty + (i + 0.5) / attribution.POINTS * (seen - empty)).requires_grad_()
        total += torch.autograd.grad(model(point)[0, label], point)[0]
    return ((seen - empty) * total / attribution.POINTS)[0, 0].float()


@pytest.mark.parametrize("name", SHIPPED)
def test_the_contributions_are_those_of_captum(name: str, practice: Digits) -> None:
    model = shipped(name)
    method = IntegratedGradients(lambda points: activations.outputs(model, points)[-1])
    for digit in practice.validation_images[::500].split(1):
        labels = logits(model, digit).topk(2).indices.tolist()
        theirs = method.attribute(
            to_unit(digit).repeat(2, 1, 1, 1),
            target=labels,
            n_steps=attribution.POINTS,
            method="riemann_middle",
        )
        torch.testing.assert_close(
            attribution.attribute(model, digit, labels), theirs[:, 0].float(), rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize("layers", [None, SMALL, RECTIFIED_FIRST])
def test_layers_that_work_in_place_do_no_harm(layers: Network | None, practice: Digits) -> None:
    model = build(layers, seed=0).eval() if layers else shipped("step5")
    digit = practice.validation_images[:1]
    before = logits(model, digit)
    label = int(before.argmax())
    expected = by_hand(model, digit, label)
    found = attribution.attribute(model, digit, [label])[0]
    assert expected.abs().max() > 1e-3
    assert torch.allclose(found, expected, atol=1e-3 * float(expected.abs().max()))
    assert torch.equal(logits(model, digit), before)
    assert all(p.grad is None for p in model.parameters())


def test_what_decides_is_the_difference(practice: Digits) -> None:
    model, digit = shipped("step5"), practice.validation_images[:1]
    answer = activations.look_inside(model, digit).answer
    rival = (answer + 1) % 10
    verdict = attribution.contrast(model, digit, answer, rival)
    assert torch.allclose(verdict.ink[:2], attribution.attribute(model, digit, [answer, rival]))
    assert verdict.ink[2].any() and torch.equal(verdict.ink[2], verdict.ink[0] - verdict.ink[1])
    assert verdict.scores == pytest.approx(logits(model, digit)[[answer, rival]].tolist(), abs=1e-4)
    nothing = logits(model, torch.zeros_like(digit))[[answer, rival]]
    assert verdict.empty == pytest.approx(nothing.tolist(), abs=1e-4)
    assert verdict.strongest == verdict.ink.abs().max()


def test_a_network_to_which_all_is_one_has_a_scale_all_the_same(practice: Digits) -> None:
    model = build(SMALL, seed=0).eval().requires_grad_(False)
    layer_modules(model)[0].weight.zero_()
    verdict = attribution.contrast(model, practice.validation_images[:1], 1, 2)
    assert not verdict.ink.any() and verdict.strongest == 1


def test_a_large_network_takes_fewer_points(practice: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    model, read = build(SMALL, seed=0).eval(), []
    layer_modules(model)[0].register_forward_hook(lambda module, given, made: read.append(len(made)))
    attribution.attribute(model, practice.validation_images[:1], [1, 2])
    monkeypatch.setattr(attribution, "LARGE", 0)
    attribution.attribute(model, practice.validation_images[:1], [1, 2])
    assert read == [attribution.POINTS, attribution.FEW_POINTS]  # one batch, whatever the number of classes
