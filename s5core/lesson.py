"""A lesson: a question that a learner's own runs answer, in about ten minutes.

A lesson is a small JSON file, or a link that holds the same, unless its texts are too long for one:

    {"title": "Where the pool belongs", "minutes": 10,
     "question": "Does a network read better when it pools early or late?",
     "tasks": ["Say first what you expect.", "Train each network once.", …],
     "look": "Compare seconds and errors.",
     "variants": [{"name": "early", "step": "step5", "layers": "C8 BN … H10", "recipe": {"epochs": 2}}, …],
     "open": ["learning_rate"],
     "found": "What one should have seen."}

A variant is a network and its recipe: `layers` as in `notation`, those of its step where there are none,
and of the recipe what differs from the step's. A learner may change the fields of `open`; all else is fixed.
Whoever knows the link can read all of it, the answer as well.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from s5core import notation
from s5core.errors import UserError
from s5core.evidence import Sample, compare
from s5core.files import parse_json, read_bytes
from s5core.layers import Network, NetworkError, check
from s5core.packing import pack, unpack
from s5core.recipe import Recipe, RecipeError
from s5core.steps import STEPS
from s5core.summary import count_parameters
from s5core.words import count, percent

FOLDER = Path(__file__).with_name("lessons")  # those that the app brings along, a file each
FORMAT = 1  # of a link
MAX_BYTES = 2**16  # of a file
VARIANTS = 4  # at most
TASKS = 8  # at most
SHORT, LONG = 80, 1000  # characters of a name, and of any other text


class LessonError(UserError):
    """A lesson that cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True)
class Variant:
    """One of the networks that a lesson compares."""

    name: str
    step: str  # name of the step that it begins from
    layers: Network
    recipe: Recipe

    def to_json(self) -> dict[str, Any]:
        """As in a file."""
        step, usual = STEPS[self.step], STEPS[self.step].recipe.to_json()
        changed = {name: value for name, value in self.recipe.to_json().items() if value != usual[name]}
        layers = {} if self.layers == step.layers else {"layers": notation.write(self.layers)}
        return {"name": self.name, "step": self.step, **layers, "recipe": changed}

    @classmethod
    def from_json(cls, data: Any) -> Variant:
        """Raises KeyError, TypeError, ValueError, NetworkError or RecipeError."""
        name, step = _text(data, "name", SHORT), STEPS[_text(data, "step", SHORT)]
        layers = notation.parse(_text(data, "layers", LONG)) if "layers" in data else step.layers
        check(layers)
        return cls(name, step.name, layers, step.recipe.replace(**data.get("recipe", {})))


@dataclass(frozen=True)
class Lesson:
    """A lesson. All texts are plain: nothing in them is Markdown."""

    title: str
    question: str
    tasks: tuple[str, ...]  # what to do, in order
    look: str  # what to look at
    variants: tuple[Variant, ...]
    open: tuple[str, ...] = ()  # fields of the recipe that a learner may change
    found: str = ""  # what one should have seen
    minutes: int = 10

    def to_json(self) -> dict[str, Any]:
        """As in a file."""
        own = {entry.name: getattr(self, entry.name) for entry in dataclasses.fields(self)}
        return own | {
            "tasks": list(self.tasks),
            "variants": [variant.to_json() for variant in self.variants],
            "open": list(self.open),
        }

    @classmethod
    def from_json(cls, data: Any) -> Lesson:
        """Raises LessonError for anything but what `to_json` writes."""
        try:
            return cls._from_json(data)
        except (NetworkError, RecipeError) as error:
            raise LessonError(f"A network of the lesson cannot be trained: {error}") from error
        except KeyError as error:
            raise LessonError(f"The lesson cannot be read: {error} is missing or unknown.") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise LessonError(f"The lesson cannot be read: {str(error)[:200]}.") from error

    @classmethod
    def _from_json(cls, data: Any) -> Lesson:
        tasks, variants, open = (_list(data, name) for name in ("tasks", "variants", "open"))
        if not 1 <= len(variants) <= VARIANTS:
            raise ValueError(f"it has {count(len(variants), 'network')}, but must have 1 to {VARIANTS}")
        if len(tasks) > TASKS:
            raise ValueError(f"it has {len(tasks)} tasks, but must have at most {TASKS}")
        known = {entry.name for entry in dataclasses.fields(Recipe)}
        if wrong := [name for name in open if name not in known]:
            raise ValueError(f"a recipe has no field {str(wrong[0])[:SHORT]!r}")
        read = tuple(Variant.from_json(each) for each in variants)
        if len({each.name for each in read}) < len(read):
            raise ValueError("two of its networks have the same name")
        minutes = data.get("minutes", 10)
        if not isinstance(minutes, int) or not 1 <= minutes <= 999:
            raise ValueError("minutes must be a whole number from 1 to 999")
        return cls(
            title=_text(data, "title", SHORT),
            question=_text(data, "question", LONG),
            tasks=tuple(_checked(task, "a task", LONG) for task in tasks),
            look=_text(data, "look", LONG),
            variants=read,
            open=tuple(open),
            found=_text(data, "found", LONG),
            minutes=minutes,
        )

    def allows(self, recipe: Recipe, variant: Variant) -> bool:
        """Whether a recipe is that of a variant, but for its seed and what the lesson leaves open."""
        free = {name: getattr(recipe, name) for name in (*self.open, "seed", "device")}
        return variant.recipe.replace(**free) == recipe


def _text(data: Mapping[str, Any], name: str, most: int) -> str:
    return _checked(data[name], name, most)


def _checked(text: Any, name: str, most: int) -> str:
    if not isinstance(text, str) or len(text) > most:
        raise ValueError(f"{name} must be a text of at most {most:,} characters")
    return text


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    found = data.get(name, [])
    if not isinstance(found, list):
        raise ValueError(f"{name} must be a list")
    return found


@cache
def shipped() -> dict[str, Lesson]:
    """The lessons that the app brings along, by the names of their files, in order."""
    return {path.stem: read(path) for path in sorted(FOLDER.glob("*.json"))}


def read(path: Path) -> Lesson:
    """The lesson in a file. Raises LessonError."""
    try:
        return from_bytes(read_bytes(path, MAX_BYTES))
    except OSError as error:
        raise LessonError(f"{path} cannot be read: {error.strerror or error}.") from error


def from_bytes(content: bytes) -> Lesson:
    """The lesson in the content of a file. Raises LessonError."""
    try:
        return Lesson.from_json(parse_json(content))
    except ValueError as error:
        raise LessonError(f"The file holds no lesson: {error}.") from error


def to_bytes(lesson: Lesson) -> bytes:
    """The content of a file."""
    return (json.dumps(lesson.to_json(), indent=1, ensure_ascii=False) + "\n").encode()


def to_text(lesson: Lesson) -> str:
    """What a link to the lesson carries: the name of a file that the app brings along, or all of it.
    Raises LessonError for a lesson that is too long for a link."""
    names = [name for name, each in shipped().items() if each == lesson]
    if names:
        return names[0]
    text = pack(lesson.to_json(), FORMAT)
    try:
        unpack(text, FORMAT)
    except ValueError as error:
        raise LessonError(
            "The lesson is too long for a link: shorten its texts, or give others its file instead."
        ) from error
    return text


def from_text(text: str) -> Lesson:
    """The lesson of a link. Raises LessonError."""
    if text in shipped():
        return shipped()[text]
    try:
        return Lesson.from_json(unpack(text, FORMAT))
    except ValueError as error:
        raise LessonError(f"The link to the lesson cannot be read: {error}.") from error


@dataclass(frozen=True)
class Reached:
    """What a learner's run of a variant has reached."""

    variant: Variant
    accuracy: float  # on the validation digits after the last epoch, in percent
    errors: int
    digits: int  # to validate with
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.variant.name}: {percent(self.accuracy)} ({count(self.errors, 'error')}), "
            f"{count_parameters(self.variant.layers):,} parameters, {self.seconds:.0f} s"
        )


def summarize(reached: Sequence[Reached]) -> str:
    """What the runs say about the question: which is ahead, and whether one run each can show it. Empty for
    fewer than two runs."""
    if len(reached) < 2:
        return ""
    best, *_, last = sorted(reached, key=lambda each: -each.accuracy)
    ahead = "" if best.errors == last.errors else f"{best.variant.name} is ahead of {last.variant.name}. "
    low, high = (Sample((each.accuracy,), each.digits) for each in (last, best))
    return ahead + compare(low, high).words.replace("**", "")  # to be handed in as plain text
