"""Train: choose a recipe, watch it train, compare it with earlier runs."""

from __future__ import annotations

import streamlit as st

from pages.parts import choice, expectation, keys, messages, navigation, server
from pages.parts.train import curves, finder, follow, layout, recipe_form, slow_motion, transport
from s5core.data import Digits
from s5core.errors import UserError


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


navigation.require_router()
layout.apply()

st.title("Train")
try:
    fetch_digits()
    digits = server.digits()
    server.jobs()  # a worker starts up while the recipe is being chosen
    network = choice.network()
except UserError as error:
    messages.complain(error)
    st.stop()
recipe_form.begin(network)

follow.start_clock()
with st.container(key=keys.TRAIN_TRANSPORT):
    follow.show(keys.TRAIN_TRANSPORT, transport.draw)
messages.show("start")
chart, settings = st.columns([3, 2], gap="medium")
with chart:
    follow.show(keys.TRAIN_CHART, curves.draw)
with settings:
    recipe_form.show(network.step, digits)
    expectation.ask()
    finder.show(recipe_form.network_to_train(network))
slow_motion.show(network)
st.caption("A run goes on when you leave this page.")
tell_of_practice_digits(digits)
st.page_link("pages/runs.py", label="All runs: compare, rename, delete")
