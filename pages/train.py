"""Train: choose a recipe, watch it train, compare it with earlier runs."""

from __future__ import annotations

import streamlit as st

from pages.parts import choice, messages, navigation, server
from pages.parts.start import start_run
from pages.parts.train import recipe_form, watch
from s5core.data import Digits
from s5core.errors import UserError
from s5core.runs import catalogue
from s5core.steps import Step


def fetch_digits() -> None:
    """Download MNIST once a server, with a progress bar; without a network the practice digits do."""
    place = st.empty()  # always there, or everything below would move when the bar goes
    if server.digits_are_here() or server.download_trouble() is not None:
        return
    bar = place.progress(0.0, "Looking for MNIST on the network …")

    def show(file: str, done: int, total: int) -> None:
        bar.progress(min(1.0, done / total) if total else 0.0, f"Downloading {file}")

    server.download(show)
    place.empty()


def tell_of_practice_digits(digits: Digits) -> None:
    """Say that MNIST is missing and why, and offer another attempt."""
    if not digits.notice:
        return
    st.warning(digits.notice)
    if trouble := server.download_trouble():
        st.caption(f"Why the download failed: {trouble}.")
    if st.button("Try the download again", help="Looks for MNIST on the network once more."):
        server.forget_download()
        st.rerun()


def start_chosen(step: Step) -> None:
    """Start a run of a step with the recipe of the controls."""
    try:
        recipe = recipe_form.chosen(step)
    except UserError as error:
        messages.leave("start", str(error))
    else:
        start_run(catalogue.of_step(step), recipe)


navigation.require_router()

st.title("Train")
step = choice.step()
st.markdown(
    f"Train **{step.short.lower()}** with a recipe of your own, and see what each setting does. "
    "The run goes on when you leave this page."
)
try:
    fetch_digits()
    digits = server.digits()
except UserError as error:
    st.error(str(error))
    st.stop()
tell_of_practice_digits(digits)

settings, live = st.columns([2, 3], gap="large")
with settings:
    if recipe_form.show(step, digits):
        st.button(
            "Train",
            type="primary",
            width="stretch",
            on_click=start_chosen,
            args=(step,),
            help="Starts a run with the settings above.",
        )
    messages.show("start")
    st.caption(
        f"Digits in use: {digits.name}, {len(digits.train_labels):,} to train and "
        f"{len(digits.validation_labels):,} to validate."
    )

with live:
    try:
        server.jobs()  # first, so that a worker starts up while the recipe is being chosen
        network = choice.network()
    except UserError as error:
        st.error(str(error))
    else:
        watch.show(network)

st.page_link("pages/runs.py", label="All runs: compare, rename, delete")
