"""Charts of a network's answers: which classes it confuses, how sure it is, how well it reads."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import altair as alt
from torch import Tensor

from s5core.evaluate import ClassResult, Evaluation
from s5core.views.palette import BLUE, GREY, ORANGE, OURS, RED, TARGET

GROUND = alt.ExprRef("background")  # the page's own colour, whatever its theme


def confusion_matrix(counts: Tensor, chosen: tuple[int, int] | None = None) -> alt.LayerChart:
    """Which classes are taken for which; a click on a cell selects it.

    `counts`: (10, 10), rows true, columns said. `chosen`: (true, said) of the cell that is
    framed at first. The selection is named "cell", its fields "true" and "said".
    """
    rows = [
        {"true": true, "said": said, "count": count, "right": true == said}
        for true, line in enumerate(counts.tolist())
        for said, count in enumerate(line)
    ]
    cell = alt.selection_point(
        name="cell",
        fields=["true", "said"],
        toggle=False,
        clear=False,
        empty=False,
        value=[{"true": chosen[0], "said": chosen[1]}] if chosen else alt.Undefined,
    )
    most = max([row["count"] for row in rows if not row["right"]] + [1])
    axis = alt.Axis(
        labelFontSize=15, titleFontSize=15, labelAngle=0, labelPadding=6, titlePadding=8, labelFlush=False
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("said:O", title="said", axis=axis, scale=alt.Scale(paddingInner=0.04, paddingOuter=0.02)),
        y=alt.Y("true:O", title="true", axis=axis, scale=alt.Scale(paddingInner=0.04, paddingOuter=0.02)),
        tooltip=[
            alt.Tooltip("true:O", title="true"),
            alt.Tooltip("said:O", title="said"),
            alt.Tooltip("count:Q", title="digits", format=","),
        ],
    )
    # The errors are shades of one colour over the page's own ground, so that more is stronger
    # in the light theme and in the dark one; the diagonal has no shade, or it would be all one saw.
    cells = base.mark_rect(cursor="pointer", cornerRadius=3).encode(
        color=alt.condition("datum.right || !datum.count", alt.value(GREY), alt.value(RED)),
        fillOpacity=alt.condition(
            "datum.right || !datum.count",
            alt.value(0.12),
            alt.Opacity(
                "count:Q", scale=alt.Scale(type="sqrt", domain=[0, most], range=[0.12, 0.95]), legend=None
            ),
        ),
        stroke=alt.condition(cell, alt.value("currentColor"), alt.value("transparent")),
        strokeWidth=alt.value(3),
    )
    numbers = (
        base.transform_filter("datum.count > 0")
        .mark_text(fontSize=14, color="currentColor")
        .encode(
            text=alt.Text("count:Q"),
            opacity=alt.condition("datum.right", alt.value(0.55), alt.value(1)),
        )
    )
    return alt.LayerChart(layer=[cells.add_params(cell), numbers], height=460)


def class_accuracy(classes: Sequence[ClassResult], target: float) -> alt.LayerChart:
    """Accuracy of each class as a bar, with its errors in figures, and the target as a line.

    The axis does not begin at zero: it is zoomed to the worst class and the target (percent).
    """
    lowest = min([result.accuracy for result in classes] + [target])
    # From twice as far below 100 % as the worst class, rounded outwards to a number that reads well.
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
    x = alt.X(
        "accuracy:Q",
        title=f"accuracy, % (the axis begins at {start:g} %)",
        scale=alt.Scale(domain=[start, 100], nice=False),
        axis=alt.Axis(labelFontSize=13, titleFontSize=14, tickCount=5),
    )
    y = alt.Y("digit:O", title="true", axis=alt.Axis(labelFontSize=15, titleFontSize=15))
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=y,
        tooltip=[
            alt.Tooltip("digit:O", title="digit"),
            alt.Tooltip("accuracy:Q", title="accuracy, %", format=".2f"),
            alt.Tooltip("words:N", title="errors"),
        ],
    )
    bars = base.mark_bar(color=OURS, height={"band": 0.72}).encode(x=x, x2="start:Q")
    words = base.mark_text(align="left", dx=8, fontSize=13, color="currentColor").encode(
        x=alt.value("width"), text="words:N"
    )
    line = (
        alt.Chart(alt.InlineData(values=[{"target": target}]))
        .mark_rule(color=TARGET, strokeWidth=3, strokeDash=[6, 4])
        .encode(x="target:Q", tooltip=alt.Tooltip("target:Q", title="target, %"))
    )
    return alt.LayerChart(layer=[bars, words, line], height=380)


def accuracy_intervals(networks: Mapping[str, Evaluation], chosen: str) -> alt.LayerChart:
    """The accuracy of each network as a point in its 95 % interval, its name and count above it;
    that of the chosen one is filled.

    The axis ends at 100 % and begins at the ten below the lowest end of an interval.
    """
    rows = [
        {
            "row": i,
            "words": f"{name}: {len(answers.labels) - answers.errors:,} of {len(answers.labels):,} right",
            "accuracy": answers.accuracy,
            "low": answers.interval[0],
            "high": answers.interval[1],
            "range": f"{answers.interval[0]:.1f} to {answers.interval[1]:.1f} %",
            "chosen": name == chosen,
        }
        for i, (name, answers) in enumerate(networks.items())
    ]
    start = min(math.floor(answers.interval[0] / 10) * 10 for answers in networks.values())

    def x(field: str) -> alt.X:
        return alt.X(
            f"{field}:Q",
            title="read right, %" + (f" (the axis begins at {start} %)" if start else ""),
            scale=alt.Scale(domain=[start, 100], nice=False),
            axis=alt.Axis(labelFontSize=13, titleFontSize=14, tickCount=5),
        )

    base = alt.Chart(alt.InlineData(values=rows)).encode(
        y=alt.Y("row:O", axis=None),
        tooltip=[
            alt.Tooltip("words:N", title="network"),
            alt.Tooltip("accuracy:Q", title="read right, %", format=".1f"),
            alt.Tooltip("range:N", title="95 % interval"),
        ],
    )
    intervals = base.mark_rule(color=OURS, strokeWidth=3, yOffset=5).encode(x=x("low"), x2="high:Q")
    points = base.mark_point(size=170, strokeWidth=3, color=OURS, opacity=1, yOffset=5).encode(
        x=x("accuracy"), fill=alt.condition("datum.chosen", alt.value(OURS), alt.value(GROUND))
    )
    words = base.mark_text(align="left", dy=-13, fontSize=14, color="currentColor").encode(
        x=alt.value(4), text="words:N"
    )
    return alt.LayerChart(layer=[intervals, points, words], height=56 * len(rows) + 50)


def _round_up(number: float) -> float:
    """The next of …, 1, 2, 5, 10, 20, … at or above a positive number."""
    power = 10 ** math.floor(math.log10(number))
    return next(float(step * power) for step in (1, 2, 5, 10) if step * power >= number - 1e-9)


def class_probabilities(
    probabilities: Sequence[float], true_class: int | None = None, height: int = 260
) -> alt.LayerChart:
    """A bar a class with its probability in percent; the network's answer stands out, and the
    true class, where it is known and another, has a colour of its own."""
    answer = max(range(len(probabilities)), key=lambda label: probabilities[label])
    meanings = {answer: "its answer"} | ({true_class: "the true class"} if true_class is not None else {})
    meanings[answer] = "its answer"
    table = alt.InlineData(
        [
            {
                "class": label,
                "percent": 100 * p,
                "is": meanings.get(label, "other"),
                "text": f"{100 * p:.1f}" if p >= 0.0005 else "",
            }
            for label, p in enumerate(probabilities)
        ]
    )
    base = alt.Chart(table).encode(
        x=alt.X("class:O", title="digit", axis=alt.Axis(labelAngle=0, labelFontSize=15, titleFontSize=14)),
        y=alt.Y(
            "percent:Q",
            title="probability in %",
            scale=alt.Scale(domain=[0, 112], nice=False),
            axis=alt.Axis(values=[0, 25, 50, 75, 100], labelFontSize=13, titleFontSize=14),
        ),
    )
    bars = base.mark_bar().encode(
        color=alt.Color(
            "is:N",
            scale=alt.Scale(domain=["its answer", "the true class", "other"], range=[BLUE, ORANGE, GREY]),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("class:O", title="class"),
            alt.Tooltip("percent:Q", title="probability in %", format=".2f"),
        ],
    )
    figures = base.mark_text(dy=-8, fontSize=13, color=GREY).encode(text="text:N")
    return alt.LayerChart(layer=[bars, figures], height=height)
