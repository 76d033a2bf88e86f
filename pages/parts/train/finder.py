"""The learning-rate finder of the page Train, in a place that can be folded."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, messages, server, small, wait
from pages.parts.train import recipe_form
from s5core import finder
from s5core.ahead.desk import Pending
from s5core.ahead.rates import RangeTest
from s5core.errors import UserError
from s5core.finder import BATCHES, HIGH, LOW, Trial
from s5core.layers import Network, with_dropout
from s5core.recipe import Recipe
from s5core.runs.catalogue import NamedNetwork
from s5core.views.finder import range_test
from s5core.words import NO_BREAK


def show(network: NamedNetwork) -> None:
    """The place, and in it the test of the network with the recipe of the controls, once it is asked for."""
    place = st.expander("Find a learning rate", key=keys.TRAIN_FINDER, on_change="rerun")
    if not place.open:
        return
    with place:
        try:
            recipe = recipe_form.chosen(network.step)
            layers = with_dropout(network.layers) if recipe.dropout else network.layers
            _show(network, layers, recipe)
        except UserError as error:
            messages.complain(error)


def _show(network: NamedNetwork, layers: Network, recipe: Recipe) -> None:
    test = RangeTest(layers, recipe, server.digits())
    if st.session_state.get(keys.TRAIN_FOUND) != test.file:
        st.caption(
            f"A new network is trained for {BATCHES} batches while the learning rate grows from {LOW:g} to "
            f"{HIGH:g}. No run is touched. It takes some seconds."
        )
        st.button("Test the rates", on_click=_ask, args=(test.file,))
        return
    found = server.ask(test)
    if isinstance(found, Pending):
        wait.show(lambda: server.ask(test), "Testing the rates …")
        return
    _show_trials(network, recipe, found)


def _ask(file: str) -> None:
    st.session_state[keys.TRAIN_FOUND] = file


def _show_trials(network: NamedNetwork, recipe: Recipe, trials: list[Trial]) -> None:
    suggested = finder.suggest(trials)
    words = suggested.reason if suggested else finder.NOTHING
    with small.chart("finder"):
        st.vega_lite_chart(
            range_test(trials, suggested.rate if suggested else None),
            width="stretch",
            alt=f"The loss over the learning rate. {words}",
        )
    st.markdown(words)
    if suggested:
        st.button(
            f"Use {suggested.rate:g}",
            on_click=_take, args=(network, recipe, suggested.rate),
            disabled=suggested.rate == recipe.learning_rate,
            help="Puts it into the controls. Nothing is trained yet.",
        )  # fmt: skip
    st.caption(
        "The loss is the mean over the last batches. Where it falls, the network learns; where it rises, "
        f"the steps are too large (range test of Smith, arXiv:1506.01186, section{NO_BREAK}3.3)."
    )


def _take(network: NamedNetwork, recipe: Recipe, rate: float) -> None:
    short = recipe_form.origin(network.step).short
    recipe_form.put(network.step, recipe.replace(learning_rate=rate), f"{short}, with the rate of the finder")
