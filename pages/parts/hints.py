"""The hints for a run: what it shows, why that matters, and a button that makes the change."""

from __future__ import annotations

import streamlit as st
from torch import Tensor

from pages.parts import choice, keys, server, sidebar, wait
from pages.parts.design import draft
from pages.parts.train import recipe_form
from s5core import hints
from s5core.ahead.desk import Pending
from s5core.errors import UserError
from s5core.hints import Case, Hint
from s5core.recipe import Recipe
from s5core.runs import catalogue
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.folder import Run
from s5core.steps import STEPS

POOR = 92.0  # percent: below it, one looks whether a whole class is lost


def show(run: Run) -> None:
    """The hints for a run that is not in training; nothing where there are none. A change of the recipe goes
    into the controls of the page Train, one of the layers into the page Design; nothing is trained."""
    network, log = catalogue.of_run(run), run.log()
    confusion = _confusion(network, log.epochs[-1].validation_accuracy if log.epochs else None)
    found = hints.find(Case(run.layers, run.recipe, tuple(log.epochs), log.end, confusion))
    if not found:
        return
    st.markdown("**What this run suggests**")
    for hint in found:
        _show(hint, network)


def _show(hint: Hint, network: NamedNetwork) -> None:
    with st.container(border=True, gap="small"):
        st.markdown(hint.seen)
        with st.container(horizontal=True, vertical_alignment="center"):
            with st.popover("Why"):
                st.markdown(hint.why)
            if page := _show_button(hint, network):
                st.switch_page(page)
            step = catalogue.of_step(STEPS[hint.lesson])
            st.page_link(
                "pages/steps.py", label=f"The lesson: {step.short}", query_params=sidebar.link_to(step)
            )


def _show_button(hint: Hint, network: NamedNetwork) -> str:
    """The button that makes the change, if it can be made. Returns the page that shows it, if it was just
    pressed."""
    key = keys.hint(hint.name, network.id)
    if hint.recipe is not None and st.button(
        hint.change, key=key, on_click=_take, args=(hint, network),
        help="Puts this into the controls of the page Train. Nothing is trained yet.",
    ):  # fmt: skip
        return "pages/train.py"
    if hint.layers is not None and st.button(
        hint.change, key=key, on_click=_design, args=(hint, network),
        help="Changes the network on the page Design. Nothing is trained yet.",
    ):  # fmt: skip
        return "pages/design.py"
    return ""


def _take(hint: Hint, network: NamedNetwork) -> None:
    assert isinstance(hint.recipe, Recipe)
    recipe_form.put(network.step, hint.recipe, f"{network.short} with one change")
    _choose(network)


def _design(hint: Hint, network: NamedNetwork) -> None:
    assert hint.layers is not None
    _choose(network)
    draft.change(hint.layers)


def _choose(network: NamedNetwork) -> None:
    if choice.network().id != network.id:
        choice.choose(network.id)


def _confusion(network: NamedNetwork, accuracy: float | None) -> Tensor | None:
    """What a poor network answers to which class, once that has been read; else None."""
    if accuracy is None or accuracy > POOR or network.recipe.split != "test":
        return None
    try:
        trained = server.trained(network)
        found = server.answers(trained) if trained else None
    except UserError:
        return None
    if isinstance(found, Pending):
        if trained and not found.trouble:
            wait.show(lambda: server.answers(trained), "Looking at what it answers to each digit …")
        return None
    return found.confusion() if found else None
