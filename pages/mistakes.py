"""What the chosen network gets wrong, and whether another one gets the same wrong."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import matrix, navigation, session
from s5core import checkpoint, steps
from s5core.checkpoint import Checkpoint
from s5core.data import PRACTICE, Digits
from s5core.errors import UserError
from s5core.evaluate import Evaluation, allowed_errors, compare_answers, evaluate
from s5core.runs import folder
from s5core.target import TARGET_ACCURACY
from s5core.views.answers import class_accuracy
from s5core.views.gallery import gallery

FEW, MANY = 24, 60  # digits in a gallery, and in one that was asked for more
SHIPPED = "shipped "  # begins the name of a network of ours in the list of those to compare with


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs={Checkpoint: id, Digits: id})
def _reading(trained: Checkpoint, digits: Digits) -> tuple[Evaluation, Checkpoint, Digits]:
    # What was read is kept beside the answers: an id means something only while its object lives.
    answers = evaluate(session.model(trained), digits.validation_images, digits.validation_labels)
    return answers, trained, digits


def read(trained: Checkpoint) -> Evaluation:
    """A network's answers to the validation digits; read once, by whichever session is first."""
    digits = session.digits()
    with st.spinner(f"Reading {len(digits.validation_labels):,} digits …"):
        return _reading(trained, digits)[0]


def show_digits(indices: list[int], caption: Callable[[int], str], count: int = FEW, scale: int = 4) -> None:
    """A gallery of the first so many of some digits, or a word that there is none."""
    if not indices:
        st.info("There is no such digit.")
        return
    shown = indices[:count]
    st.html(gallery(session.digits().validation_images[shown], [caption(index) for index in shown], scale))
    if len(indices) > count:
        st.caption(f"The first {count} of {len(indices):,}.")


def say_what_was_read(trained: Checkpoint) -> None:
    """Which digits the figures stand on, and whether they are a fair test."""
    digits = session.digits_or_stop()
    count = f"{len(digits.validation_labels):,}"
    if not digits.name.startswith(PRACTICE):
        st.write(f"What the network makes of MNIST's {count} test digits, and which of them it gets wrong.")
        return
    st.write(f"What the network makes of {count} practice digits, and which of them it gets wrong.")
    if not trained.has_seen(digits.name):
        st.info(
            "MNIST is not on this machine. This network learnt from the other practice digits and has "
            f"not seen these {count}: its figures are fair, but {count} digits tell less than 10,000."
        )
    else:
        st.warning(
            "MNIST is not on this machine, so these are practice digits. They are part of MNIST's "
            f"training digits, and this network was trained on those: it has seen these {count} before, "
            "and **its accuracy looks better than it is**. A run that you train here on the practice set "
            f"keeps these {count} aside and gives fair figures."
        )


def show_headline(answers: Evaluation) -> None:
    """Accuracy and errors against what the exercise allows."""
    count = len(answers.labels)
    allowed = allowed_errors(TARGET_ACCURACY, count)
    spare = allowed - answers.errors
    accuracy, wrong, limit = st.columns(3)
    accuracy.metric(
        "Accuracy",
        f"{answers.accuracy:.2f} %",
        f"± {answers.standard_error:.2f} points",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="The share of digits read right, with its standard error: how far another sample of as "
        "many digits would typically move it.",
    )
    wrong.metric(
        "Read wrong",
        f"{answers.errors:,}",
        f"of {count:,} digits",
        delta_color="off",
        delta_arrow="off",
        border=True,
        help="Digits for which the most probable class is not the true one.",
    )
    limit.metric(
        f"Allowed at {TARGET_ACCURACY:g} %",
        f"{allowed:,}",
        f"{spare:,} to spare" if spare >= 0 else f"{-spare:,} too many",
        delta_color="green" if spare >= 0 else "red",
        delta_arrow="off",
        border=True,
        help="How many digits may be read wrong where the target is just met.",
    )


@st.fragment
def show_confusion(answers: Evaluation) -> None:
    """The confusion matrix, and the digits of the cell that is chosen in it."""
    st.subheader("What is taken for what")
    first_true, first_said = answers.commonest_error() or (0, 0)
    st.session_state.setdefault("errors_true", first_true)
    st.session_state.setdefault("errors_said", first_said)
    left, right = st.columns([3, 2], gap="large")
    with right:
        true, said = choose_cell()
        indices = answers.cell(true, said).tolist()
        if not indices:
            st.info(f"This network reads no {true} as a {said}. Choose a cell with a number in it.")
        elif true == said:
            st.write(f"**{len(indices):,}** of the {true}s are read right. The least certain come first.")
        else:
            st.write(
                f"**{len(indices):,}** of the {true}s {_are(indices)} read as {said}. The surest come first."
            )
        if indices:
            show_digits(indices, answers.confidence, count=12, scale=3)
            st.caption("Under each digit: the probability that the network gave to its answer.")
    with left:
        matrix.show(
            answers,
            (true, said),
            take_cell,
            alt="Confusion matrix: how many digits of each true class were read as which class.",
        )
        st.caption(
            "Each row is a true digit, each column what the network said. The grey diagonal is what it "
            "read right; the stronger the orange, the more errors. Click a cell to see its digits."
        )


def _are(indices: list[int]) -> str:
    return "is" if len(indices) == 1 else "are"


def choose_cell() -> tuple[int, int]:
    """Two boxes that choose a cell of the matrix, as a click does."""
    left, right = st.columns(2)
    true = left.selectbox(
        "True", range(10), key="errors_true", persist_state="session", help="The digit that it is."
    )
    said = right.selectbox(
        "Said",
        range(10),
        key="errors_said",
        persist_state="session",
        help="The digit that the network saw in it.",
    )
    return true, said


def take_cell(cell: matrix.Cell) -> None:
    """Put a cell into the two boxes."""
    st.session_state.errors_true, st.session_state.errors_said = cell


def show_worst(answers: Evaluation) -> None:
    """The errors of which the network was surest."""
    st.subheader("The worst errors")
    if not answers.errors:
        st.info("There is none: this network reads every one of these digits right.")
        return
    st.write(
        "Wrong, and sure of it: in brackets the probability that the network gave to its answer. "
        "Would you have read them right?"
    )
    more = answers.errors > FEW and st.toggle(
        f"Show up to {MANY}",
        key="errors_more",
        persist_state="session",
        help="More of the errors, less sure ones.",
    )
    show_digits(answers.worst(answers.errors).tolist(), answers.describe, MANY if more else FEW)


def show_classes(answers: Evaluation) -> None:
    """Which classes are hard."""
    st.subheader("Accuracy by digit")
    st.altair_chart(
        class_accuracy(answers.by_class(), TARGET_ACCURACY),
        width="stretch",
        alt="Bars: accuracy of each true class, with its number of errors.",
    )
    st.caption(
        f"A bar for each true digit, its errors beside it; the dashed line is {TARGET_ACCURACY:g}\u00a0%. "
        "The axis is zoomed in, so compare where bars end and not how long they are."
    )


@st.fragment
def show_comparison(trained: Checkpoint, answers: Evaluation) -> None:
    """The chosen network and another one on the same digits."""
    st.subheader("Two networks, the same digits")
    others = other_networks()
    if not others:
        st.info("There is no other trained network yet. Train one on the page **Train** and choose it here.")
        return
    chosen = st.selectbox(
        "Compare with",
        list(others),
        index=_nearest(list(others)),
        format_func=others.__getitem__,
        key="errors_other",
        persist_state="session",
        help="The network that reads the same digits: a step as shipped, or a run that was trained here.",
    )
    try:
        other = open_network(chosen)
    except UserError as error:
        st.error(str(error))
        return
    if other is None:
        st.info("That network has no finished epoch any more. Choose another.")
        return
    name = session.digits().name
    if trained.has_seen(name) != other.has_seen(name):
        st.caption(
            "One of the two has seen these digits in training and the other has not, which favours it."
        )
    show_differences(answers, read(other), chosen_name(), _short(chosen))


def other_networks() -> dict[str, str]:
    """What the chosen network can be compared with: names for the list, by what opens them."""
    chosen = session.run()
    found = {
        SHIPPED + name: step.label
        for name, step in steps.STEPS.items()
        if checkpoint.shipped_path(name).exists() and (chosen or step is not session.step())
    }
    for run in folder.list_runs():
        if run.model_path.exists() and (chosen is None or run.id != chosen.id):
            step = f"{steps.STEPS[run.step].short}, " if run.step in steps.STEPS else ""
            found[run.id] = step + run.label
    return found


def open_network(name: str) -> Checkpoint | None:
    """The network of that name in the list. Raises UserError for one that cannot be read."""
    if name.startswith(SHIPPED):
        return session.shipped(name.removeprefix(SHIPPED))
    return session.trained_by(folder.open_run(name))


def chosen_name() -> str:
    """The network of the sidebar in a word or two."""
    return (session.run() or session.step()).short


def _short(name: str) -> str:
    """A network of the list in a word or two."""
    shipped = name.startswith(SHIPPED)
    return steps.find(name.removeprefix(SHIPPED)).short if shipped else folder.open_run(name).short


def _nearest(names: list[str]) -> int:
    """Where in the list stands what a lesson compares first: for a run its step as shipped,
    for a step the one before it."""
    order = list(steps.STEPS)
    place = order.index(session.step().name) + bool(session.run())
    before = [SHIPPED + name for name in order[:place] if SHIPPED + name in names]
    return names.index(before[-1]) if before else 0


def show_differences(first: Evaluation, second: Evaluation, name: str, other: str) -> None:
    """Counts and galleries of what only one network gets wrong, and of what both do."""
    found = compare_answers(first, second)
    counts = [len(found.only_first), len(found.both), len(found.only_second)]
    titles = [f"Only {name}", "Both", f"Only {other}"]
    for column, title, count in zip(st.columns(3), titles, counts, strict=True):
        column.metric(f"{title} wrong", f"{count:,}", border=True, help="Digits that are read wrong.")
    st.write(_verdict(first, second, found.luck, name, other))
    tabs = st.tabs([f"{title} ({count:,})" for title, count in zip(titles, counts, strict=True)])
    with tabs[0]:
        show_digits(found.only_first.tolist(), first.describe)
    with tabs[1]:
        st.caption(f"First the answer of {name}, then that of {other}.")
        show_digits(found.both.tolist(), lambda index: f"{first.describe(index)} and {second.answer(index)}")
    with tabs[2]:
        show_digits(found.only_second.tolist(), second.describe)


def _verdict(first: Evaluation, second: Evaluation, luck: float, name: str, other: str) -> str:
    """Whether the difference between the two is more than luck, in words."""
    difference = abs(first.errors - second.errors)
    if not difference:
        return f"Both get {first.errors:,} wrong."
    better, worse = (name, other) if first.errors < second.errors else (other, name)
    return (
        f"**{better}** gets {difference:,} fewer wrong than **{worse}**. Two equally good networks that "
        f"disagree on as many digits would differ by up to about {luck:.0f} by luck alone: this is "
        f"{'more than that.' if difference > luck else 'no more than that.'}"
    )


navigation.require_router()
trained = session.network_or_stop()

st.title("Mistakes")
say_what_was_read(trained)
answers = read(trained)
show_headline(answers)
show_confusion(answers)
show_worst(answers)
show_classes(answers)
show_comparison(trained, answers)
