"""The hints for a run: what it shows, why that matters, and a button that makes the change."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st
from torch import Tensor

from pages.parts import choice, keys, server, sidebar, wait
from pages.parts.start import start_run
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
    into the controls of the page Train, and trains nothing."""
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
            if _show_button(hint, network):
                st.switch_page("pages/train.py")
            step = catalogue.of_step(STEPS[hint.lesson])
            st.page_link(
                "pages/steps.py", label=f"The lesson: {step.short}", query_params=sidebar.link_to(step)
            )


def _show_button(hint: Hint, network: NamedNetwork) -> bool:
    """The button that makes the change, if it can be made. Returns whether it was just pressed."""
    key = keys.hint(hint.name, network.id)
    if hint.recipe is not None:
        return st.button(
            hint.change, key=key, on_click=_take, args=(hint, network),
            help="Puts this into the controls of the page Train. Nothing is trained yet.",
        )  # fmt: skip
    if hint.layers is not None:
        return st.button(
            f"Train it: {hint.change}", key=key, on_click=_train, args=(hint, network),
            help="Starts a run of the changed network with the same recipe.",
        )  # fmt: skip
    return False


def _take(hint: Hint, network: NamedNetwork) -> None:
    assert isinstance(hint.recipe, Recipe)
    recipe_form.put(network.step, hint.recipe, f"{network.short} with one change")
    if choice.network().id != network.id:
        choice.choose(network.id)


def _train(hint: Hint, network: NamedNetwork) -> None:
    assert hint.layers is not None
    start_run(
        replace(network, layers=hint.layers, design=hint.change),
        network.recipe,
        f"{network.title}, {hint.change.lower()}",
    )


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
