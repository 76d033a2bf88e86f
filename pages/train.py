"""Train: choose a recipe, watch it train, compare it with what came before."""

from __future__ import annotations

import streamlit as st

from pages.parts import navigation, recipe_form, session, watch
from s5core.errors import UserError
from s5core.layers import with_dropout
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.steps import Step


def fetch_digits() -> None:
    """Download MNIST once a server, with a bar; without a network the practice digits do."""
    place = st.empty()  # always there, or all that follows would move once it is not needed
    if session.digits_are_here() or session.download_trouble() is not None:
        return
    bar = place.progress(0.0, "Looking for MNIST on the network …")

    def show(file: str, done: int, total: int) -> None:
        bar.progress(min(1.0, done / total) if total else 0.0, f"Downloading {file}")

    session.download(show)
    place.empty()


def start_chosen(step: Step) -> None:
    """Start a run with the recipe of the controls."""
    try:
        start(step, recipe_form.chosen(step))
    except UserError as error:
        st.session_state.start_error = str(error)


def start(step: Step, recipe: Recipe) -> None:
    """Make a run, put it in line, and choose it."""
    layers = with_dropout(step.layers) if recipe.dropout else step.layers
    try:
        run = folder.create(recipe.summary(step.recipe), step.name, layers, recipe)
    except OSError as error:
        st.session_state.start_error = f"The run could not be written to {folder.home()}: {error.strerror}."
        return
    session.jobs().submit(run)
    st.session_state.run = run.id


navigation.require_router()

st.title("Train")
step = session.step()
st.markdown(
    f"Train **{step.title}** with a recipe of your own, and see what each choice does. "
    "The run goes on when you leave this page."
)
try:
    fetch_digits()
    digits = session.digits()
except UserError as error:
    st.error(str(error))
    st.stop()
if digits.notice:
    st.warning(digits.notice)
    if trouble := session.download_trouble():
        st.caption(f"Why the download failed: {trouble}.")
    if st.button("Try the download again", help="Looks for MNIST on the network once more."):
        session.forget_download()
        st.rerun()

settings, live = st.columns([2, 3], gap="large")
with settings:
    recipe = recipe_form.show(step, digits)
    if recipe is not None:
        st.button(
            "Train",
            type="primary",
            width="stretch",
            on_click=start_chosen,
            args=(step,),
            help="Starts a run with the settings above.",
        )
    if message := st.session_state.pop("start_error", None):
        st.error(message)
    st.caption(
        f"In use: {digits.name}, {len(digits.train_labels):,} digits to train and "
        f"{len(digits.validation_labels):,} to validate."
    )

with live:
    try:
        session.jobs()  # the controls stand: while the recipe is being chosen, a worker warms up
        run = session.run()
    except UserError as error:
        st.error(str(error))
    else:
        watch.show(step, run, start)
