"""A link that holds a network to be trained: its layers and its whole recipe, with the seed.

    /train?take=1.eNqrVspJrMwvLVGyUvJLzE1VslIqLU4tUrIqKSpN1VGqzCxRsjI0…

The text after `take=` is packed JSON (see `packing`):

    {"step": "step5", "layers": [{"layer": "Conv", "channels": 8}, …], "recipe": {"rotation": 10.0, …}}

All layers are in it, so that a link means the same when a later version changes its steps. Of the recipe
only what differs from `Recipe()`: whoever changes a default of `Recipe` must raise FORMAT, which a test
reminds of. A link comes from anywhere, so everything in it is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode, urlsplit

from s5core.errors import UserError
from s5core.layers import Network, NetworkError, check, from_json, to_json
from s5core.packing import LONGEST, is_packed, pack, unpack
from s5core.recipe import Recipe, RecipeError
from s5core.steps import STEPS

FORMAT = 1
PARAMETER = "take"  # of the address, under which the app takes a link


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
    return pack(content, FORMAT)


def address(text: str, app: str = "", shown: Mapping[str, str] | None = None) -> str:
    """The link itself. `app`: the address of the app, such as "http://127.0.0.1:8501"; `shown`: what the
    page is to show, as parameters of its address."""
    return f"{app.rstrip('/')}/train?{urlencode({PARAMETER: text, **(shown or {})})}"


def is_link(text: str) -> bool:
    """Whether a word that somebody typed is meant as a link: a whole address, or its text alone."""
    return f"{PARAMETER}=" in text or is_packed(text)


def read(text: str) -> Linked:
    """What a link holds: a whole address, or its text alone. Raises LinkError, which says what is wrong."""
    try:
        if f"{PARAMETER}=" in text[:LONGEST]:
            text = parse_qs(urlsplit(text[: 2 * LONGEST]).query).get(PARAMETER, [""])[0]
        data = unpack(text, FORMAT)
    except ValueError as error:
        raise LinkError(f"The link cannot be read: {error}.") from error
    try:
        step, layers, recipe = data["step"], from_json(data["layers"]), Recipe.from_json(data["recipe"])
        check(layers)
    except (NetworkError, RecipeError) as error:
        raise LinkError(f"The link describes no network that can be trained: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LinkError("The link is damaged: what it holds is no network.") from error
    if not isinstance(step, str) or step not in STEPS:
        raise LinkError("The link begins from a step that this version does not have.")
    return Linked(step, layers, recipe)
