"""Parts of the page Train that follow the chosen run, while the rest of the page stays as it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from pages.parts import choice, keys, server, sidebar
from s5core import device
from s5core.errors import UserError
from s5core.events import Diverged, Finished, Log
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.folder import Run

# Seconds between two looks at a run that is in training or in line on a GPU, and on a CPU: each look takes
# its time from the training there. And at a run that is not: it may be resumed in another browser.
OFTEN, OFTEN_ON_CPU, SELDOM = 1.0, 2.0, 4.0
FIRST_POINT = 1.0  # seconds that transport and chart wait for the first point of a run that has just begun


@dataclass(frozen=True)
class Look:
    """The chosen network at this moment, and how its run is doing."""

    network: NamedNetwork
    run: Run | None  # None for a step as shipped
    log: Log
    training: bool = False
    place: int | None = None  # in the line, from 1
    trouble: str = ""  # why the last attempt to train it failed

    @property
    def active(self) -> bool:
        """Whether the run is in training or in line. A run that has just finished stays with its
        worker for a moment, and one that has just been resumed still has its old end."""
        return self.training or self.place is not None

    @property
    def over(self) -> bool:
        """Whether the run cannot go on."""
        return isinstance(self.log.end, Finished | Diverged)


def look() -> Look:
    """Look at the chosen network. Raises UserError when its run is gone or damaged."""
    network = choice.network()
    if not network.is_run:
        return Look(network, None, Log())
    run, jobs = folder.open_run(network.id), server.jobs()
    training, place = jobs.is_training(run.id), jobs.place(run.id)  # before the log, which then is newer
    return Look(network, run, run.log(), training, place, jobs.trouble(run.id))


def wait_for_first_point() -> Look:
    """A look at the chosen network. If its run has just begun, it waits until there is a first point: the
    next look would be a second late."""
    deadline = time.monotonic() + FIRST_POINT
    while True:
        now = look()
        if not now.training or now.log.progress or now.log.end or time.monotonic() > deadline:
            return now
        time.sleep(0.05)


def show(key: str, draw: Callable[[], None]) -> None:
    """Draw a part of the page again and again: often while the run is active, else seldom.
    `key`: by which `redraw` finds it."""
    st.fragment(_follow, run_every=SELDOM, key=key)(draw)


def _follow(draw: Callable[[], None]) -> None:
    try:
        now = look()
    except UserError as error:  # somebody deleted the run: the next visit of a page says so, too
        st.error(str(error))
        return
    if now.active:
        st.fragment(draw, run_every=_interval(now.network.recipe))()
    else:
        with st.container():  # as a fragment makes one: whatever is drawn keeps its place on the page
            draw()


def _interval(recipe: Recipe) -> float:
    try:
        return OFTEN_ON_CPU if device.choose(recipe.device).id == "cpu" else OFTEN
    except UserError:  # there is no such device here: the run's log will say so
        return OFTEN


def redraw() -> None:
    """Draw what depends on the chosen run, and nothing else. Call it at the end of a callback."""
    st.rerun([sidebar.FRAGMENT, keys.TRAIN_TRANSPORT, keys.TRAIN_CHART])
