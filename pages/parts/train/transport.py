"""The transport of the page Train: start, stop and resume a run, and how far it has come."""

from __future__ import annotations

import time
from collections.abc import Callable

import streamlit as st

from pages.parts import choice, expectation, keys, messages, server, visitor
from pages.parts.start import start_run
from pages.parts.train import recipe_form
from pages.parts.train.follow import Look, look, redraw, wait_for_first_point
from s5core.errors import UserError
from s5core.events import Diverged, Failed, Finished, Log, Stopped
from s5core.recipe import RATES, Recipe, nearest_rate
from s5core.runs import forecast, people
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.folder import Expectation, Run
from s5core.words import count, duration, escape, estimate, message, percent


def draw() -> None:
    """The buttons, and a line with the state of the run. Both always have the same height."""
    now, person = look(), visitor.person()
    locked = server.classroom().locked and not person.may_change_all
    with st.container(horizontal=True, vertical_alignment="center", key=keys.TRAIN_BUTTONS):
        st.button(
            "Train", type="primary", on_click=_start_chosen, width=120, disabled=locked,
            help="Starts a new run with the settings on this page.",
        )  # fmt: skip
        is_mine = now.run is not None and person.may_change(now.run)
        if now.run is not None and is_mine and not locked:
            _show_buttons(now, now.run)
        if locked:
            st.markdown("The teacher has locked the controls.", width="stretch")
        elif now.run is not None and is_mine and now.training:
            _change_rate(now.run, now.log.peak or now.run.recipe.learning_rate)
        else:
            whose = "" if now.run is None or is_mine else _whose(now.run)
            st.markdown(whose + _expectation(), width="stretch")
    line = st.empty()
    line.progress(*_state(now))
    if now.training and not now.log.progress:
        line.progress(*_state(wait_for_first_point()))


def _show_buttons(now: Look, run: Run) -> None:
    if now.active:
        st.button(
            "Stop training", on_click=_stop, args=(run,), width=150,
            help="Ends the run within a second. Finished epochs are kept.",
        )  # fmt: skip
    elif isinstance(now.log.end, Diverged):
        lower = nearest_rate(run.recipe.learning_rate / 3)
        st.button(
            f"Train again with a learning rate of {lower:g}",
            on_click=_start, args=(now.network, run.recipe.replace(learning_rate=lower)), width="content",
            help="Starts a new run with the same recipe, but about a third of the learning rate.",
        )  # fmt: skip
    elif not isinstance(now.log.end, Finished):
        st.button(
            "Resume", on_click=_resume, args=(run,), width=150,
            help="Continues after the last finished epoch, as if nothing had interrupted the run.",
        )  # fmt: skip


def _start_chosen() -> None:
    """Start a run of the chosen network with the recipe of the controls."""
    now = look()
    try:
        recipe = recipe_form.chosen(now.network.step)
    except UserError as error:
        messages.leave("start", str(error))
        st.rerun()
    if now.run is not None and _is_saved(now, now.run) and recipe == now.run.recipe:
        _resume(now.run)
    else:
        _start(recipe_form.network_to_train(now.network), recipe, expectation.given())


def _is_saved(now: Look, run: Run) -> bool:
    """Whether the run is a design that nobody has started yet, and this person may start it."""
    fresh = now.log.started is None and now.log.end is None and not now.active
    return bool(run.design) and fresh and visitor.person().may_change(run)


def _start(network: NamedNetwork, recipe: Recipe, expected: Expectation | None = None) -> None:
    started = start_run(network, recipe, expected=expected)
    if started and expected is None:
        redraw()
    else:
        if started:
            expectation.forget()
        st.rerun()  # the page shows the message, or an empty place for what is expected of the next run


def _stop(run: Run) -> None:
    """Stop a run, and wait up to a second, so that the page can show at once that it has stopped."""
    jobs = server.jobs()
    _try(lambda: server.classroom().stop(visitor.person(), run.id))
    deadline = time.monotonic() + 1
    while jobs.is_active(run.id) and time.monotonic() < deadline:
        time.sleep(0.02)
    redraw()


def _resume(run: Run) -> None:
    _try(lambda: server.classroom().resume(visitor.person(), run.id))
    redraw()


def _try(change: Callable[[], None]) -> None:
    """Change a run; where that is refused, leave a message and draw the whole page, which shows it."""
    if not messages.attempt("start", change):
        st.rerun()


def _change_rate(run: Run, peak: float) -> None:
    """A new peak learning rate for a run in training. It is used from the next batch on."""
    st.select_slider(
        "Learning rate from now on",
        sorted({*RATES, run.recipe.learning_rate, peak}),
        value=peak,
        format_func=lambda value: f"{value:g}",
        key=keys.train_rate(run.id),
        on_change=_send_rate,
        args=(run,),
        help="Changes the peak of the schedule while the run goes on.",
    )


def _send_rate(run: Run) -> None:
    rate = st.session_state[keys.train_rate(run.id)]
    _try(lambda: server.classroom().set_rate(visitor.person(), run.id, rate))


def _whose(run: Run) -> str:
    """Why there are no buttons for a run."""
    return f"A run of {escape(people.name(run.owner))}. " if run.owner else "Nobody's run. "


def _expectation() -> str:
    """How long the next run will take, before anybody starts it."""
    if server.jobs().unit is None:
        return "Measuring how long it will take here …"
    try:
        network = recipe_form.network_to_train(choice.network())
        seconds = server.expected_seconds(network.layers, recipe_form.chosen(network.step))
    except UserError:  # the controls say what is wrong
        return ""
    if seconds is None:
        return ""
    return f"About **{estimate(seconds)}** on this machine"


def _state(now: Look) -> tuple[float, str]:
    """How far the run has come, 0 to 1, and its state in a sentence."""
    if now.run is None:
        return 0.0, f"{now.network.short}, the shipped network. **Train** starts a run of yours."
    log, epochs = now.log, now.run.recipe.epochs
    kept = min(1.0, len(log.epochs) / epochs)
    if now.place is not None:
        return kept, _waiting(now.run, now.place)
    if now.trouble and not now.training:  # the log may be what cannot be written
        return kept, f":red[The run ended with an error:] {message(now.trouble)}"
    match log.end:
        case None if now.training:
            return _progress(log, epochs)
        case Finished() as end:
            when = (
                f"in the last of {end.epochs} epochs (best epoch {percent(end.best_accuracy)})"
                if end.epochs > 1
                else "after one epoch"
            )
            return 1.0, f"Finished: {percent(end.validation_accuracy)} {when}, {duration(end.seconds)}."
        case Diverged(epoch, batch):
            return kept, f":red[Diverged at epoch {epoch}, batch {batch}.] The reason is below the chart."
        case Failed(reason):
            return kept, f":red[The run ended with an error:] {message(reason)}"
        case _ if now.training:
            return kept, "Starting …"
        case Stopped(epoch):
            return kept, f"Stopped in epoch {epoch + 1}; {_kept(epoch)}"
        case _ if log.started is None and now.run.design:
            return kept, "Not started yet. **Train** uses the settings on this page, **Resume** its own."
        case _ if log.started is None:
            return kept, "Not started: the run was taken out of the line. Resume puts it back."
        case _:
            last = len(log.epochs)
            return kept, f"Interrupted in epoch {last + 1}: the server or the worker ended; {_kept(last)}"


def _waiting(run: Run, place: int) -> str:
    """Where a run stands in line, and when it begins."""
    jobs = server.jobs()
    begun = "The server was restarted; waiting again" if jobs.is_restored(run.id) else "Waiting in line"
    if jobs.paused:
        return f"{begun}, place {place}. The teacher has paused the line."
    seconds = server.waits().get(run.id)
    when = "it will start by itself" + (f" in about {estimate(seconds)}" if seconds else "")
    return f"{begun}, place {place}. This server trains {count(jobs.limit, 'run')} at a time; {when}."


def _kept(epoch: int) -> str:
    """What is kept of a run whose last finished epoch is this one, and what is lost."""
    match epoch:
        case 0:
            return "no epoch is kept yet. Resume begins epoch 1 again."
        case 1:
            return "epoch 1 is kept. Resume begins epoch 2 again."
        case _:
            return f"epochs 1 to {epoch} are kept. Resume begins epoch {epoch + 1} again."


def _progress(log: Log, epochs: int) -> tuple[float, str]:
    if log.started is None or not log.progress:
        return min(1.0, len(log.epochs) / epochs), "Starting …"
    done, seconds = forecast.epochs_done(log), forecast.seconds_left(log, epochs) or 0.0
    return min(1.0, done / epochs), (
        f"Epoch {min(epochs, int(done) + 1)} of {epochs} · {log.progress[-1].images_per_second:,.0f} images "
        f"a second · {duration(seconds)} left · {escape(log.started.device)}"
    )
