"""Fields of a dataclass that know their range: the one check of what a layer and a recipe are given.

    @dataclass(frozen=True)
    class Recipe:
        epochs: int = setting(14, "Passes over the training digits.", "[1, 1000]")

A range is written as in mathematics: "[0, 1)" holds 0 and not 1.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from reprlib import repr as shorten
from typing import Any, get_args, get_type_hints


def setting(
    default: Any = dataclasses.MISSING,
    help: str = "",
    range: str = "",
    choices: Collection[str] = (),
    compare: bool = True,
    letter: str | None = None,
    first: Any = None,
) -> Any:
    """A field: its default, a sentence on it, its range as in "(0, 1]", or the words it may be.

    Without a default the field must be given. `compare`: whether two values make two things differ.
    `letter`: what it is called in a layer's text (see `notation`). `first`: where there is no default, the
    value with which a form begins.
    """
    metadata = {"help": help, "range": range, "choices": choices, "letter": letter, "first": first}
    return dataclasses.field(default=default, compare=compare, metadata=metadata)


def field_types(cls: type) -> dict[str, Any]:
    """The type of each field of a dataclass: int, float, bool, str or a Literal of words."""
    key: Any = cls  # mypy takes no class for hashable whose instances define a hash
    return _field_types(key)


@cache
def _field_types(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


@dataclass(frozen=True)
class _Rule:
    """What a field takes."""

    kind: Any  # its type
    low: float
    high: float
    has_low: bool  # whether the lowest value belongs to the range
    has_high: bool
    words: Collection[str]  # that it may be, such as the keys of a table that may grow; empty: any word


@cache
def _rule(cls: Any, name: str) -> _Rule:
    """The rule of a field, which thousands of files are checked by."""
    field = next(field for field in dataclasses.fields(cls) if field.name == name)
    range = field.metadata.get("range") or "[-inf, inf]"
    low, high = (float(end) for end in range[1:-1].split(","))
    kind = _field_types(cls)[name]
    words = field.metadata.get("choices") or get_args(kind)
    return _Rule(kind, low, high, range[0] == "[", range[-1] == "]", words)


def field_choices(cls: type, name: str) -> tuple[str, ...]:
    """The words that a field may be; none for a field of another type, or one that takes any word."""
    key: Any = cls
    return tuple(_rule(key, name).words)


def field_range(cls: type, name: str, step: float = 0) -> tuple[float, float]:
    """The lowest and the highest value of a number; an end that does not belong to the range is
    `step` inside it."""
    key: Any = cls
    rule = _rule(key, name)
    return rule.low + step * (not rule.has_low), rule.high - step * (not rule.has_high)


def check_field(cls: type, name: str, value: Any) -> Any:
    """`value` in the type of a dataclass's field. Raises ValueError, naming the field and what fits."""
    key: Any = cls
    rule = _rule(key, name)
    if rule.kind in (int, float):
        if type(value) is rule.kind and rule.low < value < rule.high:
            return value  # nearly always; thousands of them are in a log
        return _check_number(name, rule, value)
    if rule.kind is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {shorten(value)}, but must be true or false")
        return value
    if not isinstance(value, str) or (rule.words and value not in rule.words):
        wanted = _either(tuple(rule.words)) if rule.words else "a word"
        raise ValueError(f"{name} is {shorten(value)}, but must be {wanted}")
    return value


def _check_number(name: str, rule: _Rule, value: Any) -> int | float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number and math.isfinite(_float(value))) or (rule.kind is int and value % 1):
        wanted = "a whole number" if rule.kind is int else "a number"
        raise ValueError(f"{name} is {shorten(value)}, but must be {wanted}")
    above = value >= rule.low if rule.has_low else value > rule.low
    below = value <= rule.high if rule.has_high else value < rule.high
    if not (above and below):
        lower = f"{'at least' if rule.has_low else 'more than'} {rule.low:,.10g}"
        upper = f"{'at most' if rule.has_high else 'less than'} {rule.high:,.10g}"
        raise ValueError(f"{name} is {value:,.10g}, but must be {lower} and {upper}")
    number: int | float = rule.kind(value)
    return number


def _float(value: float) -> float:
    """The value as a float; a whole number that is too large for one is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _either(words: Sequence[str]) -> str:
    return f"one of {', '.join(words)}" if len(words) > 2 else " or ".join(words)
