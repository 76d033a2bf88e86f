"""The live part of the page Train: how a run is doing, and what can be done about it."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from pages.parts import recipe_form, session
from s5core import device
from s5core.errors import UserError
from s5core.evaluate import allowed_errors
from s5core.events import Diverged, Failed, Finished, Log, Metrics, Stopped
from s5core.recipe import Recipe
from s5core.runs.folder import Run
from s5core.steps import Step
from s5core.summary import count_parameters
from s5core.target import EPOCH_BUDGET, PARAMETER_BUDGET, TARGET_ACCURACY
from s5core.views import live
from s5core.views.live import Curve

# Seconds from one look at a run to the next: in training, and stopped. On a CPU each look is taken
# from the training: on two cores a run that is looked at each second takes a seventh longer.
REFRESH, REFRESH_ON_CPU, SELDOM = 1.0, 2.0, 4.0
FIRST_POINT = 1.5  # seconds that a page waits for the first point of a run that has just begun
FITTING = "fitting"
FLOORS = {"98 %": 98.0, "90 %": 90.0, "0 %": 0.0}  # of the chart of accuracies

GUESSING = (
    "The network still guesses: its loss is 2.30, the logarithm of ten, whatever digit it is shown. A rate "
    "too low has not moved its weights yet; one too high has thrown them so far that its ReLUs put out "
    "nothing but zeros, and no gradient brings those back. Try another learning rate."
)

Start = Callable[[Step, Recipe], None]


def show(step: Step, run: Run | None, start: Start) -> None:
    """The chosen run, refreshed while it trains; an invitation where there is none."""
    if run is None:
        _invite(step)
        return
    active = session.jobs().is_active(run.id)
    over = isinstance(run.log().end, Finished | Diverged)  # another browser can resume what is not
    # What is over stays active for a moment, until its worker says so.
    refresh = _interval(run) if active else None if over else SELDOM
    st.fragment(_watch, run_every=refresh)(step, run, start, active)


def _interval(run: Run) -> float:
    try:
        return REFRESH_ON_CPU if device.choose(run.recipe.device).id == "cpu" else REFRESH
    except UserError:  # no such device here: the run will say so at once
        return REFRESH


def _invite(step: Step) -> None:
    st.subheader("No run is chosen")
    st.markdown(
        "Press **Train**: the curves appear here while the network learns. Earlier runs of this step are "
        "in the list **Trained network** at the left. Until then, this is how the shipped network learned."
    )
    shipped = session.shipped(step.name)
    if shipped is None:
        st.info("This step is shipped without a trained network, so there is nothing to show yet.")
        return
    lines = [
        Curve("training", [(m.epoch, m.train_accuracy) for m in shipped.history]),
        Curve("validation", [(m.epoch, m.validation_accuracy) for m in shipped.history]),
    ]
    st.vega_lite_chart(
        live.curves(lines, "accuracy, %", len(shipped.history), (90.0, 100.0), TARGET_ACCURACY),
        width="stretch",
    )
    st.caption("Accuracy in percent after each epoch; the dashed line is the target of 99.4 %.")


def _watch(step: Step, run: Run, start: Start, was_active: bool) -> None:
    jobs = session.jobs()
    place = jobs.place(run.id)
    training = jobs.is_training(run.id)
    log = _log_of_a_start(run) if training else run.log()
    if was_active != jobs.is_active(run.id):
        st.rerun()  # the whole page, which sets how often this part is refreshed
    st.subheader(run.label)
    _state(run, log, training, place)
    _buttons(step, run, log, training, place, start)
    if st.button(
        "Put its recipe into the controls",
        on_click=recipe_form.take_over, args=(step, run.recipe), type="tertiary",
        help="To change one thing and train again. Your present settings are given up.",
    ):  # fmt: skip
        st.rerun()  # the controls are not in this part of the page
    if log.started is None and not log.epochs:
        return
    _lights(run, log)
    if log.epochs and log.epochs[-1].guesses:
        st.warning(GUESSING)
    _charts(step, run, log)


def _log_of_a_start(run: Run) -> Log:
    """The log, after a moment's wait while nothing stands in it: a first point that waited for
    the next refresh would come a second late."""
    deadline = time.monotonic() + FIRST_POINT
    while not (log := run.log()).batches and log.end is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return log


def _state(run: Run, log: Log, training: bool, place: int | None) -> None:
    if place is not None:
        limit = session.jobs().limit
        st.info(
            f"Waiting in line, place {place}: no more than {limit} run{'s go' if limit > 1 else ' goes'} on "
            "at a time. It starts by itself."
        )
    elif training and log.end is None:
        _progress(run, log)
    else:
        _end(run, log)


def _progress(run: Run, log: Log) -> None:
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
        f"{_duration(seconds)} left · {log.started.device}",
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _end(run: Run, log: Log) -> None:
    match log.end:
        case Finished() as end:
            when = (
                f"in the last of {end.epochs} epochs (best epoch {end.best_accuracy:.2f} %)"
                if end.epochs > 1
                else "after one epoch"
            )
            st.success(f"Finished: {end.validation_accuracy:.2f} % {when}, {_duration(end.seconds)}.")
        case Diverged() as end:
            st.error(
                f"The run diverged: at epoch {end.epoch}, batch {end.batch}, the loss was no longer a "
                f"number. The learning rate was {end.learning_rate:.3g} there; each step overshot further "
                "than the one before. A lower rate takes smaller steps."
            )
        case Failed(message):
            st.error(f"The run ended by an error: {message}")
        case Stopped(epoch):
            st.warning(
                f"Stopped. {epoch} of {run.recipe.epochs} epochs are finished and kept; Resume goes on "
                "from there."
            )
        case None if log.started is None:
            st.info("Not started: the run was taken out of the line. Resume puts it there again.")
        case None:
            kept = len(log.epochs)
            st.warning(
                f"Interrupted with {kept} of {run.recipe.epochs} epochs finished: the server or the worker "
                "ended in between. Resume goes on from there."
            )


def _buttons(step: Step, run: Run, log: Log, training: bool, place: int | None, start: Start) -> None:
    jobs = session.jobs()
    if training or place is not None:
        stop, rate = st.columns(2, vertical_alignment="bottom")
        stop.button(
            "Stop training", on_click=_stop, args=(run,), width="stretch",
            help="Ends the run within a second; finished epochs are kept.",
        )  # fmt: skip
        if training:
            with rate:
                _change_rate(run, log.peak or run.recipe.learning_rate)
        return
    if isinstance(log.end, Diverged):
        lower = recipe_form.lower_rate(run.recipe.learning_rate)
        st.button(
            f"Train again with a learning rate of {lower:g}", type="primary",
            on_click=start, args=(step, run.recipe.replace(learning_rate=lower)),
            help="The same recipe with about a third of the learning rate.",
        )  # fmt: skip
    elif not isinstance(log.end, Finished):
        st.button(
            "Resume", type="primary", on_click=jobs.submit, args=(run,), width="stretch",
            help="Goes on behind the last finished epoch, as if it had not been interrupted.",
        )  # fmt: skip
    if log.epochs and run.model_path.exists():
        _use(run)


def _stop(run: Run) -> None:
    """Stop a run, and wait for the moment that it takes, so that the page shows it at once."""
    jobs = session.jobs()
    jobs.stop(run.id)
    deadline = time.monotonic() + 1
    while jobs.is_active(run.id) and time.monotonic() < deadline:
        time.sleep(0.02)


def _change_rate(run: Run, peak: float) -> None:
    """A new peak learning rate for a run in training; it counts from the next batch on."""
    st.select_slider(
        "Learning rate from now on",
        sorted({*recipe_form.RATES, run.recipe.learning_rate, peak}),
        value=peak,
        format_func=lambda value: f"{value:g}",
        key=f"rate_{run.id}",
        on_change=_send_rate,
        args=(run,),
        help="Moves the peak of the schedule while the run goes on; the chart below shows the change.",
    )


def _send_rate(run: Run) -> None:
    session.jobs().set_rate(run.id, st.session_state[f"rate_{run.id}"])


def _use(run: Run) -> None:
    draw, inside, errors, save = st.columns(4)
    draw.page_link("pages/draw.py", label="Draw for it")
    inside.page_link("pages/inside.py", label="Look inside")
    errors.page_link("pages/mistakes.py", label="Its errors")
    save.download_button(
        "Download",
        run.model_path.read_bytes(),
        f"{run.id}.safetensors",
        width="stretch",
        help="The checkpoint: it can be opened here again, or with python -m s5core.",
    )


def _lights(run: Run, log: Log) -> None:
    """The three bounds of the exercise and whether they hold, as words and colours."""
    parameters = count_parameters(run.layers)
    accuracies = [metrics.validation_accuracy for metrics in log.epochs]
    held = len(accuracies) >= 3 and min(accuracies[-3:]) >= TARGET_ACCURACY
    lights = [
        (f"Parameters < {PARAMETER_BUDGET:,}", f"{parameters:,}", parameters < PARAMETER_BUDGET),
        (f"Epochs < {EPOCH_BUDGET}", f"{run.recipe.epochs}", run.recipe.epochs < EPOCH_BUDGET),
        (
            f"Accuracy ≥ {TARGET_ACCURACY} %",
            f"{accuracies[-1]:.2f} %" if accuracies else "–",
            bool(accuracies) and accuracies[-1] >= TARGET_ACCURACY,
        ),
        ("Held for 3 epochs", f"{sum(a >= TARGET_ACCURACY for a in accuracies[-3:])} of 3", held),
    ]
    for column, (label, value, met) in zip([*st.columns(2), *st.columns(2)], lights, strict=True):
        with column, st.container(horizontal=True, vertical_alignment="bottom"):
            st.metric(label, value, width="content")
            st.badge("met" if met else "not yet", color="green" if met else "gray", width="content")
    if log.epochs and log.started:
        allowed = allowed_errors(TARGET_ACCURACY, log.started.validation_digits)
        st.caption(
            f"Errors left: {log.epochs[-1].validation_errors} wrong of {log.started.validation_digits:,} "
            f"validation digits; {allowed} are allowed at {TARGET_ACCURACY} %."
        )


def _charts(step: Step, run: Run, log: Log) -> None:
    per_epoch = log.started.batches if log.started else 1
    batches = [(batch.epoch - 1 + batch.batch / per_epoch, batch) for batch in log.batches]
    zoom = st.segmented_control(
        "Accuracy from",
        [FITTING, *FLOORS],
        default=FITTING,
        required=True,
        key="zoom",
        persist_state="session",
        help="The lowest accuracy on the chart: 98 % shows the last points, 0 % the whole climb.",
    )
    low = FLOORS[zoom] if zoom in FLOORS else _fitting_floor(log.epochs)
    earlier = _earlier(step, run)
    st.vega_lite_chart(
        live.curves(
            [
                Curve("training", [(m.epoch, m.train_accuracy) for m in log.epochs]),
                Curve("validation", [(m.epoch, m.validation_accuracy) for m in log.epochs]),
                *[
                    Curve(name, [(m.epoch, m.validation_accuracy) for m in epochs], True)
                    for name, epochs in earlier
                ],
            ],
            "accuracy, %",
            run.recipe.epochs,
            (low, 100.0),
            TARGET_ACCURACY,
        ),
        width="stretch",
    )
    st.caption(
        "Accuracy after each epoch; training digits are read while the weights still move. Points below the "
        "chart stand at its lower edge. Grey: validation of earlier runs. Dashed green: the target."
    )
    st.vega_lite_chart(
        live.curves(
            [
                Curve("training", [(x, batch.loss) for x, batch in batches]),
                Curve("validation", [(m.epoch, m.validation_loss) for m in log.epochs]),
            ],
            "loss",
            run.recipe.epochs,
            (0.01, 3.0),
            logarithmic=True,
        ),
        width="stretch",
    )
    st.caption("Cross-entropy: of single batches in training, of all validation digits after each epoch.")
    rates = [(x, batch.learning_rate) for x, batch in batches]
    peak = max(run.recipe.learning_rate, log.peak or 0, *(rate for _, rate in rates))
    st.vega_lite_chart(live.rates(rates, run.recipe.epochs, peak), width="stretch")
    st.caption("The learning rate as it was used.")


def _fitting_floor(epochs: list[Metrics]) -> float:
    """The highest floor of the chart on which the last epoch is seen."""
    last = epochs[-1].validation_accuracy if epochs else TARGET_ACCURACY
    return max(floor for floor in FLOORS.values() if floor <= last)


def _earlier(step: Step, run: Run) -> list[tuple[str, list[Metrics]]]:
    """The shipped network and the last two other runs of the step, to compare with."""
    found = []
    if shipped := session.shipped(step.name):
        found.append(("as shipped", list(shipped.history)))
    others = [other for other in session.runs_of(step) if other.id != run.id][:2]
    return found + [(other.label, epochs) for other in others if (epochs := other.log().epochs)]
