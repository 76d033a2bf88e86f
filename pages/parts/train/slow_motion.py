"""Slow motion on the page Train: one optimiser step at a time, in a place that can be folded."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, messages, server, small, wait
from s5core import notation
from s5core.ahead.desk import Pending
from s5core.ahead.motion import STEPS, SlowMotion
from s5core.errors import UserError
from s5core.runs.catalogue import NamedNetwork
from s5core.slow_motion import OptimizerStep
from s5core.views import motion
from s5core.views.gallery import gallery
from s5core.words import count

SHOWN = 16  # digits of the batch, those with the largest losses
SCALE = 2  # screen pixels for a pixel of a digit
NEW, TRAINED = "new weights", "its trained weights"


def show(network: NamedNetwork) -> None:
    """The place, and in it the steps of this network with its own recipe, once somebody asks for them."""
    place = st.expander(
        "Slow motion: one step of the optimiser at a time", key=keys.TRAIN_MOTION, on_change="rerun"
    )
    if not place.open:
        return
    with place:
        try:
            _show(network)
        except UserError as error:
            messages.complain(error)


def _show(network: NamedNetwork) -> None:
    start = None
    if network.is_trained:
        begin = st.segmented_control(
            "Begin with", [NEW, TRAINED], default=NEW, key=keys.TRAIN_MOTION_START, required=True
        )
        found = server.trained(network) if begin == TRAINED else None
        start = found.network if found else None
    question = SlowMotion(network.layers, network.recipe, server.digits(), start)
    if st.session_state.get(keys.TRAIN_WATCHED) != question.file:
        st.caption(
            f"{network.marked_short} takes {STEPS} steps with its own recipe, and each is shown: the batch, "
            "the loss of each digit, the gradients, and how far the weights move. No run is touched."
        )
        st.button(f"Take {STEPS} steps", on_click=_ask, args=(question.file,))
        return
    steps = server.ask(question)
    if isinstance(steps, Pending):
        wait.show(lambda: server.ask(question), "Taking the steps …")
        return
    names = [notation.write([layer]) for layer in network.layers]  # three charts stand side by side
    st.fragment(_show_step)(steps, names)


def _ask(file: str) -> None:
    st.session_state[keys.TRAIN_WATCHED] = file


def _show_step(steps: list[OptimizerStep], names: list[str]) -> None:
    number: int = st.slider("Step", 1, len(steps), key=keys.TRAIN_MOTION_STEP)
    step = steps[number - 1]
    moves = [name_moves(each, names) for each in steps]
    shares, gradients = moves[number - 1]
    batch = len(step.losses)
    right = int((step.labels == step.answers).sum())

    left, middle, side = st.columns(3, gap="medium")
    with left:
        st.markdown("**1. The batch is read**")
        with small.chart("motion_losses"):
            st.vega_lite_chart(
                motion.losses([each.loss for each in steps], number),
                width="stretch",
                alt=f"The mean loss of the batch over the steps; at step {number} it is {step.loss:.3f}.",
            )
        st.markdown(f"The mean loss of its {count(batch, 'digit')} is **{step.loss:.3f}**.")
    with middle:
        st.markdown("**2. The error goes back**")
        _show_bars(
            "motion_gradients",
            "length of the gradient",
            "Length of the gradient",
            gradients,
            [each for _, each in moves],
        )
        st.markdown(
            "The gradient says how the loss would grow with each weight; its length here is over all "
            "weights of a layer."
        )
    with side:
        st.markdown("**3. The weights move**")
        _show_bars(
            "motion_moves",
            "way, % of their length",
            "How far the weights move, in percent",
            shares,
            [each for each, _ in moves],
        )
        st.markdown(f"They go against the gradient, at a learning rate of **{step.rate:.3g}**.")

    shown = min(SHOWN, len(step.images))
    st.markdown(f"**The {shown} digits with the largest losses**, as they were augmented")
    st.html(gallery(step.images[:shown], _captions(step, shown), SCALE, framed=_wrong(step, shown)))
    rest = step.losses[shown:]
    words = f"A frame: read wrong. Of the {len(step.labels)} hardest digits {right} were read right."
    if len(rest):
        words += f" The losses of the other {len(rest)} reach from {rest[-1]:.3f} to {rest[0]:.3f}."
    st.caption(words)


def _show_bars(
    name: str, title: str, alt: str, values: dict[str, float], every: list[dict[str, float]]
) -> None:
    """A bar for each layer. `every`: the values of all steps, which share an axis."""
    with small.chart(name):
        st.vega_lite_chart(
            motion.layer_bars(
                list(values), list(values.values()), title, max(max(each.values()) for each in every)
            ),
            width="stretch",
            alt=f"{alt}: {', '.join(f'{layer} {value:.2g}' for layer, value in values.items())}.",
        )


def name_moves(step: OptimizerStep, names: list[str]) -> tuple[dict[str, float], dict[str, float]]:
    """By the name of the layer: the way of its weights in percent of their length, and the length of its
    gradient."""
    called = {move.layer: f"{move.layer + 1} {names[move.layer]}" for move in step.moves}
    shares = {called[move.layer]: 100 * move.moved / max(move.weights, 1e-12) for move in step.moves}
    return shares, {called[move.layer]: move.gradient for move in step.moves}


def _captions(step: OptimizerStep, shown: int) -> list[str]:
    each = zip(
        step.labels[:shown].tolist(), step.answers[:shown].tolist(), step.losses[:shown].tolist(), strict=True
    )
    return [f"{label} read {answer}\n{loss:.2f}" for label, answer, loss in each]


def _wrong(step: OptimizerStep, shown: int) -> list[int]:
    return (step.labels[:shown] != step.answers[:shown]).nonzero().flatten().tolist()
