"""Mistakes: what the chosen network reads wrong, and whether another network makes the same mistakes."""

from __future__ import annotations

import streamlit as st

from pages.parts import choice, keys, matrix, navigation, server, wait, widget
from pages.parts.mistakes import comparison, tiles
from pages.parts.mistakes.tiles import FEW, reading
from pages.parts.server import Trained
from s5core.ahead.desk import Pending
from s5core.data import PRACTICE
from s5core.evaluate import Evaluation, allowed_errors
from s5core.layers import CLASSES
from s5core.target import ACCURACY
from s5core.views.answers import class_accuracy
from s5core.words import NO_BREAK, count, digit, percent

MANY = 60  # digits in a gallery when more are asked for
PREVIEW = 12  # digits of a cell of the confusion matrix


def read_or_wait(trained: Trained) -> Evaluation:
    """A network's answers to the validation digits; while it reads them, say so and end the page."""
    found = server.answers(trained)
    if isinstance(found, Pending):
        wait.show(lambda: server.answers(trained), reading())
        st.stop()
    return found


def stop_if_sealed() -> None:
    """End the page where nobody may see yet what the chosen network answers to the test digits."""
    if choice.network().is_sealed:
        st.info(
            f"{choice.network().marked_short} was validated on training digits that were held out, and its "
            "test accuracy is still sealed. Its owner can open it on the page Runs, once."
        )
        st.page_link("pages/runs.py", label="Go to Runs")
        st.stop()


def say_what_was_read(trained: Trained) -> None:
    """Which digits the network has read, and whether they are a fair test."""
    digits = server.digits_or_stop()
    read = f"{len(digits.validation_labels):,}"
    if not digits.name.startswith(PRACTICE):
        st.write(f"What the network reads in MNIST's {read} test digits, and which of them it reads wrong.")
        return
    st.write(f"What the network reads in {read} practice digits, and which of them it reads wrong.")
    if not trained.checkpoint.has_seen(digits.name):
        st.info(
            "MNIST is not on this machine. This network was trained on the other practice digits and has "
            f"not seen these {read}, so its figures are fair. But {read} digits tell less than 10,000."
        )
    else:
        st.warning(
            "MNIST is not on this machine, so these are practice digits. They are a part of MNIST's training "
            f"digits, and this network was trained on those: it has seen these {read} before, and **its "
            f"accuracy looks better than it is**. A run that you train here on the practice set leaves these "
            f"{read} out, so its figures are fair."
        )


def show_headline(answers: Evaluation) -> None:
    """Accuracy and errors, and how many errors the exercise allows."""
    total = len(answers.labels)
    allowed = allowed_errors(ACCURACY.limit, total)
    spare = allowed - answers.errors
    accuracy, wrong, limit = st.columns(3)
    accuracy.metric(
        "Accuracy",
        percent(answers.accuracy),
        f"± {answers.standard_error:.2f} points",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="The share of digits read right, and its standard error: how far it would typically move with "
        "another sample of as many digits.",
    )
    wrong.metric(
        "Read wrong",
        f"{answers.errors:,}",
        f"of {total:,} digits",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="Digits for which the most probable class is not the true class.",
    )
    limit.metric(
        f"Allowed at {percent(ACCURACY.limit, 1)}",
        f"{allowed:,}",
        f"{spare:,} to spare" if spare >= 0 else f"{-spare:,} too many",
        delta_color="green" if spare >= 0 else "red",
        delta_arrow="off",
        border=True,
        help="How many digits a network may read wrong and still meet the target.",
    )


def say_which_network(trained: Trained) -> None:
    """For a step: that one network is shown here, and what its recipe reaches with other seeds."""
    chosen = choice.network()
    reached = server.reached().get(chosen.id)
    if reached is None:
        return
    seed = trained.checkpoint.recipe.seed
    one = f"This is one network: the shipped one of {chosen.short}, trained with seed {seed}."
    if reached.deviation is None:
        st.caption(one)
        return
    st.caption(
        f"{one} The same recipe was trained with {count(reached.seeds, 'seed')}. On MNIST's test digits "
        f"these networks reach {str(reached).replace(' ', NO_BREAK)} (mean and standard deviation)."
    )


@st.fragment
def show_confusion(answers: Evaluation) -> None:
    """The confusion matrix, and the digits of the cell that is chosen in it."""
    st.header("Which digits are confused")
    left, right = st.columns([3, 2], gap="large")
    with right:
        true, said = choose_cell(answers.commonest_error() or (0, 0))
        indices = answers.cell(true, said).tolist()
        amount = f"**{len(indices):,}** of the {true}s {'is' if len(indices) == 1 else 'are'}"
        if not indices:
            st.info(f"This network reads no {true} as {digit(said)}. Choose a cell with a number in it.")
        elif true == said:
            st.write(f"{amount} read right. The least certain come first.")
        else:
            st.write(f"{amount} read as {said}. The most certain come first.")
        if indices:
            tiles.show(indices, answers.confidence, count=PREVIEW, scale=3)
            st.caption("Below each digit: the probability that the network gives to its answer.")
    with left:
        matrix.show(
            answers,
            (true, said),
            take_cell,
            alt=f"Confusion matrix: {answers.errors:,} of {len(answers.labels):,} digits are read wrong. "
            f"A frame marks the cell of the {true}s that are read as {said}.",
        )
        st.caption(
            "Each row is the true digit, each column the digit that the network read. On the grey diagonal "
            "it read right. The stronger the orange, the more errors. Click a cell to see its digits."
        )


def choose_cell(first: matrix.Cell) -> matrix.Cell:
    """Two boxes that choose a cell of the matrix, as a click does. They begin with the `first` one."""
    left, right = st.columns(2)
    true = left.selectbox(
        "True",
        range(CLASSES),
        index=widget.first(keys.MISTAKES_TRUE, first[0]),
        key=keys.MISTAKES_TRUE,
        persist_state="session",
        help="The digit that was written.",
    )
    said = right.selectbox(
        "Read as",
        range(CLASSES),
        index=widget.first(keys.MISTAKES_SAID, first[1]),
        key=keys.MISTAKES_SAID,
        persist_state="session",
        help="The digit that the network read.",
    )
    return true, said


def take_cell(cell: matrix.Cell) -> None:
    """Put a cell into the two boxes."""
    st.session_state[keys.MISTAKES_TRUE], st.session_state[keys.MISTAKES_SAID] = cell


def show_worst(answers: Evaluation) -> None:
    """The errors of which the network was most certain."""
    st.header("The worst errors")
    if not answers.errors:
        st.info("There is none: this network reads every one of these digits right.")
        return
    st.write(
        "The errors of which the network is most certain come first. In brackets is the probability that it "
        "gives to its answer. Would you have read these digits right?"
    )
    more = answers.errors > FEW and st.toggle(
        f"Show up to {MANY}",
        key=keys.MISTAKES_MORE,
        persist_state="session",
        help="Also shows errors of which the network was less sure.",
    )
    tiles.show(answers.worst(answers.errors).tolist(), answers.describe, MANY if more else FEW)


def show_classes(answers: Evaluation) -> None:
    """Which classes are hard."""
    st.header("Accuracy by digit")
    st.vega_lite_chart(
        class_accuracy(answers.by_class(), ACCURACY.limit),
        width="stretch",
        alt=_classes_in_words(answers),
    )
    st.caption(
        "One bar for each true digit, with its errors beside it. The dashed line is the target, "
        f"{percent(ACCURACY.limit, 1)}. The axis does not begin at zero, so compare where "
        "the bars end, not how long they are."
    )


def _classes_in_words(answers: Evaluation) -> str:
    """The best and the worst class, for those who cannot see the chart."""
    best, *_, worst = sorted(answers.by_class(), key=lambda each: -each.accuracy)
    return (
        f"Bars: the accuracy of each true digit, from {percent(best.accuracy)} for the {best.digit}s to "
        f"{percent(worst.accuracy)} for the {worst.digit}s."
    )


navigation.require_router()
st.title("Mistakes")
stop_if_sealed()
trained = choice.trained_or_stop()
say_what_was_read(trained)
answers = read_or_wait(trained)
show_headline(answers)
say_which_network(trained)
show_confusion(answers)
show_worst(answers)
show_classes(answers)
comparison.show(trained, answers)
