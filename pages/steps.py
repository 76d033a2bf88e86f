"""The five steps: the exercise to try at once, what each step reaches, and two networks side by side."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.parts import choice, keys, navigation, server
from pages.parts.steps import comparison, first
from s5core import compare
from s5core.evidence import standard_error
from s5core.published import PUBLISHED
from s5core.results import Result
from s5core.steps import STEPS, Step
from s5core.summary import count_parameters
from s5core.target import ACCURACY, EPOCHS
from s5core.views.path import Stop, steps_path
from s5core.views.steps import BADGES, LETTERS, steps_accuracy
from s5core.words import NO_BREAK, count, percent

FLOORS = {"98.5 to 100 %": 98.5, "97 to 100 %": 97.0, "0 to 100 %": 0.0}


def heading(step: Step) -> str:
    """A step's name in a heading: `Step 3: An earlier pool, a falling rate`."""
    return f"{step.short}: {step.title}" if step.number else step.title


def show_path(reached: Mapping[str, Result]) -> None:
    """From the base net to step 5 in one picture."""
    st.header("From the base net to step 5")
    stops = tuple(
        Stop(
            step.short,
            step.title if step.number else "",
            count_parameters(step.layers),
            tuple(reached[step.name].last_by_seed.values()) if step.name in reached else (),
        )
        for step in STEPS.values()
        if step.number or step.name == "base"
    )
    # st.html would leave out the SVG picture.
    st.markdown(steps_path(stops, choice.step().short), unsafe_allow_html=True)
    st.caption(_how_to_read_path(reached, framed=choice.step().short in {stop.name for stop in stops}))


def _how_to_read_path(reached: Mapping[str, Result], framed: bool) -> str:
    base = (
        f"The base net was trained once, for {count(reached['base'].epochs, 'epoch')}."
        if "base" in reached
        else "The base net has not been measured."
    )
    return (
        "Accuracy on the validation digits after the last epoch. The higher a circle, the fewer errors: from "
        f"90 to {percent(99, 0)} is as far as from 99 to {percent(99.9, 1)}, because both divide the errors "
        f"by ten. {base}" + framed * " The frame marks the step that is chosen in the sidebar."
    )


def show_all(reached: Mapping[str, Result]) -> None:
    """Accuracy and size of all steps, and of what others have published; drawn when it is opened."""
    expander = st.expander("All networks and published results", key=keys.STEPS_ALL, on_change="rerun")
    if not expander.open:
        return
    with expander:
        view = st.segmented_control(
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
            alt=_all_in_words(reached),
        )
        st.caption(_how_to_read(reached))
        st.markdown("**Published elsewhere: the small squares**")
        st.markdown(_elsewhere())


def _all_in_words(reached: Mapping[str, Result]) -> str:
    figures = "; ".join(
        f"{STEPS[each.name].short if each.name in STEPS else each.name} ({each.source}): "
        f"{percent(each.accuracy)} with {count(each.parameters, 'parameter')}"
        for each in compare.standings(reached)
    )
    return f"Validation accuracy against the number of parameters. {figures}."


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
        "have the number or the name of their step: Small, Fast and As published are versions of step 5. "
        "Small squares were published elsewhere. Arrows in the grey strip are networks below the axis."
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
    st.header("Step by step")
    chosen = choice.step()
    # Another step in the sidebar makes new tabs, so that the tab of this step opens.
    tabs = st.tabs(
        [step.short for step in STEPS.values()], default=chosen.short, key=keys.steps_card(chosen.name)
    )
    for tab, step in zip(tabs, STEPS.values(), strict=True):
        with tab:
            _show_card(step, reached.get(step.name))


def _show_card(step: Step, result: Result | None) -> None:
    st.subheader(heading(step))
    story, figures = st.columns(2, gap="medium")
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
            "shipped": percent(result.last_by_seed.get(0)),
            "epochs": str(result.epochs),
            "seeds": str(result.seeds),
        }
    runs = "one run"
    if result and result.seeds > 1:
        ours |= {"median": percent(result.median), "worst": percent(result.worst)}
        runs = f"mean of {result.seeds} runs"
    rows = [
        ("Parameters", "parameters", f"{reported.parameters:,}" if reported else ""),
        (f"Last epoch, {runs}", "last", "–"),
        ("Last epoch, median", "median", "–"),
        ("Last epoch, worst run", "worst", "–"),
        ("Last epoch, shipped network (seed 0)", "shipped" if step.shipped else "", "–"),
        (f"Best epoch, {runs}", "best", percent(reported.test if reported else None)),
        ("Training digits, last epoch, mean", "train", "–"),
        ("Training digits, best epoch", "", percent(reported.train if reported else None)),
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
first.show()
show_path(reached)
show_cards(reached)
st.header("More")
st.markdown(_what_accuracy_is())
show_all(reached)
comparison.show()
