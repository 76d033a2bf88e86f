"""A link that holds a network to be trained: its layers and its whole recipe, with the seed.

    /train?take=1.eNqrVspJrMwvLVGyUvJLzE1VslIqLU4tUrIqKSpN1VGqzCxRsjI0…

The text after `take=` is the number of the format, a point, and JSON that is compressed and written in
letters that every chat leaves alone (base64url):

    {"step": "step5", "layers": [{"layer": "Conv", "channels": 8}, …], "recipe": {"rotation": 10.0, …}}

All layers are in it, so that a link means the same when a later version changes its steps. Of the recipe
only what differs from `Recipe()`: whoever changes a default of `Recipe` must raise FORMAT, which a test
reminds of. A link comes from anywhere, so everything in it is checked.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from s5core.errors import UserError
from s5core.files import parse_json
from s5core.layers import Network, NetworkError, check, from_json, to_json
from s5core.recipe import Recipe, RecipeError
from s5core.steps import STEPS

FORMAT = 1
PARAMETER = "take"  # of the address, under which the app takes a link
LONGEST = 8_000  # characters that are looked at; a step has under 1,000
MOST = 2**16  # bytes that a link may unpack to

_TEXT = re.compile(r"\d{1,3}\.[A-Za-z0-9_-]{20,}")


class LinkError(UserError):
    """A link that holds no network; the message says why."""


@dataclass(frozen=True)
class Linked:
    """What a link holds."""

    step: str  # name of the step that the network began from
    layers: Network
    recipe: Recipe


def write(step: str, layers: Network, recipe: Recipe) -> str:
    """The text of a link. `step`: name of the step that the network began from."""
    usual = Recipe().to_json()
    content = {
        "step": step,
        "layers": to_json(layers),
        "recipe": {name: value for name, value in recipe.to_json().items() if value != usual[name]},
    }
    packed = zlib.compress(json.dumps(content, separators=(",", ":")).encode(), 9)
    return f"{FORMAT}.{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def address(text: str, app: str = "") -> str:
    """The link itself. `app`: the address of the app, such as "http://127.0.0.1:8501"."""
    return f"{app.rstrip('/')}/train?{PARAMETER}={text}"


def is_link(text: str) -> bool:
    """Whether a word that somebody typed is meant as a link: a whole address, or its text alone."""
    return f"{PARAMETER}=" in text or _TEXT.fullmatch(text) is not None


def read(text: str) -> Linked:
    """What a link holds: a whole address, or its text alone. Raises LinkError, which says what is wrong."""
    if len(text) > LONGEST:
        raise LinkError(f"The link has {len(text):,} characters, and none of ours has more than {LONGEST:,}.")
    if f"{PARAMETER}=" in text:
        text = parse_qs(urlsplit(text).query).get(PARAMETER, [""])[0]
    if not _TEXT.fullmatch(text.strip()):
        raise LinkError(
            "The link is cut off or no link to a network: copy it again, from its first letter to its last."
        )
    number, _, packed = text.strip().partition(".")
    if int(number) != FORMAT:
        raise LinkError(f"The link has format {int(number)}, and this version reads format {FORMAT}.")
    try:
        data = parse_json(_unpack(packed))
        step, layers, recipe = data["step"], from_json(data["layers"]), Recipe.from_json(data["recipe"])
        check(layers)
    except (NetworkError, RecipeError) as error:
        raise LinkError(f"The link describes no network that can be trained: {error}") from error
    except (ValueError, KeyError, TypeError, zlib.error, binascii.Error) as error:
        raise LinkError("The link is damaged: copy it again, from its first letter to its last.") from error
    if not isinstance(step, str) or step not in STEPS:
        raise LinkError("The link begins from a step that this version does not have.")
    return Linked(step, layers, recipe)


def _unpack(packed: str) -> bytes:
    """The JSON in a link. Raises ValueError for one that would unpack to more than MOST bytes."""
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), MOST)
    if not unpacking.eof:
        raise ValueError("it is cut off, or unpacks to too much")
    return content
