"""The network as a line of text: everything that layers can express goes there and back."""

from __future__ import annotations

import random
from dataclasses import MISSING, fields
from typing import Any

import pytest

from s5core import notation
from s5core.layers import (
    LAYERS,
    MAX_LAYERS,
    BatchNorm,
    Conv,
    Crop,
    Dropout,
    GlobalAvgPool,
    Layer,
    MaxPool,
    Network,
    ReLU,
    SiLU,
    shapes,
)
from s5core.notation import MAX_TEXT, NotationError, parse, write
from s5core.settings import field_range, field_types
from s5core.steps import STEPS


def any_layer(chance: random.Random) -> Layer:
    """A layer of any kind with any values that its fields may have, whether or not it fits anywhere."""
    cls = chance.choice(list(LAYERS.values()))
    values: dict[str, Any] = {}
    for field in fields(cls):
        kind = field_types(cls)[field.name]
        if field.default is not MISSING and chance.random() < 0.5:
            continue
        if kind is bool:
            values[field.name] = chance.random() < 0.5
        else:
            low, high = field_range(cls, field.name)
            values[field.name] = chance.randint(int(low), int(high))
    return cls(**values)


@pytest.mark.parametrize("seed", range(20))
def test_random_networks_go_there_and_back(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        layers = tuple(any_layer(chance) for _ in range(chance.randint(1, MAX_LAYERS)))
        text = write(layers)
        assert parse(text) == layers, text
        assert parse(text.lower()) == parse(text.upper()) == layers
        assert parse(text.replace(" ", ", ")) == layers
        assert write(parse(text)) == text
        assert len(text) <= MAX_TEXT


@pytest.mark.parametrize("name", STEPS)
def test_every_step_goes_there_and_back(name: str) -> None:
    assert parse(write(STEPS[name].layers)) == STEPS[name].layers


def test_the_texts_that_the_page_explains() -> None:
    layers: Network = (
        *(Conv(8), BatchNorm(), SiLU(), Conv(8, padding=1), MaxPool()),
        *(Conv(14, kernel=5, padding=2), Conv(14, padding=2, stride=2), Conv(14, groups=14, bias=True)),
        *(ReLU(), Dropout(), MaxPool(3), Crop(24), GlobalAvgPool(), Conv(10, kernel=1)),
    )
    text = "C8 BN SiLU C8p P C14k5p C14p2s2 C14g14b ReLU D P3 X24 GAP H10"
    assert parse(text) == layers
    assert write(layers) == text
    assert parse("C8s2pk5b") == (Conv(8, kernel=5, padding=2, stride=2, bias=True),)


def test_only_the_last_convolution_is_written_as_a_head() -> None:
    assert write((Conv(10, kernel=1), ReLU(), Conv(10, kernel=1))) == "C10k1 ReLU H10"
    assert parse("H10b") == (Conv(10, kernel=1, bias=True),)


def test_a_relu_applied_inside_forward_is_a_relu() -> None:
    assert write((ReLU(functional=True),)) == "ReLU" and parse("relu") == (ReLU(functional=True),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["no layer", "C10, H10, ReLU"]),
        (" , ", ["no layer"]),
        ("C8 BN Silo GAP", ["Token 3, 'Silo'", "no layer begins like this", "SiLU", "X24"]),
        ("C8 BN 8", ["Token 3, '8'", "no layer begins like this"]),
        ("C", ["Token 1, 'C'", "channels", "as in C10"]),
        ("C8 Xp", ["Token 2, 'Xp'", "X"]),
        ("C8k", ["Token 1, 'C8k'", "number after k"]),
        ("C8q3", ["'q' cannot stand after C", "k, p, s, g, b"]),
        ("BN3", ["a number cannot stand after BN", "BN alone"]),
        ("H10k3", ["'k' cannot stand after H", "p, s, g, b"]),
        ("C8k3k5", ["k stands there twice"]),
        ("C8b1", ["no number can stand after b"]),
        ("C8-", ["'8-' cannot stand after C"]),
        ("C5000", ["channels is 5,000", "at most 1,024"]),
        ("C8.5", ["channels is 8.5", "whole number"]),
        ("P1", ["size is 1", "at least 2"]),
        ("C-3", ["channels is -3"]),
        ("C" + "9" * 500, ["channels", "whole number"]),
        ("C8 " * 51, ["51 layers", "at most 50"]),
        ("C8 " * 1000, ["3,000 characters", "at most 2,000"]),
    ],
)
def test_a_mistyped_text_names_its_token_the_reason_and_what_fits(text: str, words: list[str]) -> None:
    with pytest.raises(NotationError) as error:
        parse(text)
    for word in words:
        assert word in str(error.value)
    assert len(str(error.value)) < 250


@pytest.mark.parametrize("name", [*STEPS, "1", "5", "step 5", "5 small", "step 9", "stepp5", "20260101-a-b"])
def test_the_name_of_a_step_is_not_meant_as_a_network(name: str) -> None:
    assert not notation.is_meant(name)


@pytest.mark.parametrize("text", ["C8 GAP H10", "c10k28", "C8 BN Silo", "Silo,BN"])
def test_a_network_is_meant_although_it_is_mistyped(text: str) -> None:
    assert notation.is_meant(text)


def test_every_kind_has_a_code_and_every_field_that_matters_a_letter_of_its_own() -> None:
    codes = [code.lower() for cls in LAYERS.values() for code in (cls.code, *cls.shorthands)]
    assert len(set(codes)) == len(codes) and all(code.isalpha() for code in codes)
    for cls in LAYERS.values():
        letters = [field.metadata["letter"] for field in fields(cls) if field.compare]
        assert None not in letters and len(set(letters)) == len(letters)
        assert all(field.metadata["first"] for field in fields(cls) if field.default is MISSING)


@pytest.mark.parametrize(("text", "side"), [("C8p", 28), ("C8k5p", 28), ("C8k4p", 29), ("C8k2p", 29)])
def test_padding_keeps_the_size_of_the_maps_or_adds_a_pixel_to_it_with_an_even_kernel(text, side):
    ((_, _, shape),) = shapes(notation.parse(text))
    assert shape == (8, side, side)
