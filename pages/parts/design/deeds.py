"""What can be done with the network on the page Design: train it, save it, download and open it, undo."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.parts import choice, keys, messages, server, visitor
from pages.parts.design import draft
from pages.parts.start import start_run
from s5core.errors import UserError
from s5core.export.formats import EXPORTS
from s5core.export.source import Source
from s5core.files import parse_json
from s5core.layers import MAX_LAYERS, Network, NetworkError, from_json
from s5core.runs import folder
from s5core.runs.catalogue import NamedNetwork
from s5core.summary import count_parameters

MAX_BYTES = 2**16  # of a file of layers; the longest has 10 KB


def show(layers: Network, possible: bool) -> None:
    """The buttons. `possible`: whether the whole network can be trained."""
    chosen = choice.network()
    wrong = bool(draft.text()[1])
    possible = possible and not wrong
    st.text_input(
        "Its name",
        key=keys.DESIGN_NAME,
        placeholder=usual_name(layers, chosen) if possible else "",
        max_chars=folder.LONGEST_NAME,
        persist_state="session",
        help="Lists show it under this name. Without one it is named after its parameters.",
    )
    with st.container(horizontal=True, gap="small"):
        trained = st.button(
            "Train it", type="primary", key=keys.DESIGN_TRAIN, disabled=not possible, on_click=_train,
            help=f"Starts a run with the recipe of {chosen.marked_short}, and opens the page Train.",
        )  # fmt: skip
        st.button(
            "Save it", disabled=not possible or not draft.is_changed(), on_click=_save,
            help="Keeps it as a run that is not started yet. It then stands wherever networks are chosen, "
            "and on the page Train you can choose the settings first.",
        )  # fmt: skip
        st.button("Undo", disabled=not draft.past(), on_click=draft.undo, help="Takes the last change back.")
        _offer_files(layers, chosen)
        if draft.is_changed():
            st.button(
                f"Back to {chosen.marked_title if chosen.is_run else chosen.marked_short}",
                on_click=draft.change, args=(chosen.layers,),
                help="Begins again with the network that is chosen in the sidebar.",
            )  # fmt: skip
    if not possible:
        st.caption(
            f"It can be trained once {'the text is right' if wrong else 'nothing in the list is impossible'}."
        )
    failed = messages.show("start")
    if trained and not failed:
        st.switch_page("pages/train.py")


def usual_name(layers: Network, chosen: NamedNetwork) -> str:
    """The name of a network to which nobody has given one."""
    if layers == chosen.layers:
        return chosen.design or chosen.title
    return f"design with {count_parameters(layers):,}"


def _design() -> NamedNetwork:
    """The network as one to train in place of the chosen one, with a name unless it is that of a step."""
    chosen, layers = choice.network(), draft.layers()
    if layers == chosen.step.layers or (layers == chosen.layers and not chosen.design):
        return replace(chosen, layers=layers, design="")
    typed = folder.one_line(st.session_state.get(keys.DESIGN_NAME) or "", folder.LONGEST_NAME)
    return replace(chosen, layers=layers, design=typed or usual_name(layers, chosen))


def _train() -> None:
    network = _design()
    start_run(network, network.recipe)


def _save() -> None:
    network = _design()

    def save() -> None:
        run = server.classroom().save(
            visitor.person(), network.step.name, network.layers, network.recipe, network.design
        )
        choice.choose(run.id)

    if messages.attempt("design", save):
        st.rerun()  # the sidebar lists it


def _offer_files(layers: Network, chosen: NamedNetwork) -> None:
    """The network as a file, and from one."""
    with st.popover("File"):
        st.caption("The address of this page holds the network, too: whoever opens it sees the same design.")
        export = EXPORTS["layers"]
        source = Source("design", layers, chosen.recipe, step=chosen.step.name)
        st.download_button(
            "Download the layers",
            export.write(source),
            export.file_name(source),
            on_click="ignore",
            help="A JSON file that this page and every command take.",
        )
        st.file_uploader("Open a JSON file of layers", type=["json"], key=keys.DESIGN_UPLOAD, on_change=_open)


def _open() -> None:
    upload = st.session_state[keys.DESIGN_UPLOAD]
    if upload is None:
        return
    try:
        draft.change(_read(upload.getvalue()))
    except UserError as error:
        messages.leave("design", str(error))


def _read(content: bytes) -> Network:
    """The network in a file. Raises NetworkError."""
    if len(content) > MAX_BYTES:
        raise NetworkError(
            f"The file has {len(content):,} bytes: no file of layers has more than {MAX_BYTES:,}."
        )
    try:
        layers = from_json(parse_json(content))
    except ValueError as error:
        raise NetworkError(f"The file is no JSON of layers: {error}.") from error
    if len(layers) > MAX_LAYERS:
        raise NetworkError(f"The network has {len(layers)} layers: use at most {MAX_LAYERS}.")
    return layers
