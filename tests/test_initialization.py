from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from s5core.initialization import INITIALIZATIONS
from s5core.layers import Conv, ReLU, build, layer_modules
from s5core.steps import STEPS
from tests.helpers import TINY


def convolutions(model: nn.Sequential) -> list[nn.Conv2d]:
    return [module for module in layer_modules(model) if isinstance(module, nn.Conv2d)]


@pytest.mark.parametrize("name", INITIALIZATIONS)
def test_a_seed_fixes_the_first_weights(name: str) -> None:
    weights = [
        [convolution.weight for convolution in convolutions(build(TINY, seed=seed, initialization=name))]
        for seed in (3, 3, 4)
    ]
    assert all(map(torch.equal, weights[0], weights[1]))
    assert not any(map(torch.equal, weights[0], weights[2]))


def test_the_default_is_torchs() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        theirs = nn.Conv2d(1, 8, 3)
    ours, _ = convolutions(build([Conv(8, bias=True), Conv(10, kernel=26)], seed=3))
    assert torch.equal(ours.weight, theirs.weight) and ours.bias is not None
    assert torch.equal(ours.bias, theirs.bias)


def test_behind_hes_weights_the_values_keep_their_scale() -> None:
    layers = [*(layer for _ in range(8) for layer in (Conv(64, padding=1, bias=True), ReLU()))]
    layers += [Conv(10, kernel=28)]
    images = torch.rand(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))

    def growth(name: str) -> float:
        """The scale of the values after eight layers, of that after one."""
        model = build(layers, seed=0, initialization=name)
        with torch.no_grad():
            first = model[:3](images).square().mean()
            last = model[:17](images).square().mean()
        return math.sqrt(last / first)

    assert 0.5 < growth("he") < 2 and growth("default") < 0.1
    last = convolutions(build(layers, seed=0, initialization="he"))[3]
    assert last.bias is not None and not last.bias.any()


@pytest.mark.parametrize("step", ["step2", "step3"])
def test_with_a_positive_head_every_class_begins_alive(step: str, practice) -> None:
    """Where a ReLU ends the network, and torch's first weights shut out classes in some seeds."""
    layers, images = STEPS[step].layers, practice.validation_images[:200]

    def shut_out(name: str) -> int:
        """Over ten seeds the number of classes that have no score above zero for any digit."""
        with torch.no_grad():
            scores = [build(layers, seed=seed, initialization=name)(images) for seed in range(10)]
        return sum(int((of_seed <= 0).all(0).sum()) for of_seed in scores)

    assert shut_out("default") > 0 == shut_out("positive-head")


def test_a_positive_head_changes_the_last_convolution_alone() -> None:
    usual, positive = (
        convolutions(build(TINY, seed=1, initialization=name)) for name in ("default", "positive-head")
    )
    assert all(torch.equal(a.weight, b.weight) for a, b in zip(usual[:-1], positive[:-1], strict=True))
    assert torch.equal(positive[-1].weight, usual[-1].weight.abs()) and (usual[-1].weight < 0).any()
