"""The curves of a run on the page Train: accuracy, loss and learning rate."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import keys, server
from s5core.events import Log, Metrics
from s5core.runs import catalogue, folder
from s5core.runs.catalogue import NamedNetwork
from s5core.target import ACCURACY
from s5core.views import live
from s5core.views.live import Curve
from s5core.words import percent

FITTING = "fitting"
FLOORS = {"98 %": 98.0, "90 %": 90.0, "0 %": 0.0}  # lowest accuracy of the chart
EARLIER = 2  # other runs in the chart


def show_shipped(history: Sequence[Metrics]) -> None:
    """How a shipped network learned."""
    st.vega_lite_chart(
        live.curves(_accuracies(history), "accuracy, %", len(history), (90.0, 100.0), ACCURACY.limit),
        width="stretch",
    )
    st.caption(
        f"Accuracy after each epoch, in percent. The dashed line is the target, {percent(ACCURACY.limit, 1)}."
    )


def show(network: NamedNetwork, log: Log) -> None:
    """The curves of a run, as far as it has come."""
    epochs = network.recipe.epochs
    per_epoch = log.started.batches if log.started else 1
    batches = [(batch.epoch - 1 + batch.batch / per_epoch, batch) for batch in log.batches]
    zoom = st.segmented_control(
        "Accuracy from",
        [FITTING, *FLOORS],
        default=FITTING,
        required=True,
        key=keys.TRAIN_AXIS,
        persist_state="session",
        help="The lowest accuracy on the chart: 98 % shows the last epochs in detail, 0 % shows all.",
    )
    low = FLOORS[zoom] if zoom in FLOORS else _fitting_floor(log.epochs)
    earlier = [
        Curve(name, [(m.epoch, m.validation_accuracy) for m in history], True)
        for name, history in _earlier(network)
    ]
    st.vega_lite_chart(
        live.curves(_accuracies(log.epochs) + earlier, "accuracy, %", epochs, (low, 100.0), ACCURACY.limit),
        width="stretch",
    )
    st.caption(
        "Accuracy after each epoch. Training accuracy is counted during the epoch, while the weights still "
        "change. Points below the chart are drawn at its lower edge. Grey: validation accuracy of earlier "
        "runs. Dashed green: the target."
    )
    st.vega_lite_chart(
        live.curves(
            [
                Curve("training", [(x, batch.loss) for x, batch in batches]),
                Curve("validation", [(m.epoch, m.validation_loss) for m in log.epochs]),
            ],
            "loss",
            epochs,
            (0.01, 3.0),
            logarithmic=True,
        ),
        width="stretch",
    )
    st.caption(
        "The loss is the cross-entropy. Training: of single batches. Validation: the mean over all "
        "validation digits after each epoch."
    )
    rates = [(x, batch.learning_rate) for x, batch in batches]
    peak = max(network.recipe.learning_rate, log.peak or 0, *(rate for _, rate in rates))
    st.vega_lite_chart(live.rates(rates, epochs, peak), width="stretch")
    st.caption("The learning rate that was used at each batch.")


def _accuracies(history: Sequence[Metrics]) -> list[Curve]:
    return [
        Curve("training", [(m.epoch, m.train_accuracy) for m in history]),
        Curve("validation", [(m.epoch, m.validation_accuracy) for m in history]),
    ]


def _fitting_floor(history: Sequence[Metrics]) -> float:
    """The highest floor of the chart that still shows the last epoch."""
    last = history[-1].validation_accuracy if history else ACCURACY.limit
    return max(floor for floor in FLOORS.values() if floor <= last)


def _earlier(network: NamedNetwork) -> list[tuple[str, Sequence[Metrics]]]:
    """The networks to compare a run with: its step as shipped, and the last other runs of the step."""
    found: list[tuple[str, Sequence[Metrics]]] = []
    step = catalogue.of_step(network.step)
    if shipped := server.trained(step):
        found.append((step.title, shipped.checkpoint.history))
    others = [other for other in catalogue.runs(network.step) if other.id != network.id][:EARLIER]
    logs = [(other.title, folder.open_run(other.id).log().epochs) for other in others]
    return found + [(name, epochs) for name, epochs in logs if epochs]
