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
from functools import cache
from reprlib import repr as shorten
from typing import Any, get_args, get_type_hints


def setting(
    default: Any = dataclasses.MISSING,
    help: str = "",
    range: str = "",
    choices: Collection[str] = (),
    compare: bool = True,
) -> Any:
    """A field: its default, a sentence on it, its range as in "(0, 1]", or the words it may be.

    Without a default the field must be given. `compare`: whether two values make two things differ.
    """
    metadata = {"help": help, "range": range, "choices": choices}
    return dataclasses.field(default=default, compare=compare, metadata=metadata)


def field_types(cls: type) -> dict[str, Any]:
    """The type of each field of a dataclass: int, float, bool, str or a Literal of words."""
    key: Any = cls  # mypy takes no class for hashable whose instances define a hash
    return _field_types(key)


@cache
def _field_types(cls: Any) -> dict[str, Any]:
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def field_choices(cls: type, name: str) -> tuple[str, ...]:
    """The words that a field may be; none for a field of another type, or one that takes any word."""
    field = next(field for field in dataclasses.fields(cls) if field.name == name)
    return tuple(field.metadata.get("choices", ())) or get_args(field_types(cls)[name])


def field_range(cls: type, name: str, step: float = 0) -> tuple[float, float]:
    """The lowest and the highest value of a number; an end that does not belong to the range is
    `step` inside it."""
    text = next(field for field in dataclasses.fields(cls) if field.name == name).metadata["range"]
    low, high = (float(end) for end in text[1:-1].split(","))
    return low + step * (text[0] == "("), high - step * (text[-1] == ")")


def check_field(cls: type, name: str, value: Any) -> Any:
    """`value` in the type of a dataclass's field. Raises ValueError, naming the field and what fits."""
    kind = field_types(cls)[name]
    if kind in (int, float):
        field = next(field for field in dataclasses.fields(cls) if field.name == name)
        return _check_number(name, kind, field.metadata.get("range", ""), value)
    if kind is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} is {shorten(value)}, but must be true or false")
        return value
    words = field_choices(cls, name)
    if not isinstance(value, str) or (words and value not in words):
        wanted = _either(words) if words else "a word"
        raise ValueError(f"{name} is {shorten(value)}, but must be {wanted}")
    return value


def _check_number(name: str, kind: type[int] | type[float], range: str, value: Any) -> int | float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (is_number and math.isfinite(_float(value))) or (kind is int and value % 1):
        wanted = "a whole number" if kind is int else "a number"
        raise ValueError(f"{name} is {shorten(value)}, but must be {wanted}")
    if range:
        low, high = (float(end) for end in range[1:-1].split(","))
        above = value >= low if range[0] == "[" else value > low
        below = value <= high if range[-1] == "]" else value < high
        if not (above and below):
            lower = f"{'at least' if range[0] == '[' else 'more than'} {low:,.10g}"
            upper = f"{'at most' if range[-1] == ']' else 'less than'} {high:,.10g}"
            raise ValueError(f"{name} is {value:,.10g}, but must be {lower} and {upper}")
    return kind(value)


def _float(value: float) -> float:
    """The value as a float; a whole number that is too large for one is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _either(words: Sequence[str]) -> str:
    return f"one of {', '.join(words)}" if len(words) > 2 else " or ".join(words)
