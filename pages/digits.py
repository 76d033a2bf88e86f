"""Our digits: what the class has drawn and kept, and how well each network reads it."""

from __future__ import annotations

import streamlit as st

from pages.parts import choice, keys, matrix, messages, navigation
from pages.parts.digits import accuracy, deletion, tiles, transfer
from pages.parts.digits.accuracy import Answers
from s5core.drawing import class_set
from s5core.drawing.class_set import MAX_DIGITS, ClassSet
from s5core.errors import UserError
from s5core.evaluate import Evaluation
from s5core.layers import CLASSES
from s5core.runs import catalogue, folder
from s5core.runs.catalogue import NamedNetwork
from s5core.words import count, digit

FEW = 60  # digits in the gallery until more are asked for
PREVIEW = 12  # digits of a cell of the confusion matrix
PAIRS = 5  # confusions that are named
PULSE = 3  # seconds between two looks for new digits

PRIVACY = (
    "**What is kept of a digit:** its strokes, the digit that was meant, the nickname if you gave one, and "
    "the time. Nothing else is kept: no name, no address, no photograph.\n\n"
    "**Where it is kept:** in one file for each digit, on the computer that runs this app, in `{folder}`. It "
    "is sent nowhere else, and it stays until somebody deletes it here. The digits of the last deletion stay "
    "on the disk until the next one, or until somebody removes them here.\n\n"
    "**Who can see it:** everybody who can open this app can see all digits with their nicknames, and can "
    "download and delete them. So choose a nickname that only your class understands."
)


def read(digits: ClassSet) -> Answers:
    """What every network reads in the set: the chosen run first, then the steps in their order. Raises
    UserError when the weights of one cannot be read."""
    readers = choice.readers()
    order = [step.id for step in catalogue.steps()]
    networks = sorted(readers, key=lambda each: -1 if each.is_run else order.index(each.id))
    return {network: readers[network].reader.read(digits) for network in networks}


@st.fragment(run_every=PULSE)
def watch(shown: int) -> None:
    """Draw the page again when somebody has kept or deleted a digit since that version."""
    if class_set.version() != shown:
        st.rerun()


def show_nothing() -> None:
    """What to do while the set is empty."""
    st.info(
        "There is no digit yet. Draw one, say which digit you meant, and press **Keep it**. It will appear "
        "here at once, for everybody who has this page open."
    )
    st.page_link("pages/draw.py", label="Draw the first digit")


def show_gallery(digits: ClassSet, answer: Evaluation | None, chosen: NamedNetwork) -> None:
    """The digits as the networks see them, the newest first."""
    st.header("The digits")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.pills(
            "Show only",
            range(CLASSES),
            key=keys.DIGITS_LABEL,
            persist_state="session",
            help="Only digits that were meant as this one.",
        )
        misread = answer is not None and st.toggle(
            "Only misread ones",
            key=keys.DIGITS_MISREAD,
            persist_state="session",
            help="Only digits in which the chosen network reads another digit than was meant.",
        )
    found = [
        i
        for i, each in reversed(list(enumerate(digits.digits)))
        if label in (None, each.label) and not (misread and answer and not answer.wrong[i])
    ]
    if not found:
        st.info("There is no such digit.")
        return
    everything = len(found) > FEW and st.toggle(f"Show all {len(found):,}", key=keys.DIGITS_ALL)
    tiles.show(digits, found if everything else found[:FEW], answer)
    if answer is None:
        st.caption(f"**{chosen.marked_short}** is not trained yet, so no answers are shown here.")
        return
    more = "" if everything or len(found) <= FEW else f" The newest {FEW} of {len(found):,} are shown."
    st.caption(
        "Each digit as the networks see it. Below it: its number, the digit that was meant, who drew it, "
        f"and what **{chosen.marked_short}** reads, with its confidence. Misread digits have a ✗ and a thick "
        f"frame.{more}"
    )


@st.fragment
def show_confusion(digits: ClassSet, answer: Evaluation, chosen: NamedNetwork) -> None:
    """Which digits the chosen network confuses, and the digits of one cell."""
    st.header("Which digits are confused")
    st.write(_pairs(answer, chosen.marked_short))
    first = int(answer.labels[0]), int(answer.predictions[0])
    true, said = st.session_state.get(keys.DIGITS_CELL) or answer.commonest_error() or first
    left, right = st.columns([3, 2], gap="large")
    with left:
        matrix.show(
            answer,
            (true, said),
            _take_cell,
            alt=f"Confusion matrix: {answer.errors:,} of our {len(answer.labels):,} digits are misread. "
            f"A frame marks the cell of the {true}s that are read as {said}.",
        )
        st.caption(
            "Each row is the digit that was meant, each column the digit that was read. Click a cell to see "
            "its digits."
        )
    with right:
        indices = answer.cell(true, said).tolist()
        if not indices:
            st.info(f"No {true} is read as {digit(said)}. Choose a cell with a number in it.")
            return
        st.write(f"**{len(indices):,}** of the {true}s read as {said}:")
        tiles.show(digits, indices[:PREVIEW], answer)
        if len(indices) > PREVIEW:
            st.caption(f"The first {PREVIEW} of {len(indices):,}.")


def _pairs(answer: Evaluation, name: str) -> str:
    """The most frequent confusions of a network in words; `name` and they are Markdown."""
    counts = answer.confusion().fill_diagonal_(0).tolist()
    pairs = [
        (number, true, said) for true, row in enumerate(counts) for said, number in enumerate(row) if number
    ]
    if not pairs:
        return f"**{name}** reads every one of our digits as it was meant."
    most = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:PAIRS]
    listed = ", ".join(f"{true} as {said} ({number}×)" for number, true, said in most)
    return f"**{name}** misreads {listed}{' and others' if len(pairs) > len(most) else ''}."


def _take_cell(cell: matrix.Cell) -> None:
    st.session_state[keys.DIGITS_CELL] = cell


def show_privacy() -> None:
    """What is kept, where, and who can see it."""
    with st.expander("What is kept of a digit, and who can see it"):
        st.write(PRIVACY.format(folder=f"{folder.home().name}/{class_set.home().name}"))


def show() -> None:
    """The page below its first words."""
    version = class_set.version()
    watch(version)
    digits = class_set.load()
    deletion.show_undo()
    if digits.damaged:
        names = ", ".join(f"`{name}`" for name in digits.damaged)
        st.warning(f"These files are damaged and left out: {names}. **Delete all** removes them, too.")
    if not digits.digits:
        show_nothing()
        if digits.damaged:
            deletion.show(digits)
        transfer.show(digits, {})
        show_privacy()
        return
    in_set = count(len(digits.digits), "digit")
    try:
        with st.spinner(f"Reading {in_set} …"):
            answers, chosen = read(digits), choice.network()
    except UserError as error:
        messages.complain(error)
        return
    st.caption(f"{in_set} so far, out of {MAX_DIGITS:,} at the most. New digits appear by themselves.")
    accuracy.show(answers, chosen)
    show_gallery(digits, answers.get(chosen), chosen)
    if chosen in answers:
        show_confusion(digits, answers[chosen], chosen)
    transfer.show(digits, answers)
    deletion.show(digits)
    show_privacy()


navigation.require_router()
st.title("Our digits")
st.write(
    "The digits that this class has drawn and kept on the page **Draw**, and what each network reads in them."
)
show()
