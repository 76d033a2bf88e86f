"""One run as a result: its group of seeds as a curve with a band, beside the step as shipped."""

from __future__ import annotations

import streamlit as st

from pages.parts import expectation, hints, seeds
from pages.parts.runs import sealed
from s5core import compare, results
from s5core.runs import group
from s5core.runs.folder import Run
from s5core.steps import STEPS
from s5core.views.steps import steps_curves
from s5core.words import count, percent


def show(run: Run) -> None:
    """What the group of a run has reached, its curves, and the button that repeats it."""
    expectation.show(run)
    sealed.show(run)
    st.markdown("**The result, over its seeds**")
    seeds.show(run, "runs", lambda _: None)
    _show_curves(run)
    hints.show(run)


def _show_curves(run: Run) -> None:
    found = group.of(run)
    points = compare.band(found.curves)
    if len(found.runs) == 1 or not points:
        return
    curves = {f"Yours, {count(len(found.runs), 'seed')}": points}
    entry = results.read()["steps"].get(run.step)
    if entry and found.data == "MNIST":
        number = len(entry["seeds"])
        curves[f"{STEPS[run.step].short} as shipped, {count(number, 'seed')}"] = compare.curve(entry)
    words = "; ".join(f"{name}: {percent(each[-1].validation)}" for name, each in curves.items())
    st.altair_chart(steps_curves(curves), width="stretch", alt=f"Mean validation accuracy: {words}.")
    st.caption(
        "Accuracy after each epoch, as the mean over the seeds. The band reaches from the worst seed to the "
        "best. Solid: validation digits. Dashed: training digits. Epochs below the axis are not shown."
    )
