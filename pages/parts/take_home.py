"""Take it home: a network's link and its exports, each a file that is made after the click."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

import streamlit as st

from pages.parts import keys, messages, presentation, server
from pages.parts.server import Trained
from pages.parts.train import shown
from s5core.ahead.desk import Pending
from s5core.errors import UserError
from s5core.export import link
from s5core.export.formats import EXPORTS, Export
from s5core.export.source import Answers, Source
from s5core.runs.catalogue import NamedNetwork
from s5core.words import message

LABELS = {
    "html": "A page that reads digits",
    "notebook": "A notebook",
    "script": "A Python script",
    "report": "A report",
    "card": "A model card",
    "onnx": "ONNX",
    "layers": "The layers",
    "table": "The layer table",
    "recipe": "The recipe",
}
LOOK = 0.2  # seconds between two looks for the answers


def show_below(network: NamedNetwork) -> None:
    """The exports, drawn when they are opened."""
    expander = st.expander("Take it home", key=keys.HOME_OPEN, on_change="rerun")
    if expander.open:
        with expander:
            show(network)


def show(network: NamedNetwork) -> None:
    """The link, and a button for each export."""
    try:
        trained = server.trained(network)
    except UserError as error:
        messages.complain(error)
        return
    made = None if trained is None else trained.checkpoint
    source = Source(network.id, network.layers, network.recipe, made, network.step.name, network.short)
    st.markdown(
        "**A link** holds the layers, the recipe and the seed, and how the page Train shows them. Whoever "
        "opens it finds the same settings there, and the same machine trains the same weights from it."
    )
    text = link.write(source.step, source.layers, source.recipe)
    st.code(
        link.address(text, _app(), presentation.address() | shown.chosen()), language=None, wrap_lines=True
    )
    st.markdown("**Files** that work without this app:")
    for export in EXPORTS.values():
        if export.name in LABELS:
            _offer(export, source, trained)
    if trained is None:
        st.caption("A network that is not trained has no weights: for the other files train it first.")


def _offer(export: Export, source: Source, trained: Trained | None) -> None:
    """The button of one export, and what it is."""
    button, words = st.columns([1, 2], vertical_alignment="center")
    try:
        export.check(source)
        refusal = ""
    except UserError as error:
        refusal = message(str(error))
    button.download_button(
        LABELS[export.name],
        partial(_make, export, source, trained),  # after the click
        export.file_name(source),
        key=keys.home_download(export.name),
        on_click="ignore",
        disabled=bool(refusal),
        help=refusal or None,
        width="stretch",
    )
    words.markdown(f"{export.help[0].upper()}{export.help[1:]}.")


def _make(export: Export, source: Source, trained: Trained | None) -> bytes:
    """The file. The server runs this in a thread of its own, where it may wait for the reader of digits."""
    if export.reads and trained is not None:
        split = trained.checkpoint.recipe.split  # the test digits may be sealed
        while isinstance(found := server.answers(trained, split), Pending):
            if found.trouble:
                raise UserError(found.trouble)
            time.sleep(LOOK)
        source = replace(source, answers=Answers(server.digits(split), found))
    return export.write(source)


def _app() -> str:
    """The address of the app, as the browser has it: this page's without its last word."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rpartition('/')[0]}" if parts.netloc else ""
