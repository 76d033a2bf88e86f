from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.transforms.functional import center_crop

from s5core import steps
from s5core.layers import (
    BatchNorm,
    Conv,
    Crop,
    Dropout,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Network,
    NetworkError,
    ReLU,
    SiLU,
    build,
    check,
    from_json,
    layer_modules,
    shapes,
    to_json,
    with_dropout,
)
from s5core.modules import GeneratorDropout, Logits, Normalize
from s5core.summary import layer_table

each_step = pytest.mark.parametrize("layers", [step.layers for step in steps.STEPS.values()], ids=steps.STEPS)
HEAD: Network = (GlobalAvgPool(), Conv(10, kernel=1))


@each_step
def test_json_round_trip(layers: Network) -> None:
    assert from_json(json.loads(json.dumps(to_json(layers)))) == layers


def test_json_round_trip_of_every_field() -> None:
    layers = (
        Conv(8, kernel=5, padding=2, stride=2, groups=1, bias=True),
        ReLU(functional=True),
        BatchNorm(),
        Dropout(),
        MaxPool(3),
        Crop(2),
        *HEAD,
    )
    assert from_json(to_json(layers)) == layers


def test_json_leaves_defaults_out() -> None:
    assert to_json((Conv(8), MaxPool(3))) == [
        {"layer": "Conv", "channels": 8},
        {"layer": "MaxPool", "size": 3},
    ]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"layer": "Dense"}, ["Dense", "no known layer", "Conv, ReLU"]),
        ({"layer": "Layer"}, ["no known layer"]),
        ({"layer": ["Conv"]}, ["no known layer"]),
        ({"channels": 8}, ["no known layer"]),
        ("Conv", ["no known layer"]),
        (None, ["no known layer"]),
        ({"layer": "Conv"}, ["Conv", "channels", "missing"]),
        ({"layer": "Conv", "channels": 8, "width": 3}, ["Conv", "'width'", "channels, kernel"]),
        ({"layer": "BatchNorm", "eps": 1}, ["BatchNorm", "'eps'", "no fields"]),
        ({"layer": "Conv", "channels": "8"}, ["Conv", "channels", "'8'", "whole number"]),
        ({"layer": "Conv", "channels": 8.5}, ["Conv", "channels", "whole number"]),
        ({"layer": "Conv", "channels": 5000}, ["Conv", "channels is 5,000", "at most 1,024"]),
        ({"layer": "Conv", "channels": 10**400}, ["Conv", "channels", "whole number"]),
        ({"layer": "Conv", "channels": True}, ["Conv", "channels", "whole number"]),
        ({"layer": "Conv", "channels": None}, ["Conv", "channels", "whole number"]),
        ({"layer": "Conv", "channels": 8, "kernel": [3, 3]}, ["Conv", "kernel", "whole number"]),
        ({"layer": "Conv", "channels": 8, "bias": 1}, ["Conv", "bias", "true or false"]),
        ({"layer": "ReLU", "functional": "yes"}, ["ReLU", "functional", "true or false"]),
    ],
)
def test_json_of_a_bad_layer_is_refused(entry: Any, words: list[str]) -> None:
    with pytest.raises(NetworkError) as error:
        from_json([{"layer": "Conv", "channels": 8}, entry])
    for word in ["Layer 2", *words]:
        assert word in str(error.value)


@pytest.mark.parametrize("data", [None, {}, "Conv", 3, {"layer": "Conv", "channels": 8}])
def test_json_that_is_no_list_is_refused(data: Any) -> None:
    with pytest.raises(NetworkError, match="JSON list"):
        from_json(data)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((Conv(8), Conv(8, kernel=27), *HEAD), ["Layer 2, Conv(8, kernel=27)", "26x26", "at most 26"]),
        (
            (MaxPool(4), Conv(8, kernel=12, padding=2), *HEAD),
            ["Layer 2, Conv(8, kernel=12, padding=2)", "7x7", "padded by 2", "at most 11"],
        ),
        ((MaxPool(29), *HEAD), ["Layer 1, MaxPool(size=29)", "size is 29", "at most 28"]),
        ((*HEAD, MaxPool(2)), ["Layer 3, MaxPool()", "1x1"]),
        ((Conv(8), GlobalAvgPool()), ["Layer 2, GlobalAvgPool()", "8x1x1", "10x1x1", "Conv(10, kernel=1)"]),
        ((Conv(10),), ["Layer 1, Conv(10)", "10x26x26", "10x1x1", "GlobalAvgPool()"]),
        ((Conv(0), *HEAD), ["Layer 1, Conv(0)", "channels is 0", "at least 1 and at most 1,024"]),
        ((Conv(5000), *HEAD), ["Layer 1, Conv(5000)", "channels is 5,000", "at most 1,024"]),
        ((Conv(-8), *HEAD), ["Layer 1, Conv(-8)", "channels is -8", "at least 1"]),
        ((Conv(8), Conv(12, groups=3), *HEAD), ["Layer 2, Conv(12, groups=3)", "3 groups", "divisor of 4"]),
        ((Conv(12), Conv(8, groups=3), *HEAD), ["Layer 2, Conv(8, groups=3)", "3 groups", "divisor of 4"]),
        ((Conv(8, groups=0), *HEAD), ["Layer 1, Conv(8, groups=0)", "at least 1"]),
        ((Conv(8, groups=-1), *HEAD), ["Layer 1, Conv(8, groups=-1)", "at least 1"]),
        ((Conv(8, padding=3), *HEAD), ["Layer 1, Conv(8, padding=3)", "less than the kernel's 3"]),
        (
            (Conv(8, kernel=1, padding=1), *HEAD),
            ["Layer 1, Conv(8, kernel=1, padding=1)", "less than the kernel's 1"],
        ),
        ((Conv(8, padding=-1), *HEAD), ["Layer 1, Conv(8, padding=-1)", "at least 0"]),
        ((Conv(8, kernel=0), *HEAD), ["Layer 1, Conv(8, kernel=0)", "at least 1 and at most 28"]),
        ((Conv(8, kernel=-3), *HEAD), ["Layer 1, Conv(8, kernel=-3)", "at least 1"]),
        ((Conv(8, stride=0), *HEAD), ["Layer 1, Conv(8, stride=0)", "at least 1 and at most 28"]),
        ((Conv(8, stride=-1), *HEAD), ["Layer 1, Conv(8, stride=-1)", "at least 1"]),
        ((MaxPool(1), *HEAD), ["Layer 1, MaxPool(size=1)", "at least 2"]),
        ((MaxPool(0), *HEAD), ["Layer 1, MaxPool(size=0)", "at least 2"]),
        ((MaxPool(-2), *HEAD), ["Layer 1, MaxPool(size=-2)", "at least 2"]),
        ((Crop(28), *HEAD), ["Layer 1, Crop(28)", "size is 28", "at most 27"]),
        ((Crop(23), *HEAD), ["Layer 1, Crop(23)", "28 less an even number"]),
        ((Crop(30), *HEAD), ["Layer 1, Crop(30)", "at most 27"]),
        ((Crop(0), *HEAD), ["Layer 1, Crop(0)", "at least 1"]),
        ((Crop(-2), *HEAD), ["Layer 1, Crop(-2)", "at least 1"]),
        ((Conv(8), Crop(26), *HEAD), ["Layer 2, Crop(26)", "26x26 map", "26 less an even number"]),
        ((Conv(8), MaxPool(27), *HEAD), ["Layer 2, MaxPool(size=27)", "26x26", "a smaller one"]),
        ((ReLU(),) * 49 + HEAD, ["51 layers", "at most 50"]),
        ((), ["no layers", "Conv(10)"]),
    ],
)
@pytest.mark.parametrize("refuse", [check, build])
def test_impossible_network_is_refused(refuse: Any, layers: Network, words: list[str]) -> None:
    with pytest.raises(NetworkError) as error:
        refuse(layers)
    for word in words:
        assert word in str(error.value)


def test_absurd_padding_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(NetworkError, match="Layer 1"):
        check((Conv(10, kernel=10**6 + 1, padding=10**6), GlobalAvgPool()))


def test_stride_that_torch_cannot_hold_is_refused() -> None:
    with pytest.raises(NetworkError, match="Layer 1"):
        check((Conv(10, kernel=28, stride=10**30),))


def test_largest_networks_are_possible() -> None:
    check(((ReLU(),) * 48) + HEAD)
    check((Conv(1024, kernel=28), Conv(10, kernel=1)))


@each_step
def test_output_is_ten_logits_a_digit(layers: Network) -> None:
    assert build(layers, seed=0).eval()(torch.zeros(3, 1, 28, 28)).shape == (3, 10)


@each_step
def test_module_i_is_layer_i(layers: Network) -> None:
    model = build(layers, seed=0)
    modules = layer_modules(model)
    assert list(model) == [model.normalize, *modules, model.logits]
    assert isinstance(model.normalize, Normalize) and isinstance(model.logits, Logits)
    kinds = [type(module).__name__.removeprefix("Generator") for module in modules]
    assert kinds == [layer.kind for layer in layers]


def test_a_temperature_divides_the_logits() -> None:
    x = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    plain, warm = (build(steps.STEP5, seed=0, temperature=t).eval()(x) for t in (1, 2))
    torch.testing.assert_close(warm, plain / 2)


@each_step
def test_shapes_are_those_that_come_out(layers: Network) -> None:
    x = torch.zeros(1, 1, 28, 28)
    modules = layer_modules(build(layers, seed=0).eval())
    for (_, shape_in, shape_out), module in zip(shapes(layers), modules, strict=True):
        assert x.shape[1:] == shape_in
        x = module(x)
        assert x.shape[1:] == shape_out


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([tensor.flatten().float() for tensor in model.state_dict().values()])


def test_same_seed_same_weights() -> None:
    first = weights(build(steps.STEP5, seed=3))
    torch.rand(7)
    assert torch.equal(first, weights(build(steps.STEP5, seed=3)))


def test_other_seed_other_weights() -> None:
    assert not torch.equal(weights(build(steps.STEP5, seed=0)), weights(build(steps.STEP5, seed=1)))


def test_seed_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    build(steps.STEP5, seed=0)
    assert torch.equal(before, torch.get_rng_state())


def test_without_a_seed_the_global_generator_draws() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        drawn, following = weights(build(steps.STEP5)), weights(build(steps.STEP5))
    assert torch.equal(drawn, weights(build(steps.STEP5, seed=5)))
    assert not torch.equal(drawn, following)


def behind(layers: Sequence[Layer]) -> list[int]:
    """How many other layers stand before each Dropout."""
    places = [i for i, layer in enumerate(layers) if isinstance(layer, Dropout)]
    return [place - rank for rank, place in enumerate(places)]


def test_dropout_goes_behind_every_hidden_block() -> None:
    layers = (Conv(8), BatchNorm(), ReLU(), MaxPool(2), Conv(8), ReLU(), BatchNorm(), Conv(8), ReLU(), *HEAD)
    assert behind(with_dropout(layers)) == [3, 7, 9]


def test_dropout_stays_away_from_the_last_convolution() -> None:
    layers = (Conv(8), ReLU(), Conv(10), ReLU(), BatchNorm(), GlobalAvgPool())
    assert behind(with_dropout(layers)) == [2]


@each_step
def test_dropout_changes_nothing_else(layers: Network) -> None:
    without = [layer for layer in layers if not isinstance(layer, Dropout)]
    assert [layer for layer in with_dropout(layers) if not isinstance(layer, Dropout)] == without


def test_a_network_with_dropout_keeps_its_own() -> None:
    assert with_dropout(steps.STEP4) is steps.STEP4


def test_dropout_without_any_convolution() -> None:
    with_dropout((BatchNorm(), GlobalAvgPool()))


def dropout(rate: float, seed: int = 0) -> GeneratorDropout:
    module = GeneratorDropout()
    module.rate, module.generator = rate, torch.Generator().manual_seed(seed)
    return module


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
def test_dropout_zeroes_its_share_and_scales_the_rest(rate: float) -> None:
    count = 200_000
    dropped = dropout(rate)(torch.ones(count))
    deviation = (count * rate * (1 - rate)) ** 0.5
    assert abs(int((dropped == 0).sum()) - count * rate) < 5 * deviation
    assert torch.allclose(dropped[dropped != 0], torch.tensor(1 / (1 - rate)))


def test_dropout_passes_the_gradient_of_what_it_kept() -> None:
    x = torch.ones(1000, requires_grad=True)
    out = dropout(0.5)(x)
    out.sum().backward()
    assert torch.equal(x.grad, out.detach())


def test_dropout_of_nothing() -> None:
    x = torch.rand(100)
    assert torch.equal(dropout(0.0)(x), x)
    assert torch.equal(dropout(0.5).eval()(x), x)


def test_dropout_draws_from_its_own_generator() -> None:
    before = torch.get_rng_state()
    first = dropout(0.5, seed=1)(torch.ones(1000))
    assert torch.equal(before, torch.get_rng_state())
    torch.rand(1)
    assert torch.equal(first, dropout(0.5, seed=1)(torch.ones(1000)))
    assert not torch.equal(first, dropout(0.5, seed=2)(torch.ones(1000)))


def test_dropout_draws_anew_every_time() -> None:
    module = dropout(0.5)
    assert not torch.equal(module(torch.ones(1000)), module(torch.ones(1000)))


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (Conv(8), "Conv(8)"),
        (Conv(8, kernel=1, bias=True), "Conv(8, kernel=1, bias=True)"),
        (MaxPool(2), "MaxPool()"),
        (GlobalAvgPool(), "GlobalAvgPool()"),
    ],
)
def test_layer_as_text(layer: Layer, text: str) -> None:
    assert str(layer) == text


def test_a_crop_keeps_the_middle() -> None:
    x = torch.rand(2, 1, 28, 28)
    assert torch.equal(layer_modules(build((Crop(24), *HEAD)))[0](x), center_crop(x, [24, 24]))


def test_silu_is_smooth_and_keeps_the_shape() -> None:
    layers = (Conv(4), SiLU(), GlobalAvgPool(), Conv(10, kernel=1))
    module = layer_modules(build(layers))[1]
    assert float(module(torch.tensor(3.0))) == pytest.approx(3 / (1 + math.exp(-3)))
    assert layer_table(layers)[1].output_shape == layer_table(layers)[0].output_shape
    assert from_json(to_json(layers)) == layers
    assert with_dropout(layers)[2] == Dropout()


def test_every_layer_of_every_step_is_explained() -> None:
    for step in steps.STEPS.values():
        for layer, shape, _ in shapes(step.layers):
            assert layer.explain(shape[0]).endswith(".")


@pytest.mark.parametrize(
    ("layer", "maps_in", "expected"),
    [
        (Conv(8), 1, "8 feature maps. For each, one kernel of 3 × 3 weights slides over one input map"),
        (Conv(8, groups=8), 8, "For each, one kernel of 3 × 3 weights"),
        (Conv(24, kernel=5), 16, "24 feature maps. For each, 16 kernels of 5 × 5 weights"),
        (Conv(1, kernel=1), 16, "1 feature map. Each is a weighted sum of 16 input maps"),
        (MaxPool(3), 4, "3 × 3 block"),
        (Crop(24), 1, "middle 24 × 24 pixels"),
        (Dropout(), 4, "here it changes nothing"),
    ],
)
def test_explain(layer: Layer, maps_in: int, expected: str) -> None:
    assert expected in layer.explain(maps_in)
