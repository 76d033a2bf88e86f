"""The live part of the page Train: how a run is doing, and what one can do about it."""

from __future__ import annotations

import time

import streamlit as st

from pages.parts import keys, server
from pages.parts.start import start_run
from pages.parts.train import curves, recipe_form
from s5core import device
from s5core.errors import UserError
from s5core.evaluate import allowed_errors
from s5core.events import Diverged, Failed, Finished, Log, Stopped
from s5core.runs import folder
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.folder import Run
from s5core.summary import count_parameters
from s5core.target import ACCURACY, EPOCHS, PARAMETERS
from s5core.words import count, duration, percent

# Seconds between two looks at a run: in training on a GPU, in training on a CPU, and stopped. On two
# cores a run that is looked at each second takes a seventh longer.
REFRESH, REFRESH_ON_CPU, SELDOM = 1.0, 2.0, 4.0
FIRST_POINT = 1.5  # seconds that a page waits for the first point of a run that has just begun
HELD = 3  # epochs over which the target is to hold

GUESSING = (
    "The network still guesses: whatever digit it is shown, it gives all ten classes about the same "
    "probability, so its loss is 2.30, the logarithm of ten. Either the learning rate is too low and has "
    "hardly moved the weights yet, or it is too high: then one large step can make all ReLUs put out "
    "zeros only, and no gradient repairs that. Try another learning rate."
)


def show(network: NamedNetwork) -> None:
    """The chosen run, refreshed while it trains. Where no run is chosen, how to get one."""
    if not network.is_run:
        _invite(network)
        return
    run = folder.open_run(network.id)
    active = server.jobs().is_active(run.id)
    over = isinstance(run.log().end, Finished | Diverged)  # other runs can be resumed in another browser
    # A run that is over stays active for a moment, until its worker says so.
    refresh = _interval(run) if active else None if over else SELDOM
    st.fragment(_watch, run_every=refresh)(network, run, active)


def _interval(run: Run) -> float:
    try:
        return REFRESH_ON_CPU if device.choose(run.recipe.device).id == "cpu" else REFRESH
    except UserError:  # there is no such device here: the run's log will say so
        return REFRESH


def _invite(network: NamedNetwork) -> None:
    st.subheader("No run is chosen")
    st.markdown(
        "Press **Train**: the curves appear here while the network learns. The list **Trained network** in "
        "the sidebar has the earlier runs of this step. Until then, you see here how the shipped network "
        "learned."
    )
    shipped = server.trained(network)
    if shipped is None:
        st.info("The app brings no trained network for this step, so there is nothing to show yet.")
    else:
        curves.show_shipped(shipped.checkpoint.history)


def _watch(network: NamedNetwork, run: Run, was_active: bool) -> None:
    jobs = server.jobs()
    place = jobs.place(run.id)
    training = jobs.is_training(run.id)
    log = _log_of_a_start(run) if training else run.log()
    if was_active != jobs.is_active(run.id):
        st.rerun()  # the whole page, which sets how often this part is refreshed
    st.subheader(network.title)
    _show_state(run, log, training, place)
    _show_buttons(network, run, log, training, place)
    if st.button(
        "Put its recipe into the controls",
        on_click=recipe_form.take_over, args=(network.step, run.recipe), type="tertiary",
        help="So that you can change one setting and train again. It replaces your present settings.",
    ):  # fmt: skip
        st.rerun()  # the controls are not in this part of the page
    if log.started is None and not log.epochs:
        return
    _show_bounds(run, log)
    if log.epochs and log.epochs[-1].guesses:
        st.warning(GUESSING)
    curves.show(network, log)


def _log_of_a_start(run: Run) -> Log:
    """The log. While it is still empty, wait for its first point: the next refresh would show it a
    second late."""
    deadline = time.monotonic() + FIRST_POINT
    while not (log := run.log()).batches and log.end is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return log


def _show_state(run: Run, log: Log, training: bool, place: int | None) -> None:
    if place is not None:
        st.info(
            f"Waiting in line, place {place}. This server trains {count(server.jobs().limit, 'run')} at a "
            "time; yours will start by itself."
        )
    elif training and log.end is None:
        _show_progress(run, log)
    else:
        _show_end(run, log)


def _show_progress(run: Run, log: Log) -> None:
    epochs = run.recipe.epochs
    if log.started is None or not log.batches:
        st.progress(0.0, "Starting …")
        return
    last = log.batches[-1]
    done = max((last.epoch - 1) + last.batch / log.started.batches, len(log.epochs))
    seconds = (epochs - done) * log.started.train_digits / last.images_per_second
    st.progress(
        min(1.0, done / epochs),
        f"Epoch {min(epochs, int(done) + 1)} of {epochs} · {last.images_per_second:,.0f} images a second · "
        f"{duration(seconds)} left · {log.started.device}",
    )


def _show_end(run: Run, log: Log) -> None:
    match log.end:
        case Finished() as end:
            when = (
                f"in the last of {end.epochs} epochs (best epoch {percent(end.best_accuracy)})"
                if end.epochs > 1
                else "after one epoch"
            )
            st.success(f"Finished: {percent(end.validation_accuracy)} {when}, {duration(end.seconds)}.")
        case Diverged() as end:
            st.error(
                f"The run diverged: at epoch {end.epoch}, batch {end.batch}, the loss was no longer a "
                f"number. The learning rate was {end.learning_rate:.3g} there, and each step overshot "
                "further than the one before. A lower rate takes smaller steps."
            )
        case Failed(message):
            st.error(f"The run ended with an error: {message}")
        case Stopped(epoch):
            st.warning(
                f"Stopped. {epoch} of {run.recipe.epochs} epochs are finished and kept. Resume continues "
                "from there."
            )
        case None if log.started is None:
            st.info("Not started: the run was taken out of the line. Resume puts it back.")
        case None:
            st.warning(
                f"Interrupted after {len(log.epochs)} of {run.recipe.epochs} epochs: the server or the "
                "worker ended. Resume continues from there."
            )


def _show_buttons(network: NamedNetwork, run: Run, log: Log, training: bool, place: int | None) -> None:
    if training or place is not None:
        stop, rate = st.columns(2, vertical_alignment="bottom")
        stop.button(
            "Stop training", on_click=_stop, args=(run,), width="stretch",
            help="Ends the run within a second. Finished epochs are kept.",
        )  # fmt: skip
        if training:
            with rate:
                _change_rate(run, log.peak or run.recipe.learning_rate)
        return
    if isinstance(log.end, Diverged):
        lower = recipe_form.lower_rate(run.recipe.learning_rate)
        st.button(
            f"Train again with a learning rate of {lower:g}", type="primary",
            on_click=start_run, args=(network, run.recipe.replace(learning_rate=lower)),
            help="Starts a new run with the same recipe, but about a third of the learning rate.",
        )  # fmt: skip
    elif not isinstance(log.end, Finished):
        st.button(
            "Resume", type="primary", on_click=server.jobs().submit, args=(run,), width="stretch",
            help="Continues after the last finished epoch, as if nothing had interrupted the run.",
        )  # fmt: skip
    if log.epochs and network.is_trained:
        _show_uses(run)


def _stop(run: Run) -> None:
    """Stop a run, and wait up to a second, so that the page can show at once that it has stopped."""
    jobs = server.jobs()
    jobs.stop(run.id)
    deadline = time.monotonic() + 1
    while jobs.is_active(run.id) and time.monotonic() < deadline:
        time.sleep(0.02)


def _change_rate(run: Run, peak: float) -> None:
    """A new peak learning rate for a run in training. It is used from the next batch on."""
    st.select_slider(
        "Learning rate from now on",
        sorted({*recipe_form.RATES, run.recipe.learning_rate, peak}),
        value=peak,
        format_func=lambda value: f"{value:g}",
        key=keys.train_rate(run.id),
        on_change=_send_rate,
        args=(run,),
        help="Changes the peak of the schedule while the run goes on. The chart below shows the change.",
    )


def _send_rate(run: Run) -> None:
    server.jobs().set_rate(run.id, st.session_state[keys.train_rate(run.id)])


def _show_uses(run: Run) -> None:
    draw, inside, mistakes, save = st.columns(4)
    draw.page_link("pages/draw.py", label="Draw for it")
    inside.page_link("pages/inside.py", label="Look inside")
    mistakes.page_link("pages/mistakes.py", label="Its mistakes")
    save.download_button(
        "Download",
        run.model_path.read_bytes(),
        f"{run.id}.safetensors",
        width="stretch",
        help="Saves the checkpoint. You can open it here again, or with python -m s5core.",
    )


def _show_bounds(run: Run, log: Log) -> None:
    """The bounds of the exercise, and whether the run keeps them, in words and colours."""
    parameters = count_parameters(run.layers)
    accuracies = [metrics.validation_accuracy for metrics in log.epochs]
    held = sum(map(ACCURACY.met_by, accuracies[-HELD:]))
    bounds = [
        (f"{PARAMETERS.name} {PARAMETERS.sign}", f"{parameters:,}", PARAMETERS.met_by(parameters)),
        (f"{EPOCHS.name} {EPOCHS.sign}", f"{run.recipe.epochs}", EPOCHS.met_by(run.recipe.epochs)),
        (
            f"Accuracy {ACCURACY.sign}",
            percent(accuracies[-1] if accuracies else None),
            bool(accuracies) and ACCURACY.met_by(accuracies[-1]),
        ),
        (f"Held for {HELD} epochs", f"{held} of {HELD}", held == HELD),
    ]
    for column, (label, value, met) in zip([*st.columns(2), *st.columns(2)], bounds, strict=True):
        with column, st.container(horizontal=True, vertical_alignment="bottom"):
            st.metric(label, value, width="content")
            st.badge("met" if met else "not yet", color="green" if met else "gray", width="content")
    if log.epochs and log.started:
        digits = log.started.validation_digits
        st.caption(
            f"{log.epochs[-1].validation_errors:,} of {digits:,} validation digits are read wrong; at "
            f"{percent(ACCURACY.limit, 1)} accuracy {allowed_errors(ACCURACY.limit, digits):,} may be."
        )
