"""A network as one line of text, to type, to paste and to send in a link.

    >>> layers = parse("C8 BN SiLU P  C16k5p BN SiLU  GAP H10")
    >>> write(layers)
    'C8 BN SiLU P C16k5p BN SiLU GAP H10'

The grammar; blanks or commas separate the layers, and capitals are as good as small letters:

    network  =  layer { separator layer }
    layer    =  code [ number ] { letter [ number ] }

    C8       a 3x3 convolution to 8 maps. Letters after it, in any order: k5 for a 5x5 kernel; p for as
             much padding as keeps the size of the maps, which an even kernel makes a pixel larger, and p2
             for 2 pixels; s2 for a stride of 2; g8 for 8 groups; b for a bias
    H10      the head: a 1x1 convolution, so that C10k1 is the same
    BN ReLU SiLU D GAP    batch norm, activations, a place for dropout, global average pooling
    P P3     max-pooling of 2x2 or 3x3 blocks
    X24      a crop to the middle 24x24 pixels

Codes and letters belong to the kinds of layers: `Layer.code`, and the `letter` of each of their fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from reprlib import repr as shorten
from typing import Any

from s5core.layers import LAYERS, MAX_LAYERS, Layer, Network, NetworkError
from s5core.settings import check_field, field_types

MAX_TEXT = 2000  # characters; the longest text of MAX_LAYERS layers has half of them

_SEPARATORS = re.compile(r"[\s,]+")
_NUMBER = r"-?\d+(?:\.\d+)?"
_AFTER_CODE = re.compile(rf"({_NUMBER})?((?:[a-z](?:{_NUMBER})?)*)")
_LETTER = re.compile(rf"([a-z])({_NUMBER})?")


class NotationError(NetworkError):
    """A text that is no network; the message names the token, why, and what would fit."""


def parse(text: str) -> Network:
    """The network of a text. Whether its layers fit together is not looked at (see `layers.check`).
    Raises NotationError."""
    if len(text) > MAX_TEXT:
        raise NotationError(f"The text has {len(text):,} characters: use at most {MAX_TEXT:,}.")
    tokens = _tokens(text)
    if not tokens:
        raise NotationError(f"There is no layer in the text: begin with one of {_examples()}.")
    if len(tokens) > MAX_LAYERS:
        raise NotationError(f"The text has {len(tokens)} layers: use at most {MAX_LAYERS}.")
    return tuple(_read(number, token) for number, token in enumerate(tokens, 1))


def write(layers: Sequence[Layer]) -> str:
    """The text of a network, which `parse` reads. Only its last convolution may be called a head."""
    last = max((i for i, layer in enumerate(layers) if layer.role == "convolution"), default=-1)
    return " ".join(_spell(layer, i == last) for i, layer in enumerate(layers))


def is_meant(text: str) -> bool:
    """Whether a text is meant as a network, although it may be mistyped: one of its layers can be read."""
    for number, token in enumerate(_tokens(text[:MAX_TEXT]), 1):
        try:
            _read(number, token)
        except NotationError:
            continue
        return True
    return False


def _tokens(text: str) -> list[str]:
    return [token for token in _SEPARATORS.split(text) if token]


def _codes() -> Iterator[tuple[str, type[Layer], Mapping[str, Any]]]:
    """Every code with its kind of layer, and the fields that it fixes."""
    for cls in LAYERS.values():
        yield cls.code, cls, {}
        yield from ((code, cls, fixed) for code, fixed in cls.shorthands.items())


def _letters(cls: type[Layer]) -> dict[str, Field[Any]]:
    """The fields of a kind of layer by their letters; that of the number after the code is empty."""
    found = {field.metadata["letter"]: field for field in fields(cls)}
    return {letter: field for letter, field in found.items() if letter is not None}


def _examples() -> str:
    """Every code as it may stand in a text: "C8, H8, ReLU"."""
    return ", ".join(f"{code}{_first(cls)}" for code, cls, _ in _codes())


def _first(cls: type[Layer]) -> str:
    """A number for a kind that cannot be without one; else nothing."""
    field = _letters(cls).get("")
    return str(field.metadata["first"]) if field is not None and field.default is MISSING else ""


def _read(number: int, token: str) -> Layer:
    """The layer of a token, the `number`-th of a text."""
    try:
        return _layer(token)
    except ValueError as error:
        raise NotationError(f"Token {number}, {shorten(token)}: {error}.") from None


def _layer(token: str) -> Layer:
    """Raises ValueError, with the reason as the end of a sentence."""
    small = token.lower()
    starting = [entry for entry in _codes() if small.startswith(entry[0].lower())]
    if not starting:
        raise ValueError(f"no layer begins like this: use one of {_examples()}")
    code, cls, fixed = max(starting, key=lambda entry: len(entry[0]))
    letters = {letter: field for letter, field in _letters(cls).items() if field.name not in fixed}
    after = _AFTER_CODE.fullmatch(small, len(code))
    if after is None:
        raise ValueError(
            f"{shorten(token[len(code) :])} cannot stand after {code}: use {_fitting(code, letters)}"
        )
    named: dict[str, str | None] = {"": after[1]} if after[1] else {}
    for letter, value in _LETTER.findall(after[2]):
        if letter in named:
            raise ValueError(f"{letter} stands there twice")
        named[letter] = value or None
    for letter in named:
        if letter not in letters:
            wrong = f"{letter!r}" if letter else "a number"
            raise ValueError(f"{wrong} cannot stand after {code}: use {_fitting(code, letters)}")
    values = dict(fixed)
    for letter, field in letters.items():  # in their order: what padding means depends on the kernel
        if letter in named:
            values[field.name] = _value(cls, letter, field.name, named[letter], values)
        elif field.default is MISSING:
            raise ValueError(
                f"{code} needs a number, its {field.name}, as in {code}{field.metadata['first']}"
            )
    return cls(**values)


def _value(cls: type[Layer], letter: str, name: str, number: str | None, given: Mapping[str, Any]) -> Any:
    """The value of a field. Raises ValueError."""
    if number is None:
        value = cls.implied(name, given)
        if value is None:
            raise ValueError(f"the number after {letter} is missing, as in {letter}2")
        return value
    if field_types(cls)[name] is bool:
        raise ValueError(f"no number can stand after {letter}")
    return check_field(cls, name, float(number) if "." in number else int(number))


def _fitting(code: str, letters: Mapping[str, Field[Any]]) -> str:
    """What may stand after a code, in words."""
    number, after = "" in letters, [letter for letter in letters if letter]
    if not letters:
        return f"{code} alone"
    words = f"a number, then {', '.join(after)}" if number and after else "a number" if number else ""
    return words or ", ".join(after)


def _spell(layer: Layer, is_head: bool) -> str:
    """The text of a layer."""
    cls = type(layer)
    code: str = cls.code
    fixed: Mapping[str, Any] = {}
    for short, values in cls.shorthands.items():
        if is_head and all(getattr(layer, name) == value for name, value in values.items()):
            code, fixed = short, values
    given = dict(fixed)
    for letter, field in _letters(cls).items():
        value = getattr(layer, field.name)
        if field.name in fixed or (field.default is not MISSING and value == field.default):
            continue
        is_implied = bool(letter) and value == cls.implied(field.name, given)
        code += letter if is_implied else f"{letter}{_digits(value)}"
        given[field.name] = value
    return code


def _digits(value: float) -> str:
    """A number without an exponent, which could be taken for a letter."""
    return f"{Decimal(repr(value)):f}"
