"""Charts of a network's answers: how probable each digit is, what it confuses, how accurate it is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import altair as alt
from torch import Tensor

from s5core.evaluate import ClassResult, Evaluation
from s5core.views.palette import BLUE, GREY, ORANGE, OURS, RED
from s5core.views.style import TARGET_LINE, TEXT, Specification, layered, named, written
from s5core.words import percent

GROUND = alt.ExprRef("background")  # the page's own colour, whatever its theme
FAINT, STRONG = 0.12, 0.95  # opacity of a cell without errors, and of the one with the most


def class_probabilities(
    probabilities: Sequence[float], true_class: int | None = None, height: int = 260
) -> Specification:
    """The probability of each digit as a bar, in percent.

    The network's answer is blue. The true digit is orange, where it is known and is not the answer.
    """
    answer = max(range(len(probabilities)), key=lambda label: probabilities[label])
    meanings = {true_class: "the true digit", answer: "the answer"}  # the answer hides a true digit
    rows = [
        {
            "digit": label,
            "percent": 100 * p,
            "is": meanings.get(label, "other"),
            "text": f"{100 * p:.1f}" if p >= 0.0005 else "",
        }
        for label, p in enumerate(probabilities)
    ]
    return _empty_probabilities(height) | {"datasets": {"digits": rows}}


@lru_cache
def _empty_probabilities(height: int) -> Specification:
    base = named("digits").encode(
        x=alt.X("digit:O", title="digit"),
        y=alt.Y(
            "percent:Q",
            title="probability, %",
            scale=alt.Scale(domain=[0, 112], nice=False),
            axis=alt.Axis(values=[0, 25, 50, 75, 100]),
        ),
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "is:N",
            scale=alt.Scale(domain=["the answer", "the true digit", "other"], range=[BLUE, ORANGE, GREY]),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("digit:O"),
            alt.Tooltip("percent:Q", title="probability, %", format=".2f"),
        ],
    )
    figures = base.mark_text(dy=-8, fontSize=TEXT, color=GREY).encode(text="text:N")
    return written(layered([bars, figures], height))


def confusion_matrix(counts: Tensor, chosen: tuple[int, int] | None = None) -> Specification:
    """Which classes the network takes for which; a click on a cell selects it.

    `counts`: (10, 10), a row for each true class, a column for each answer. `chosen`: the true class
    and the answer of the cell that has a frame at first. The selection is named "cell", its fields
    "true" and "said".
    """
    most = max(1, int(counts.clone().fill_diagonal_(0).max()))
    rows = [
        {
            "true": true,
            "said": said,
            "count": digits,
            "right": true == said,
            "shade": FAINT + (STRONG - FAINT) * math.sqrt(digits / most)
            if digits and true != said
            else FAINT,
        }
        for true, line in enumerate(counts.tolist())
        for said, digits in enumerate(line)
    ]
    empty = _empty_matrix()
    (cell,) = empty["params"]
    if chosen:
        cell = cell | {"value": [{"true": chosen[0], "said": chosen[1]}]}
    return empty | {"datasets": {"cells": rows}, "params": [cell]}


@lru_cache
def _empty_matrix() -> Specification:
    cell = alt.selection_point(name="cell", fields=["true", "said"], toggle=False, clear=False, empty=False)
    axis = alt.Axis(labelPadding=6, titlePadding=8, labelFlush=False)
    scale = alt.Scale(paddingInner=0.04, paddingOuter=0.02)
    base = named("cells").encode(
        x=alt.X("said:O", title="answer", axis=axis, scale=scale),
        y=alt.Y("true:O", title="true digit", axis=axis, scale=scale),
        tooltip=[
            alt.Tooltip("true:O", title="true digit"),
            alt.Tooltip("said:O", title="answer"),
            alt.Tooltip("count:Q", title="digits", format=","),
        ],
    )
    # Errors are shades of one colour on the page's background, so that more errors are stronger in the
    # light theme and in the dark one. The diagonal has no shade: its counts would outshine all errors.
    cells = base.mark_rect(cursor="pointer", cornerRadius=3).encode(
        color=alt.condition("datum.right || !datum.count", alt.value(GREY), alt.value(RED)),
        fillOpacity=alt.FillOpacity("shade:Q", scale=None, legend=None),
        stroke=alt.condition(cell, alt.value("currentColor"), alt.value("transparent")),
        strokeWidth=alt.value(3),
    )
    numbers = (
        base.transform_filter("datum.count > 0")
        .mark_text(fontSize=TEXT, color="currentColor")
        .encode(
            text=alt.Text("count:Q"),
            opacity=alt.condition("datum.right", alt.value(0.55), alt.value(1)),
        )
    )
    return written(layered([cells.add_params(cell), numbers], height=460))


def class_accuracy(classes: Sequence[ClassResult], target: float) -> Specification:
    """The accuracy of each class as a bar, its errors beside the bar, and the target as a line.

    `target`: in percent. The axis does not begin at zero, so that the worst class and the target can
    be told apart.
    """
    lowest = min([result.accuracy for result in classes] + [target])
    # The axis begins twice as far below 100 % as the worst class, at a round number.
    start = max(0.0, 100 - _round_up(2 * (100 - lowest)))
    rows = [
        {
            "digit": result.digit,
            "accuracy": result.accuracy,
            "start": start,
            "words": f"{result.errors:,} of {result.digits:,} wrong",
        }
        for result in classes
    ]
    return _empty_classes(start) | {"datasets": {"classes": rows, "target": [{"target": target}]}}


@lru_cache
def _empty_classes(start: float) -> Specification:
    x = alt.X(
        "accuracy:Q",
        title=f"accuracy, % (the axis begins at {start:g} %)",
        scale=alt.Scale(domain=[start, 100], nice=False),
        axis=alt.Axis(tickCount=5),
    )
    base = named("classes").encode(
        y=alt.Y("digit:O", title="true digit"),
        tooltip=[
            alt.Tooltip("digit:O", title="true digit"),
            alt.Tooltip("accuracy:Q", title="accuracy, %", format=".2f"),
            alt.Tooltip("words:N", title="errors"),
        ],
    )
    bars = base.mark_bar(color=OURS, height={"band": 0.72}).encode(x=x, x2="start:Q")
    words = base.mark_text(align="left", dx=8, fontSize=TEXT, color="currentColor").encode(
        x=alt.value("width"), text="words:N"
    )
    line = (
        named("target")
        .mark_rule(**TARGET_LINE)
        .encode(x="target:Q", tooltip=alt.Tooltip("target:Q", title="target, %"))
    )
    return written(layered([bars, words, line], height=380))


def accuracy_intervals(networks: Mapping[str, Evaluation], chosen: str) -> Specification:
    """The accuracy of each network as a point in its 95 % interval, under the network's name.

    The point of the chosen network is filled. The axis ends at 100 % and begins at the multiple of ten
    below the lowest interval.
    """
    rows = [
        {
            "row": i,
            "words": f"{name}: {len(answers.labels) - answers.errors:,} of {len(answers.labels):,} right",
            "accuracy": answers.accuracy,
            "low": answers.interval[0],
            "high": answers.interval[1],
            "range": f"{answers.interval[0]:.1f} to {percent(answers.interval[1], 1)}",
            "chosen": name == chosen,
        }
        for i, (name, answers) in enumerate(networks.items())
    ]
    start = min(math.floor(answers.interval[0] / 10) * 10 for answers in networks.values())
    return _empty_intervals(start, len(rows)) | {"datasets": {"networks": rows}}


@lru_cache
def _empty_intervals(start: int, networks: int) -> Specification:

    def x(field: str) -> alt.X:
        return alt.X(
            f"{field}:Q",
            title="accuracy, %" + (f" (the axis begins at {start} %)" if start else ""),
            scale=alt.Scale(domain=[start, 100], nice=False),
            axis=alt.Axis(tickCount=5),
        )

    base = named("networks").encode(
        y=alt.Y("row:O", axis=None),
        tooltip=[
            alt.Tooltip("words:N", title="network"),
            alt.Tooltip("accuracy:Q", title="accuracy, %", format=".1f"),
            alt.Tooltip("range:N", title="95 % interval"),
        ],
    )
    intervals = base.mark_rule(color=OURS, strokeWidth=3, yOffset=5).encode(x=x("low"), x2="high:Q")
    points = base.mark_point(size=170, strokeWidth=3, color=OURS, opacity=1, yOffset=5).encode(
        x=x("accuracy"), fill=alt.condition("datum.chosen", alt.value(OURS), alt.value(GROUND))
    )
    words = base.mark_text(align="left", dy=-13, fontSize=TEXT, color="currentColor").encode(
        x=alt.value(4), text="words:N"
    )
    return written(layered([intervals, points, words], height=56 * networks + 50))


def _round_up(number: float) -> float:
    """The first of …, 1, 2, 5, 10, 20, … that is not below a positive number."""
    power = 10 ** math.floor(math.log10(number))
    return next(float(step * power) for step in (1, 2, 5, 10) if step * power >= number - 1e-9)
