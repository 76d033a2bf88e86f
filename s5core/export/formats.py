"""The exports: each is one entry in `EXPORTS`, a pure function from a network to the bytes of a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from s5core.export import link
from s5core.export.card import card
from s5core.export.onnx_graph import onnx_model
from s5core.export.page import page
from s5core.export.report import report
from s5core.export.solution import notebook, script
from s5core.export.source import ExportError, Source
from s5core.layers import to_json
from s5core.summary import count_parameters, format_table, layer_table


@dataclass(frozen=True)
class Export:
    """A form in which a network can be exported."""

    name: str  # as on the command line
    ending: str  # of the file's name
    help: str  # one line for lists
    write: Callable[[Source], bytes]  # the content of the file
    trained: bool = False  # whether it needs the weights
    reads: bool = False  # whether it also needs what the network answers to the validation digits
    most: int | None = None  # parameters that it can take

    def file_name(self, source: Source) -> str:
        """A name for the file: "step5-layers.json"."""
        return f"{source.name}-{self.name}{self.ending}"

    def check(self, source: Source) -> None:
        """Raise ExportError for a network that cannot be exported so."""
        if self.trained:
            source.checkpoint()
        parameters = count_parameters(source.layers)
        if self.most is not None and parameters > self.most:
            raise ExportError(
                f"{source.heading} has {parameters:,} parameters, and the export {self.name} takes at most "
                f"{self.most:,}: use onnx."
            )


def layers(source: Source) -> bytes:
    """The layers as JSON, which `layers.from_json` reads."""
    return _json_bytes(to_json(source.layers))


def recipe(source: Source) -> bytes:
    """The recipe as JSON, which `Recipe.from_json` reads."""
    return _json_bytes(source.recipe.to_json())


def table(source: Source) -> bytes:
    """The layer table in the classic format."""
    return f"{format_table(layer_table(source.layers))}\n".encode()


def link_text(source: Source) -> bytes:
    """A link without the app's address, which `link.read` reads."""
    return f"{link.address(link.write(source.step, source.layers, source.recipe))}\n".encode()


def _json_bytes(data: Any) -> bytes:
    return f"{json.dumps(data, indent=1)}\n".encode()


EXPORTS = {
    export.name: export
    for export in (
        Export("link", ".txt", "a link that holds layers and recipe, to train it elsewhere", link_text),
        Export(
            "html", ".html", "one HTML file that reads drawn digits offline", page, trained=True, most=500_000
        ),
        Export("notebook", ".ipynb", "a Jupyter notebook of plain PyTorch", notebook),
        Export("script", ".py", "the same as a Python script", script),
        Export("onnx", ".onnx", "the trained network as ONNX", onnx_model, trained=True),
        Export("report", ".html", "a report to read, print and hand in", report, trained=True, reads=True),
        Export("card", ".md", "a model card for learners", card, trained=True, reads=True),
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
