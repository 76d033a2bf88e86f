"""The exports: each is one entry in `EXPORTS`, a pure function from a network to the bytes of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from s5core.checkpoint import Checkpoint
from s5core.errors import UserError
from s5core.layers import Network, to_json
from s5core.recipe import Recipe
from s5core.summary import format_table, layer_table


class ExportError(UserError):
    """An export that does not exist."""


@dataclass(frozen=True)
class Source:
    """A network to export."""

    name: str  # of the step, the run or the file that it comes from
    layers: Network
    recipe: Recipe
    trained: Checkpoint | None = None  # None without finished epochs


@dataclass(frozen=True)
class Export:
    """A form in which a network can be exported."""

    name: str  # as on the command line
    ending: str  # of the file's name
    help: str  # one line for lists
    write: Callable[[Source], bytes]  # the content of the file

    def file_name(self, source: Source) -> str:
        """A name for the file: "step5-layers.json"."""
        return f"{source.name}-{self.name}{self.ending}"


def layers(source: Source) -> bytes:
    """The layers as JSON, which `layers.from_json` reads."""
    return _json_bytes(to_json(source.layers))


def recipe(source: Source) -> bytes:
    """The recipe as JSON, which `Recipe.from_json` reads."""
    return _json_bytes(source.recipe.to_json())


def table(source: Source) -> bytes:
    """The layer table in the classic format."""
    return f"{format_table(layer_table(source.layers))}\n".encode()


def _json_bytes(data: Any) -> bytes:
    return f"{json.dumps(data, indent=1)}\n".encode()


EXPORTS = {
    export.name: export
    for export in (
        Export("layers", ".json", "the layers as JSON, a file that every command takes as NETWORK", layers),
        Export("table", ".txt", "the layer table as text", table),
        Export("recipe", ".json", "the recipe as JSON", recipe),
    )
}


def find(name: str) -> Export:
    """The export with this name. Raises ExportError if there is none."""
    if name not in EXPORTS:
        raise ExportError(f"There is no export {name!r}: use one of {', '.join(EXPORTS)}.")
    return EXPORTS[name]
