"""The work of a lesson: what one expects, the networks to train, their curves, and what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from pages.parts import clock, keys, messages, server, visitor
from pages.parts.start import start_run
from s5core import lesson
from s5core.errors import UserError
from s5core.events import Finished
from s5core.lesson import Lesson, Reached, Variant
from s5core.recipe import Recipe
from s5core.runs import catalogue, folder, forecast, outcome
from s5core.runs.folder import Run
from s5core.settings import field_choices, field_range, field_types
from s5core.steps import STEPS
from s5core.summary import count_parameters
from s5core.target import ACCURACY
from s5core.views import live
from s5core.views.live import Curve
from s5core.words import count, duration, escape, estimate, percent

OFTEN = 2.0  # seconds between two looks while a run is in training or in line
UNSURE = "I cannot say"


@dataclass(frozen=True)
class Attempt:
    """A variant, and the newest run that this person has made of it."""

    variant: Variant
    run: Run | None = None
    active: bool = False  # in training or in line

    @property
    def reached(self) -> Reached | None:
        """What it has reached at its end; None while there is none."""
        log = self.run.log() if self.run else None
        if log is None or self.active or not isinstance(log.end, Finished) or log.started is None:
            return None
        last = log.epochs[-1]
        return Reached(
            self.variant,
            last.validation_accuracy,
            last.validation_errors,
            log.started.validation_digits,
            log.end.seconds,
        )


def show(chosen: Lesson) -> None:
    """All of it."""
    st.fragment(_show, key=keys.LESSON_WORK)(chosen)


def _show(chosen: Lesson) -> None:
    id = _id(chosen)
    changes = _choose_open(chosen, id)
    try:
        attempts = _attempts(chosen)
    except UserError as error:
        messages.complain(error)
        return
    done = [each for attempt in attempts if (each := attempt.reached) is not None]
    _expect(chosen, id, bool(done))
    left, right = st.columns([2, 3], gap="medium")
    with left:
        for attempt in attempts:
            _show_attempt(attempt, changes)
    with right:
        _show_curves(attempts, changes.get("epochs"))
    active = any(attempt.active for attempt in attempts)
    clock.show("lessons", OFTEN if active else None, lambda: None)
    st.markdown(f"**What to look at.** {escape(chosen.look)}")
    if len(done) == len(attempts):
        _show_result(chosen, done, st.session_state.get(keys.lesson_expected(id)))


def _id(chosen: Lesson) -> str:
    """Tells this lesson's widgets from those of another one."""
    return hashlib.sha256(lesson.to_bytes(chosen)).hexdigest()[:12]


def _choose_open(chosen: Lesson, id: str) -> dict[str, Any]:
    """A control for each field of the recipe that the lesson leaves open. What is not touched is that of the
    variant. Returns the fields that differ."""
    if not chosen.open:
        return {}
    changes = {}
    with st.container(horizontal=True):
        for name in chosen.open:
            value = _control(name, keys.lesson_field(id, name))
            if value is not None:
                changes[name] = value
    return changes


def _control(name: str, key: str) -> Any:
    """A control for one field, which may stay empty."""
    label = name.replace("_", " ").capitalize()
    kind, words = field_types(Recipe)[name], field_choices(Recipe, name)
    options: dict[str, Any] = {"key": key, "width": 220, "placeholder": "as in the lesson"}
    if words or kind is bool:
        return st.selectbox(label, words or (True, False), index=None, **options)
    low, high = field_range(Recipe, name, step=1e-6)
    if kind is int:
        return st.number_input(label, int(low), int(high), None, **options)
    return st.number_input(label, low, high, None, format="%g", **options)


def _expect(chosen: Lesson, id: str, too_late: bool) -> None:
    """What one expects, said before there is a result."""
    if len(chosen.variants) < 2:
        return
    names = [variant.name for variant in chosen.variants]
    st.segmented_control(
        "Say first: which will make fewer errors?",
        [*names, UNSURE],
        key=keys.lesson_expected(id),
        disabled=too_late,
        persist_state="session",
    )


def _attempts(chosen: Lesson) -> list[Attempt]:
    """Each variant with the newest run of this person. Raises UserError when there is no queue."""
    jobs, person = server.jobs(), visitor.person()
    own = [run for run in folder.list_runs() if run.owner == person.id]
    own.sort(key=lambda run: run.created, reverse=True)
    found = []
    for variant in chosen.variants:
        run = next((run for run in own if _is_of(run, variant, chosen)), None)
        active = run is not None and jobs.is_active(run.id) and not isinstance(run.log().end, Finished)
        found.append(Attempt(variant, run, active))
    return found


def _is_of(run: Run, variant: Variant, chosen: Lesson) -> bool:
    return run.layers == variant.layers and chosen.allows(run.recipe, variant)


def _show_attempt(attempt: Attempt, changes: dict[str, Any]) -> None:
    """A variant's name and state, and the button that trains it."""
    variant, run = attempt.variant, attempt.run
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        words = f"**{escape(variant.name)}**  \n{count(count_parameters(variant.layers), 'parameter')}"
        try:
            recipe = variant.recipe.replace(**changes)
        except UserError as error:
            st.markdown(words)
            messages.complain(error)
            return
        st.markdown(f"{words} · {_state(attempt, recipe)}", width="stretch")
        st.button(
            "Train" if run is None else "Train again",
            key=keys.lesson_train(variant.name),
            type="primary" if run is None else "secondary",
            disabled=attempt.active,
            on_click=_train,
            args=(variant, recipe),
        )


def _train(variant: Variant, recipe: Recipe) -> None:
    step = STEPS[variant.step]
    design = "" if variant.layers == step.layers else variant.name
    network = replace(catalogue.of_step(step), layers=variant.layers, recipe=variant.recipe, design=design)
    if not start_run(network, recipe):
        st.rerun()  # the page shows the message


def _state(attempt: Attempt, recipe: Recipe) -> str:
    """How its run is doing, or how long one with this recipe would take."""
    run = attempt.run
    if run is None:
        seconds = server.expected_seconds(attempt.variant.layers, recipe)
        return "not trained yet" if seconds is None else f"about {estimate(seconds)} on this machine"
    place = server.jobs().place(run.id)
    if place is not None:
        return f"waiting in line, place {place}"
    log, found = run.log(), outcome.of(run)
    if attempt.active:
        done = forecast.epochs_done(log) if log.started else 0.0
        return f"training, {100 * done / run.recipe.epochs:.0f} % done"
    if found.state != "finished" or found.accuracy is None:
        return found.state
    return f"**{percent(found.accuracy)}**, {count(found.errors or 0, 'error')}, {duration(found.seconds)}"


def _show_curves(attempts: Sequence[Attempt], chosen_epochs: int | None) -> None:
    """The accuracy of all variants in one chart. `chosen_epochs`: those of the next run, where the learner
    has chosen them."""
    lines, epochs = [], chosen_epochs or max(attempt.variant.recipe.epochs for attempt in attempts)
    for attempt in attempts:
        run = attempt.run
        history = outcome.history(run) if run else []
        epochs = max(epochs, run.recipe.epochs if run else 0)
        if run and attempt.active:
            points = live.training_accuracy(run.log(), run.recipe.batch_size)
            lines.append(Curve(f"{attempt.variant.name}, training", points))
        lines.append(Curve(attempt.variant.name, live.validation_accuracy(history), dots=True))
    reached = [
        f"{attempt.variant.name} {percent(outcome.of(attempt.run).accuracy)}"
        for attempt in attempts
        if attempt.run
    ]
    st.vega_lite_chart(
        live.curves(lines, live.BY_ERRORS, epochs, ACCURACY.limit, height=320),
        width="stretch",
        alt=f"Validation accuracy: {', '.join(reached) or 'no run yet'}.",
    )
    st.caption("Validation accuracy after each epoch; while a network trains, its training accuracy, too.")


def _show_result(chosen: Lesson, done: Sequence[Reached], expected: str | None) -> None:
    """What the runs say, to read and to hand in."""
    st.subheader("Your result")
    summary = lesson.summarize(done)
    st.markdown(escape(summary))
    lines = [chosen.title, *map(str, done), summary]
    if expected:
        lines.insert(1, f"Expected to make fewer errors: {expected}")
    st.code("\n".join(line for line in lines if line), language=None, wrap_lines=True)
    if chosen.found:
        with st.expander("What others found"):
            st.markdown(escape(chosen.found))
