"""The five steps: the exercise, what each step reaches, and two steps side by side."""

from __future__ import annotations

from collections.abc import Mapping
from string import ascii_lowercase

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from pages.parts import navigation, session
from s5core import compare, results
from s5core.compare import Difference, Pair
from s5core.evaluate import standard_error
from s5core.published import PUBLISHED
from s5core.results import Result
from s5core.steps import STEPS, Step
from s5core.summary import Row, count_parameters
from s5core.target import EPOCH_BUDGET, PARAMETER_BUDGET, TARGET_ACCURACY
from s5core.views import palette
from s5core.views.steps import steps_accuracy, steps_curves

NO_BREAK = "\N{NO-BREAK SPACE}"  # a figure and its unit stay on one line
BADGES = {f"step{n}": str(n) for n in range(1, 6)} | {
    "base": "B",
    "step5_small": "5s",
    "step5_fast": "5f",
    "step5_published": "5p",
}
LETTERS = {one.repository: letter for one, letter in zip(PUBLISHED, ascii_lowercase, strict=False)}
FLOORS = {"98.5 to 100 %": 98.5, "97 to 100 %": 97.0, "0 to 100 %": 0.0}
SIGNS = {"same": "", "changed": "**~**", "added": "**+**", "removed": "**−**"}  # Markdown
TINTS = {
    "same": "",
    "changed": f"{palette.ORANGE}33",
    "added": f"{palette.GREEN}33",
    "removed": f"{palette.RED}33",
}


def label(step: Step) -> str:
    """A step's name as the page writes it: `Step 3: An earlier pool, a falling rate`."""
    return f"{step.short}: {step.title}" if step.number else step.title


def show_target(reached: Mapping[str, Result]) -> None:
    st.title(f"Five steps to {TARGET_ACCURACY:.1f}{NO_BREAK}%")
    st.markdown(
        f"Teach a small network to read handwritten digits: **at least {TARGET_ACCURACY:.1f} %** right, "
        f"with **fewer than {PARAMETER_BUDGET:,} parameters**, in **fewer than {EPOCH_BUDGET} epochs**."
    )
    step5 = STEPS["step5"]
    result = reached.get(step5.name)
    with st.container(border=True):
        if result is None:
            st.info("How step 5 stands against the target will be shown here once it has been trained.")
            return
        st.markdown(f"**{label(step5)}.** Where our last step stands:")
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
        f"Last epoch of {runs}. A parameter is a number that training sets; an epoch is one pass over the "
        "training digits."
    )


def show_chart(reached: Mapping[str, Result]) -> None:
    title, choice = st.columns([3, 2], vertical_alignment="bottom")
    title.subheader("Accuracy against size")
    view = choice.segmented_control(
        "Accuracy axis",
        list(FLOORS),
        default=next(iter(FLOORS)),
        required=True,
        key="steps_axis",
        persist_state="session",
        help="The stretch of accuracies that is drawn; what lies below it is an arrow in a strip under it.",
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
        f"| {_percent(one.accuracy)} | {one.epochs or '–'} | {one.note} |"
        for one in PUBLISHED
    ]
    return "\n".join(
        [
            "One run each, as far as their authors say, with designs and epochs judged by the test digits. "
            "The exercise allows 14 epochs.\n",
            "| | source | parameters | last epoch | epochs | |",
            "| --- | --- | ---: | ---: | ---: | --- |",
            *lines,
        ]
    )


def _how_to_read(reached: Mapping[str, Result]) -> str:
    words = [
        "Up is more accurate, left is smaller: the green corner is the target. Filled circles are ours, "
        "hollow diamonds were reported with the published solution, each with the number of its step "
        "(5s and 5f: step 5, small and fast; 5p: step 5 as published; B: the base net); small squares were "
        "published elsewhere. Arrows in the grey strip lie below the axis."
    ]
    if any(result.deviation is not None for result in reached.values()):
        words.append("Bars reach one standard deviation over the seeds; where none shows, the mark hides it.")
    if "base" in reached:
        epochs = reached["base"].epochs
        words.append(
            "Behind the dotted line the axis is shortened, or the base net would crowd out the rest. "
            f"It was trained for {epochs} epoch{'' if epochs == 1 else 's'} alone."
        )
    else:
        words.append(
            f"The base net, {count_parameters(STEPS['base'].layers):,} parameters, has not been measured: "
            "its place would be far to the right."
        )
    return " ".join(words)


def _what_accuracy_is() -> str:
    error = standard_error(TARGET_ACCURACY, compare.TEST_DIGITS)
    return (
        f"**Validation accuracy** is the share of MNIST's {compare.TEST_DIGITS:,} test digits that a network "
        "reads right; it never trains on them. Ours is that of the **last** epoch, the reported one that of "
        "the **best** epoch, which flatters a little. Counting on so few digits leaves room for chance: at "
        f"{TARGET_ACCURACY:.1f} % one standard error is **{error:.3f} points**, so 99.38 % and 99.42 % are "
        "the same result."
    )


def show_cards(reached: Mapping[str, Result]) -> None:
    st.subheader("Step by step")
    names = {step.short: step for step in STEPS.values()}
    chosen = session.step()
    # Another step in the sidebar makes other tabs, of which that step's is open.
    tabs = st.tabs(list(names), default=chosen.short, key=f"steps_card_{chosen.name}")
    for tab, step in zip(tabs, names.values(), strict=True):
        with tab:
            _show_card(step, reached.get(step.name))


def _show_card(step: Step, result: Result | None) -> None:
    st.markdown(f"#### {label(step)}")
    story, figures = st.columns([5, 4], gap="medium")
    with story:
        st.markdown(f"**Target.** {step.target}")
        st.markdown("**Changes**\n" + "\n".join(f"- {change}" for change in step.changes))
        st.markdown(f"**Result.** {step.result}")
        st.markdown(f"**Analysis.** {step.analysis}")
    with figures:
        st.markdown(_figures(step, result))
        if result is None:
            st.caption("Our column fills once this step has been trained and entered in the results.")
        elif step.reported is not None and step.reported.parameters != result.parameters:
            st.caption("The reported figures belong to another network: step 5 as published.")


def _figures(step: Step, result: Result | None) -> str:
    reported = step.reported
    ours = result and {
        "parameters": f"{result.parameters:,}",
        "last": str(result).replace(" ", NO_BREAK),
        "best": _percent(result.best),
        "train": _percent(result.train),
        "epochs": str(result.epochs),
        "seeds": str(result.seeds),
    }
    ours = ours or {"parameters": f"{count_parameters(step.layers):,}"}
    if result and result.seeds > 1:
        ours |= {"median": _percent(result.median), "worst": _percent(result.worst)}
    rows = [
        ("Parameters", "parameters", f"{reported.parameters:,}" if reported else ""),
        ("Validation, last epoch", "last", "–"),
        ("the same, middle run", "median", "–"),
        ("the same, worst run", "worst", "–"),
        ("Validation, best epoch", "best", _percent(reported.test if reported else None)),
        ("Training, last epoch", "train", "–"),
        ("Training, best epoch", "", _percent(reported.train if reported else None)),
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


def _percent(accuracy: float | None) -> str:
    return "–" if accuracy is None else f"{accuracy:.2f}{NO_BREAK}%"


def show_comparison() -> None:
    st.subheader("Compare two steps")
    st.markdown("What was taken out, put in and altered from one network to the other, and what came of it.")
    names = list(STEPS)
    left, right = (
        column.selectbox(
            text,
            names,
            index=names.index(default),
            format_func=lambda name: label(STEPS[name]),
            key=key,
            persist_state="session",
            help=help,
        )
        for column, text, default, key, help in zip(
            st.columns(2),
            ("From", "To"),
            ("step3", "step4"),
            ("steps_from", "steps_to"),
            ("The network to start from.", "The network that it is compared with."),
            strict=True,
        )
    )
    before, after = STEPS[left], STEPS[right]
    if before is after:
        st.info("These are the same step twice. Choose two different ones to see what sets them apart.")
        return
    difference = compare.compare_networks(before.layers, after.layers)
    _show_numbers(difference)
    _show_layers(before, after, difference)
    _show_curves(before, after)


def _show_numbers(difference: Difference) -> None:
    one, other = difference.before, difference.after
    cells = (
        (
            "Parameters",
            one.parameters,
            other.parameters,
            "Numbers that training sets; the target allows few.",
        ),
        (
            "Receptive field, px",
            one.receptive_field,
            other.receptive_field,
            "Side of what the last layer sees.",
        ),
        (
            "Multiply-adds",
            one.multiply_adds,
            other.multiply_adds,
            "Multiplications by a weight for one digit.",
        ),
    )
    changes = (difference.parameters, difference.receptive_field, difference.multiply_adds)
    for column, (name, old, new, help), change in zip(st.columns(3), cells, changes, strict=True):
        column.metric(
            name,
            f"{change:+,}".replace("-", "−") if change else "no change",
            f"{old:,} → {new:,}" if change else f"{new:,} in both",
            delta_color="off",
            delta_arrow="off",
            help=help,
        )


def _show_layers(before: Step, after: Step, difference: Difference) -> None:
    st.markdown(
        f"Layers: **+ {difference.count('added')}** added, **− {difference.count('removed')}** removed, "
        f"**~ {difference.count('changed')}** changed, {difference.count('same')} the same."
    )
    heads = ["output", "parameters", "sees"]
    # The names of columns must differ, so those of the second network end in a space.
    columns = ["mark", before.short, *heads, after.short, *(f"{head} " for head in heads)]
    table = pd.DataFrame([_layer_cells(pair) for pair in difference.pairs], columns=columns)
    st.table(_tinted(table, difference), hide_index=True, border="horizontal")
    st.caption(
        "Layers in the same line stand for each other. Output: maps × height × width. Sees: the receptive "
        "field, the side in pixels of the square that one cell looks at. A layer whose input has more or "
        "fewer maps counts as changed when that alters its parameters. On a narrow screen the table moves "
        "sideways."
    )


def _tinted(table: pd.DataFrame, difference: Difference) -> Styler:
    """The table with the lines that are not the same on a ground of their own."""
    grounds = [
        f"background-color: {TINTS[pair.mark]}" if TINTS[pair.mark] else "" for pair in difference.pairs
    ]
    return table.style.apply(lambda row: [grounds[row.name]] * len(row), axis=1)


def _layer_cells(pair: Pair) -> list[str]:
    return [SIGNS[pair.mark], *_row_cells(pair.before), *_row_cells(pair.after)]


def _row_cells(row: Row | None) -> list[str]:
    if row is None:
        return [""] * 4
    # Lines break between the parts of a description only.
    words = ", ".join(part.replace(" ", NO_BREAK) for part in compare.describe(row).split(", "))
    return [
        words,
        compare.shape_of(row),
        f"{row.parameters:,}",
        f"{row.receptive_field}×{row.receptive_field}",
    ]


def _show_curves(before: Step, after: Step) -> None:
    entries = results.read()["steps"]
    curves = {
        step.short: compare.curve(entries[step.name]) for step in (before, after) if step.name in entries
    }
    missing = [label(step) for step in (before, after) if step.name not in entries]
    st.markdown("**Training curves**")
    if missing:
        st.info(
            f"No training curve yet: {'; '.join(missing)}. It will be drawn here once that step is trained."
        )
    if curves:
        st.altair_chart(steps_curves(curves), width="stretch")
        st.caption(
            "Accuracy after each epoch. Solid: validation digits; dashed: training digits, as they were "
            "while the network learnt from them. With several training runs, lines are means and the band "
            "spans the runs. Epochs below the axis are cut off."
        )


navigation.require_router()
reached = session.reached()
show_target(reached)
show_chart(reached)
show_cards(reached)
show_comparison()
