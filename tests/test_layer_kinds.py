"""A kind of layer is one class and one entry in LAYERS: every kind, and one that only this test has."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields

import pytest
import torch
from torch import nn

from s5core import layers
from s5core.checkpoint import Checkpoint, from_bytes, to_bytes
from s5core.compare import compare_networks
from s5core.data import Digits
from s5core.events import Epoch
from s5core.inside import activations
from s5core.layers import (
    LAYERS,
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
    Shape,
    SiLU,
    from_json,
    to_json,
    with_dropout,
)
from s5core.notation import parse, write
from s5core.recipe import Recipe
from s5core.settings import setting
from s5core.summary import format_details, layer_table
from s5core.train import train


@dataclass(frozen=True)
class LeakyReLU(Layer):
    """max(slope · x, x)."""

    kind = "LeakyReLU"
    role = "activation"
    code = "LReLU"

    slope: float = setting(0.01, "Slope below zero.", "[0, 1)", letter="")

    def module(self, shape: Shape) -> nn.Module:
        return nn.LeakyReLU(self.slope)

    def describe(self) -> str:
        return f"LeakyReLU {self.slope:g}"

    def explain(self, maps_in: int) -> str:
        return f"It multiplies negative values by {self.slope:g} and leaves the others as they are."


EXAMPLES: dict[str, Layer] = {
    "Conv": Conv(6, kernel=5, padding=2, stride=2, groups=2, bias=True),
    "ReLU": ReLU(),
    "SiLU": SiLU(),
    "BatchNorm": BatchNorm(),
    "Dropout": Dropout(),
    "MaxPool": MaxPool(3),
    "Crop": Crop(20),
    "GlobalAvgPool": GlobalAvgPool(),
    "LeakyReLU": LeakyReLU(0.2),
}


@pytest.fixture(autouse=True)
def with_the_new_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LAYERS, "LeakyReLU", LeakyReLU)


def network(layer: Layer) -> Network:
    """A small network with this layer in its middle."""
    return (Conv(4), BatchNorm(), ReLU(), layer, Conv(10, kernel=1), GlobalAvgPool())


def few(digits: Digits) -> Digits:
    """Few digits of an ordered set, and of every class."""
    return Digits(
        "few",
        digits.train_images[::40],
        digits.train_labels[::40],
        digits.validation_images[::20],
        digits.validation_labels[::20],
    )


def test_there_is_an_example_of_every_kind() -> None:
    assert EXAMPLES.keys() == LAYERS.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_kind_has_its_table_words_and_json(name: str) -> None:
    chosen = network(EXAMPLES[name])
    rows = layer_table(chosen)
    assert rows[3].name == f"{EXAMPLES[name].kind}-4" and rows[3].name in format_details(rows)
    assert len(EXAMPLES[name].describe()) > 2
    assert EXAMPLES[name].explain(4).endswith(".")
    assert from_json(json.loads(json.dumps(to_json(chosen)))) == chosen


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_kind_has_its_text(name: str) -> None:
    chosen = network(EXAMPLES[name])
    assert parse(write(chosen)) == chosen


def test_the_text_of_a_new_kind_is_made_of_its_code_and_its_letters() -> None:
    assert write((LeakyReLU(), LeakyReLU(0.2), LeakyReLU(1e-7))) == "LReLU LReLU0.2 LReLU0.0000001"
    with pytest.raises(NetworkError, match="Token 1, 'LReLU2': slope is 2, but must be at least 0"):
        parse("LReLU2")


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_kind_trains_survives_its_checkpoint_and_is_looked_into(name: str, practice: Digits) -> None:
    chosen, digits = with_dropout(network(EXAMPLES[name])), few(practice)
    recipe = Recipe(epochs=2, batch_size=50, dropout=0.1, device="cpu")
    event = next(event for event in train(chosen, recipe, digits) if isinstance(event, Epoch))
    assert event.state is not None
    made = Checkpoint.of("mine", chosen, recipe, digits.name, event.state)
    read = from_bytes(to_bytes(made), "mine")
    assert read.layers == chosen
    model, digit = read.model(), digits.validation_images[:1]
    inside = activations.look_inside(model, digit)
    contributed = activations.contributions(model, digit, inside.answer)
    assert [tuple(maps.shape) for maps in inside.maps] == [row.output_shape for row in layer_table(chosen)]
    shown = activations.blocks(chosen, inside, contributed)
    heads = [i for i, layer in enumerate(chosen) if layer.role in ("convolution", "pool")]
    assert [block.row.index for block in shown] == heads


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_kind_is_compared(name: str) -> None:
    layer = EXAMPLES[name]
    other = BatchNorm() if isinstance(layer, SiLU) else SiLU()
    difference = compare_networks(network(layer), network(other))
    assert (difference.count("added"), difference.count("removed")) == (1, 1)
    assert compare_networks(network(layer), network(layer)).count("same") == len(network(layer))


def test_a_changed_field_is_a_changed_layer() -> None:
    difference = compare_networks(network(LeakyReLU(0.1)), network(LeakyReLU(0.3)))
    assert (difference.count("changed"), difference.count("same")) == (1, 5)


def test_dropout_comes_after_a_new_activation() -> None:
    chosen = (Conv(4), BatchNorm(), LeakyReLU(), MaxPool(2), Conv(10), GlobalAvgPool())
    dropped = with_dropout(chosen)
    assert dropped == (*chosen[:3], Dropout(), *chosen[3:])


def test_a_block_ends_with_a_new_activation(practice: Digits) -> None:
    chosen = (Conv(4), BatchNorm(), LeakyReLU(), Conv(10), GlobalAvgPool())
    model = layers.build(chosen, seed=0).eval().requires_grad_(False)
    digit = practice.validation_images[:1]
    inside = activations.look_inside(model, digit)
    first, *_ = activations.blocks(chosen, inside, activations.contributions(model, digit, inside.answer))
    assert first.output == "LeakyReLU-3" and torch.equal(first.maps, inside.maps[2])


@pytest.mark.parametrize(
    ("slope", "message"),
    [
        (2, "Layer 1, LeakyReLU: slope is 2, but must be at least 0 and less than 1"),
        ("steep", "slope is 'steep', but must be a number"),
        (float("nan"), "slope is nan, but must be a number"),
        (True, "slope is True, but must be a number"),
    ],
)
def test_fields_of_a_new_kind_are_checked(slope: object, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        from_json([{"layer": "LeakyReLU", "slope": slope}])


def test_a_field_out_of_range_is_refused_when_the_network_is_built() -> None:
    with pytest.raises(NetworkError, match=r"Layer 4, LeakyReLU\(slope=-1\): slope is -1"):
        layers.build(network(LeakyReLU(-1)))


@pytest.mark.parametrize("cls", LAYERS.values(), ids=lambda cls: cls.__name__)
def test_every_field_says_what_it_is(cls: type[Layer]) -> None:
    assert cls.__doc__
    for field in fields(cls):
        assert field.metadata.get("help")
