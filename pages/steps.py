"""The five steps: the exercise, what each step reaches, and two networks side by side."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase

import streamlit as st

from pages.parts import choice, keys, navigation, server
from pages.parts.steps import comparison
from s5core import compare
from s5core.evaluate import standard_error
from s5core.published import PUBLISHED
from s5core.results import Result
from s5core.steps import STEPS, Step
from s5core.summary import count_parameters
from s5core.target import ACCURACY, EPOCHS, PARAMETERS
from s5core.views.steps import steps_accuracy
from s5core.words import NO_BREAK, count, percent

BADGES = {f"step{n}": str(n) for n in range(1, 6)} | {
    "base": "B",
    "step5_small": "5s",
    "step5_fast": "5f",
    "step5_published": "5p",
}
LETTERS = {one.repository: letter for one, letter in zip(PUBLISHED, ascii_lowercase, strict=False)}
FLOORS = {"98.5 to 100 %": 98.5, "97 to 100 %": 97.0, "0 to 100 %": 0.0}


def heading(step: Step) -> str:
    """A step's name in a heading: `Step 3: An earlier pool, a falling rate`."""
    return f"{step.short}: {step.title}" if step.number else step.title


def show_target(reached: Mapping[str, Result]) -> None:
    """What the exercise asks for, and what our last step reaches."""
    st.title(f"Five steps to {percent(ACCURACY.limit, 1)}")
    st.markdown(
        f"Teach a small network to read handwritten digits: **{ACCURACY.words}** right, with "
        f"**{PARAMETERS.words} parameters**, in **{EPOCHS.words} epochs**."
    )
    step5 = STEPS["step5"]
    result = reached.get(step5.name)
    with st.container(border=True):
        if result is None:
            st.info("Once step 5 has been trained, you will see here whether it meets the target.")
            return
        st.markdown(f"**{heading(step5)}.** This is what our last step reaches:")
        for column, check in zip(st.columns(3), compare.against_target(result), strict=True):
            column.metric(
                check.bound.name,
                check.reached,
                f"{check.bound.words}: {'met' if check.met else 'not met'}",
                delta_color="green" if check.met else "red",
                delta_arrow="off",
                help="What step 5 reached in its last epoch, and what the exercise asks for.",
            )
        st.caption(_evidence(result))


def _evidence(result: Result) -> str:
    runs = (
        "one training run"
        if result.seeds == 1
        else f"{result.seeds} training runs, mean ± standard deviation"
    )
    return (
        f"Last epoch of {runs}. A parameter is a number that training sets. An epoch is one pass over the "
        "training digits."
    )


def show_chart(reached: Mapping[str, Result]) -> None:
    """Accuracy and size of all steps, and of what others have published."""
    title, axis = st.columns([3, 2], vertical_alignment="bottom")
    title.subheader("Accuracy against size")
    view = axis.segmented_control(
        "Accuracy axis",
        list(FLOORS),
        default=next(iter(FLOORS)),
        required=True,
        key=keys.STEPS_AXIS,
        persist_state="session",
        help="The accuracies that the chart shows. Networks below them are arrows in the grey strip.",
    )
    st.altair_chart(
        steps_accuracy(compare.standings(reached), BADGES | LETTERS, FLOORS[view]),
        width="stretch",
    )
    st.caption(_how_to_read(reached))
    with st.expander("Published elsewhere: the small squares"):
        st.markdown(_elsewhere())
    st.markdown(_what_accuracy_is())


def _elsewhere() -> str:
    lines = [
        f"| {LETTERS[one.repository]} | [{one.repository}]({one.url}) | {one.parameters:,} "
        f"| {percent(one.accuracy)} | {one.epochs or '–'} | {one.note} |"
        for one in PUBLISHED
    ]
    return "\n".join(
        [
            "Each figure is from one run, as far as the authors say. They chose networks and epochs by "
            f"their accuracy on the test digits. The exercise allows {EPOCHS.words} epochs.\n",
            "| | source | parameters | last epoch | epochs | |",
            "| --- | --- | ---: | ---: | ---: | --- |",
            *lines,
        ]
    )


def _how_to_read(reached: Mapping[str, Result]) -> str:
    words = [
        "The higher, the more accurate; the farther left, the smaller. The green corner is the target. "
        "Filled circles are our results. Hollow diamonds were reported with the published solution. Both "
        "have the number of their step (5s and 5f: step 5, small and fast; 5p: step 5 as published; B: the "
        "base net). Small squares were published elsewhere. Arrows in the grey strip are networks below "
        "the axis."
    ]
    if any(result.deviation is not None for result in reached.values()):
        words.append("Bars show one standard deviation over the seeds; a short one is hidden by its circle.")
    if "base" in reached:
        words.append(
            "To the right of the dotted line the axis is shortened, to leave room for the small networks. "
            f"The base net was trained for only {count(reached['base'].epochs, 'epoch')}."
        )
    else:
        words.append(
            f"The base net has {count_parameters(STEPS['base'].layers):,} parameters and would be far to "
            "the right. It has not been measured."
        )
    return " ".join(words)


def _what_accuracy_is() -> str:
    error = standard_error(ACCURACY.limit, compare.TEST_DIGITS)
    return (
        f"**Validation accuracy** is the share of MNIST's {compare.TEST_DIGITS:,} test digits that a network "
        "reads right. It never trains on them. Our figures are from the **last** epoch. The reported figures "
        "are from the **best** epoch, which makes them look a little better. Chance plays a part, because "
        f"there are only so many test digits: at {percent(ACCURACY.limit, 1)} one standard error is "
        f"**{error:.3f} points**, so {percent(99.38)} and {percent(99.42)} are the same result."
    )


def show_cards(reached: Mapping[str, Result]) -> None:
    """The story and the figures of each step."""
    st.subheader("Step by step")
    chosen = choice.step()
    # Another step in the sidebar makes new tabs, so that the tab of this step opens.
    tabs = st.tabs(
        [step.short for step in STEPS.values()], default=chosen.short, key=keys.steps_card(chosen.name)
    )
    for tab, step in zip(tabs, STEPS.values(), strict=True):
        with tab:
            _show_card(step, reached.get(step.name))


def _show_card(step: Step, result: Result | None) -> None:
    st.markdown(f"#### {heading(step)}")
    story, figures = st.columns([5, 4], gap="medium")
    with story:
        st.markdown(f"**Target.** {step.target}")
        st.markdown("**Changes**\n" + "\n".join(f"- {change}" for change in step.changes))
        st.markdown(f"**Result.** {step.result}")
        st.markdown(f"**Analysis.** {step.analysis}")
    with figures:
        st.markdown(_figures(step, result))
        if result is None:
            st.caption("This step has not been measured yet, so our column has no accuracies.")
        elif step.reported is not None and step.reported.parameters != result.parameters:
            st.caption("The reported figures belong to another network: step 5 as published.")


def _figures(step: Step, result: Result | None) -> str:
    """A table of what we measured and, where there is such a thing, of what was reported."""
    reported = step.reported
    ours = {"parameters": f"{count_parameters(step.layers):,}"}
    if result:
        ours |= {
            "parameters": f"{result.parameters:,}",
            "last": str(result).replace(" ", NO_BREAK),
            "best": percent(result.best),
            "train": percent(result.train),
            "epochs": str(result.epochs),
            "seeds": str(result.seeds),
        }
    if result and result.seeds > 1:
        ours |= {"median": percent(result.median), "worst": percent(result.worst)}
    rows = [
        ("Parameters", "parameters", f"{reported.parameters:,}" if reported else ""),
        ("Validation, last epoch", "last", "–"),
        ("Last epoch, median of the runs", "median", "–"),
        ("Last epoch, worst run", "worst", "–"),
        ("Validation, best epoch", "best", percent(reported.test if reported else None)),
        ("Training, last epoch", "train", "–"),
        ("Training, best epoch", "", percent(reported.train if reported else None)),
        ("Epochs", "epochs", "–"),
        ("Training runs", "seeds", "–"),
    ]
    if reported is None:
        lines = [f"| {name} | {ours[key]} |" for name, key, _ in rows if key in ours]
        return "\n".join(["| | ours |", "| --- | ---: |", *lines])
    lines = [
        f"| {name} | {ours.get(key, '–')} | {theirs} |"
        for name, key, theirs in rows
        if key in ours or theirs != "–"
    ]
    return "\n".join(["| | ours | reported |", "| --- | ---: | ---: |", *lines])


navigation.require_router()
reached = server.reached()
show_target(reached)
show_chart(reached)
show_cards(reached)
comparison.show()
