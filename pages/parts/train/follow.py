"""The parts of the page Train that follow the chosen run, while the rest of the page stays as it is.

A clock looks at the run, and draws these parts again when something has changed. Where nothing can
change, the clock stands still, and an open page costs the server nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from pages.parts import choice, clock, keys, messages, server, sidebar
from s5core import device
from s5core.errors import UserError
from s5core.events import Diverged, Finished, Log
from s5core.files import Version
from s5core.runs import forecast, group, outcome
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.folder import Run

# Seconds between two looks: at a run in training or in line, on a GPU and on a CPU, where drawing takes its
# time from the training; and at one that somebody may resume in another browser.
OFTEN, OFTEN_ON_CPU, SELDOM = 1.0, 2.0, 5.0
SOON = 0.5  # where the first point or the end of a run is about to come: everybody waits for that
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
    """Look at the chosen network. Raises UserError for a bad setting of the server."""
    network = choice.network()
    if (run := network.run) is None:
        return Look(network, None, Log())
    jobs = server.jobs()
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


@dataclass(frozen=True)
class Signs:
    """What tells, without reading the log, that there is something new to draw."""

    log: Version | None  # see `outcome.version`
    training: bool
    place: int | None
    measured: bool  # whether it is known how long a run takes here
    closed: tuple[bool, bool] = (False, False)  # whether the teacher has paused the line, locked controls
    wait: int | None = None  # until the run begins, in tens of seconds
    seeds: tuple[int, int] = (1, 0)  # runs of its group, and how many of them are over


def start_clock() -> None:
    """Look at the chosen run from now on, and draw the parts again that `show` draws when it changes."""
    _note_signs()
    st.fragment(_show_clock, key=keys.TRAIN_CLOCK)()


def _show_clock() -> None:
    _, seconds = st.session_state[keys.TRAIN_SIGNS]
    clock.show("train", seconds, _look_again)


def _look_again() -> None:
    seen, _ = st.session_state[keys.TRAIN_SIGNS]
    if _signs() != seen:
        _draw_again()


def _note_signs() -> None:
    """Keep what is about to be drawn, and when to look again."""
    signs = _signs()
    st.session_state[keys.TRAIN_SIGNS] = signs, _seconds(signs)


def _signs() -> Signs:
    """The signs of the chosen network at this moment."""
    jobs = server.jobs()
    measured, closed = jobs.unit is not None, (jobs.paused, server.classroom().locked)
    if (run := choice.network().run) is None:
        return Signs(None, False, None, measured, closed)
    training, place = jobs.is_training(run.id), jobs.place(run.id)
    wait = server.waits().get(run.id) if place else None
    seeds = 1, 0
    if not training and place is None and outcome.of(run).state in outcome.OVER:
        members = group.of(run)
        seeds = len(members.runs), members.over
    version = outcome.version(run)
    wait = None if wait is None else int(wait // 10)
    return Signs(version, training, place, measured, closed, wait, seeds)


def _seconds(signs: Signs) -> float | None:
    """How long to wait before the next look; None where nothing can change."""
    network = choice.network()
    if signs.training or signs.place is not None:
        try:
            pace = OFTEN_ON_CPU if device.choose(network.recipe.device).id == "cpu" else OFTEN
        except UserError:  # there is no such device here, of which the log will tell
            return SELDOM
        if not signs.training or network.run is None:
            return pace
        left = forecast.seconds_left(network.run.log(), network.recipe.epochs)
        return SOON if left is None else min(pace, max(SOON, left))
    if not signs.measured:
        return OFTEN
    over = network.run is None or outcome.of(network.run).state in outcome.OVER
    return None if over and signs.seeds[0] == signs.seeds[1] else SELDOM


def show(key: str, draw: Callable[[], None]) -> None:
    """Draw a part of the page, now and whenever the run changes. `key`: by which it is found."""
    st.fragment(_draw, key=key)(draw)


def _draw(draw: Callable[[], None]) -> None:
    try:
        draw()
    except UserError as error:  # the network cannot be read, or there is no such device
        messages.complain(error)


def redraw() -> None:
    """Draw what depends on the chosen run, and nothing else. Call it at the end of a callback."""
    _draw_again(sidebar.FRAGMENT)


def _draw_again(*more: str) -> None:
    _note_signs()
    st.rerun([*more, keys.TRAIN_CLOCK, keys.TRAIN_TRANSPORT, keys.TRAIN_CHART])
