"""The first screen of the page The five steps: the goal, a digit to draw, and a network to train."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import streamlit as st

from pages.parts import canvas, messages, server, verdict
from pages.parts.start import start_run
from s5core.drawing import fit, sketch
from s5core.drawing.fit import DigitError
from s5core.errors import UserError
from s5core.runs import catalogue
from s5core.steps import STEPS
from s5core.summary import count_parameters
from s5core.target import ACCURACY, EPOCHS, PARAMETERS
from s5core.words import count, estimate, message, percent

READER = catalogue.of_step(STEPS["step5"])  # reads what is drawn
TRAINED = catalogue.of_step(STEPS["step5_fast"])  # is trained live

HOW_TO_DRAW = (
    "**Draw a digit** in the black square, as large as it fits, or choose a hard one above. Here you see at "
    "once what the network reads."
)


def show() -> None:
    """All of it, 720 pixels high on a desktop screen."""
    st.title(f"Five steps to {percent(ACCURACY.limit, 1)}")
    _show_goal()
    drawn, live = st.columns([13, 8], gap="medium")
    with drawn:
        _read_drawing()
    with live:
        _offer_training()


def _show_goal() -> None:
    """What the exercise asks for, as three numbers."""
    goals = (
        (ACCURACY, "Share of MNIST's test digits, which the network never trains on, that it reads right."),
        (PARAMETERS, "A parameter is a number in the network that training sets."),
        (EPOCHS, "An epoch is one pass over all training digits."),
    )
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for bound, help in goals:
            st.metric(f"{bound.name}, {bound.relation}", bound.figure, help=help, width="content")


@st.fragment
def _read_drawing() -> None:
    """The canvas, and the shipped network's answer at once. A stroke reruns no more than this."""
    with st.container(horizontal=True, gap="small"):
        with st.container(width=sketch.SIDE):
            drawn = canvas.show()
        with st.container():
            canvas.offer_hard_digits()
            answered = st.container()
    doubts = st.container()  # below both, where it is wide and so not high
    with answered:
        try:
            readers = {each: found for each in catalogue.steps() if (found := server.trained(each))}
            field = fit.of_sketch(drawn)
        except fit.BlankError:
            st.markdown(HOW_TO_DRAW)
        except DigitError as error:
            st.warning(message(str(error)))
        except UserError as error:
            messages.complain(error)
        else:
            answers = verdict.read(readers, field)
            verdict.show(READER, f"{READER.short}, the shipped network,", readers, answers, field, doubts)


def _start() -> None:
    start_run(TRAINED, TRAINED.recipe)


def _offer_training() -> None:
    """The button that trains a network live, and how long that will take here."""
    with st.container(border=True):
        st.markdown(
            f"**Watch a network learn.** It starts from random weights, has "
            f"{count(count_parameters(TRAINED.layers), 'parameter')}, and sees the training digits "
            f"{TRAINED.recipe.epochs} times."
        )
        pressed = st.button(
            f"Train {TRAINED.short}, live",
            type="primary",
            width="stretch",
            disabled=_is_fetching(),
            on_click=_start,
            help="Starts a run and opens the page Train, where you see its curves from the first second on.",
        )
        failed = messages.show("start")
        try:
            open_question = _open_question()
        except UserError as error:
            messages.complain(error)
        else:
            st.fragment(_say_how_long, run_every=1.0 if open_question else None)(
                open_question, itertools.count()
            )
    if pressed and not failed:
        st.switch_page("pages/train.py")


def _is_fetching() -> bool:
    """Whether MNIST is on its way. The first visitor of a server sets it off."""
    if server.digits_are_here() or server.download_trouble() is not None:
        return False
    server.begin_download()
    return True


def _open_question() -> str | None:
    """What must be known before the time of a run is. Raises UserError when there can be no run."""
    if _is_fetching():
        return "Downloading MNIST …"
    # The queue starts a worker here at the latest, so that a click on the button is answered at once.
    return "Measuring how fast this machine is …" if server.jobs().unit is None else None


def _say_how_long(question: str | None, looks: Iterator[int]) -> None:
    """How long the run takes on this machine; asked again each second until that is known. At the first look
    the page has just asked, and a second run of it would lose the messages that it shows once."""
    try:
        if next(looks) and _open_question() != question:
            st.rerun()  # the whole page, which enables the button and ends the questions
        if question:
            st.caption(question)
            return
        seconds = server.expected_seconds(TRAINED.layers, TRAINED.recipe)
        if seconds is not None:
            st.caption(f"About {estimate(seconds)} on this machine.")
        if server.digits().notice:
            st.caption("MNIST is missing here, and the practice digits are too few for the goal.")
    except UserError as error:
        messages.complain(error)
