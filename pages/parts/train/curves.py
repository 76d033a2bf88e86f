"""The charts of a run on the page Train, and what they mean for the exercise."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import expectation, hints, keys, seeds, server, sidebar, widget
from pages.parts.train import recipe_form
from pages.parts.train.follow import Look, redraw, wait_for_first_point
from pages.parts.train.shown import ALL, AXES
from s5core.evaluate import allowed_errors
from s5core.events import Diverged, Finished, Log, Metrics
from s5core.runs import catalogue, outcome
from s5core.runs.catalogue import NamedNetwork
from s5core.runs.folder import Run
from s5core.target import ACCURACY, EPOCHS, PARAMETERS
from s5core.views import live
from s5core.views.live import Curve
from s5core.words import count, percent

EARLIER = 2  # other runs in the chart
HELD = 3  # epochs over which one looks whether the target holds

GUESSING = (
    "The network still guesses: whatever digit it is shown, it gives all ten classes about the same "
    "probability, so its loss is 2.30, the logarithm of ten. Either the learning rate is too low and has "
    "hardly moved the weights yet, or it is too high: then one large step can make all ReLUs put out "
    "zeros only, and no gradient repairs that. Try another learning rate."
)


def draw() -> None:
    """The accuracy of the chosen run, or of the shipped network; below it, all else about the run."""
    now = wait_for_first_point()
    st.markdown(f"**{now.network.marked_title if now.run else f'{now.network.short}, the shipped network'}**")
    log = now.log if now.run else _shipped_log(now.network)
    ours = [
        Curve("training", _training(now, log)),
        Curve("validation", live.validation_accuracy(log.epochs), dots=True),
    ]
    others = _others(now.network) if now.run else []
    _show_accuracy(ours, others, log, now.network.recipe.epochs)
    if now.run is None:
        _show_shipped(now.network, log)
        return
    _show_bounds(now, now.run)
    expectation.show(now.run)
    if isinstance(log.end, Diverged):
        st.error(
            f"The run diverged: at epoch {log.end.epoch}, batch {log.end.batch}, the loss was no longer a "
            f"number. The learning rate was {log.end.learning_rate:.3g} there, and each step overshot "
            "further than the one before. A lower rate takes smaller steps."
        )
    if log.epochs and log.epochs[-1].guesses:
        st.warning(GUESSING)
    _show_uses(now, now.run)
    if not now.active:
        if log.epochs:
            seeds.show(now.run, "start", _after_repeat)
        hints.show(now.run)
    with st.expander("Loss and learning rate", key=keys.TRAIN_MORE, on_change="rerun") as more:
        if more.open:
            _show_loss_and_rate(log, now.run)
    sidebar.write_address()  # which names the axis, and whether this place is open


def _shipped_log(network: NamedNetwork) -> Log:
    shipped = server.trained(network)
    return Log(epochs=list(shipped.checkpoint.history) if shipped else [])


def _show_shipped(network: NamedNetwork, log: Log) -> None:
    """The accuracy of the shipped network and the mean of the step's seeds: two figures, easy to confuse."""
    if not log.epochs:
        st.info("The app brings no trained network for this step, so the chart is still empty.")
        return
    words = (
        f"The shipped network reached **{percent(log.epochs[-1].validation_accuracy)}** in its last epoch. "
    )
    result = server.reached().get(network.id)
    if result and result.seeds > 1:
        words += (
            f"It is one of {result.seeds} runs of this recipe, which differ in their seed alone. Their mean "
            f"is {percent(result.last)}."
        )
    st.markdown(words)


def _training(now: Look, log: Log) -> list[live.Point]:
    within = live.training_accuracy(log, now.network.recipe.batch_size)
    return within or [(metrics.epoch, metrics.train_accuracy) for metrics in log.epochs]


def _others(network: NamedNetwork) -> list[Curve]:
    """The networks to compare a run with: its step as shipped, and the last other runs of the step."""
    found: list[tuple[str, Sequence[Metrics]]] = []
    step = catalogue.of_step(network.step)
    if shipped := server.trained(step):
        found.append((step.title, shipped.checkpoint.history))
    others = [other for other in catalogue.runs(network.step) if other.id != network.id][:EARLIER]
    found += [(other.title, outcome.history(other.run)) for other in others if other.run]
    return [Curve(name, live.validation_accuracy(epochs), faint=True) for name, epochs in found if epochs]


def _show_accuracy(ours: Sequence[Curve], others: Sequence[Curve], log: Log, epochs: int) -> None:
    place = st.container()
    name = st.segmented_control(
        "Vertical axis",
        list(AXES),
        default=widget.first(keys.TRAIN_AXIS, ALL),
        required=True,
        key=keys.TRAIN_AXIS,
        persist_state="session",
        help="The first axis shows every accuracy: each step up makes the errors fewer by the same factor. "
        "The others are evenly spaced, and show nothing of what lies below them.",
    )
    axis = AXES[name or ALL]
    place.vega_lite_chart(
        live.curves([*ours, *others], axis, epochs, ACCURACY.limit),
        width="stretch",
        alt=live.summary(log, epochs),
    )
    below = live.outside(ours, axis, epochs)
    st.caption(
        (f"{count(below, 'point lies', 'points lie')} of this run below the axis. " if below else "")
        + "Training: accuracy on the training digits, augmented as the recipe says, since the point before, "
        "while the weights change. "
        "Validation: after each epoch. Grey: validation of other runs."
    )


def _show_bounds(now: Look, run: Run) -> None:
    """The bounds of the exercise, and whether the run keeps them."""
    log = now.log
    parameters, epochs = run.parameters, run.recipe.epochs
    accuracy = log.epochs[-1].validation_accuracy if log.epochs else None
    met = accuracy is not None and ACCURACY.met_by(accuracy)
    bounds = [
        (f"Accuracy {ACCURACY.sign}", percent(accuracy), met),
        (f"{PARAMETERS.name} {PARAMETERS.sign}", f"{parameters:,}", PARAMETERS.met_by(parameters)),
        (f"{EPOCHS.name} {EPOCHS.sign}", f"{epochs}", EPOCHS.met_by(epochs)),
    ]
    for column, (label, value, kept) in zip(st.columns(3), bounds, strict=True):
        open_yet = label.startswith("Accuracy") and not now.over
        word = (
            ":green-badge[met]" if kept else ":gray-badge[not yet]" if open_yet else ":orange-badge[missed]"
        )
        column.markdown(f"{label}  \n**{value}** {word}")
    if isinstance(log.end, Finished) and all(kept for *_, kept in bounds):
        st.markdown(
            f":green[**✓ All three bounds are met:** {percent(accuracy)}, {parameters:,} parameters, "
            f"{count(epochs, 'epoch')}.]"
        )
    if not log.epochs:
        return
    last, target = log.epochs[-HELD:], percent(ACCURACY.limit, 1)
    held = sum(ACCURACY.met_by(metrics.validation_accuracy) for metrics in last)
    words = [f"{held} of the last {len(last)} epochs reached {target}."] if len(last) > 1 else []
    if log.started:
        digits = log.started.validation_digits
        words[:0] = [
            f"{last[-1].validation_errors:,} of {digits:,} validation digits are read wrong; at {target} "
            f"accuracy {allowed_errors(ACCURACY.limit, digits):,} may be."
        ]
    st.caption(" ".join(words))


def _show_uses(now: Look, run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Put its recipe into the controls", on_click=_take_over, args=(now.network,),
            help="So that you can change one setting and train again. It replaces your present settings.",
        )  # fmt: skip
        if now.active or not now.log.epochs or not now.network.is_trained:
            return
        st.page_link("pages/draw.py", label="Draw for it", width="content")
        st.page_link("pages/inside.py", label="Look inside", width="content")
        st.page_link("pages/mistakes.py", label="Its mistakes", width="content")
        st.download_button(
            "Download",
            run.checkpoint_file,  # read after the click
            f"{run.id}.safetensors",
            on_click="ignore",
            help="Saves the checkpoint. You can open it here again, or with python -m s5core.",
        )


def _after_repeat(done: bool) -> None:
    """Draw the list of runs again, or the whole page, which shows why there are no more runs."""
    if done:
        redraw()
    st.rerun()


def _take_over(network: NamedNetwork) -> None:
    recipe_form.take_over(network)
    st.rerun()  # the controls are not in this part of the page


def _show_loss_and_rate(log: Log, run: Run) -> None:
    epochs = run.recipe.epochs
    per_epoch = log.started.batches if log.started else 1
    losses = [
        Curve("training", live.training_loss(log, run.recipe.batch_size)),
        Curve("validation", [(m.epoch, m.validation_loss) for m in log.epochs], dots=True),
    ]
    loss = f"Validation loss {log.epochs[-1].validation_loss:.4g}" if log.epochs else "No validation loss yet"
    st.vega_lite_chart(live.curves(losses, live.LOSS, epochs), width="stretch", alt=f"{loss}.")
    st.caption(
        "The loss is the cross-entropy. Training: the mean over the digits since the point before. "
        "Validation: the mean over all validation digits after each epoch."
    )
    rates = [(look.epoch - 1 + look.batch / per_epoch, look.learning_rate) for look in log.progress]
    peak = max(run.recipe.learning_rate, log.peak or 0, *(rate for _, rate in rates))
    now = f"The learning rate is {rates[-1][1]:.4g} now" if rates else "No learning rate was used yet"
    st.vega_lite_chart(live.rates(rates, epochs, peak), width="stretch", alt=f"{now}; its peak is {peak:g}.")
    st.caption("The learning rate that was used.")
