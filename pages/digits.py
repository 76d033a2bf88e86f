"""Our digits: what the class has drawn and kept, and how well each network reads it."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st
from torch import nn

from pages.parts import keep, matrix, navigation, session
from s5core import steps
from s5core.drawing import class_set
from s5core.drawing.class_set import MAX_DIGITS, ClassDigits, Reader
from s5core.errors import UserError
from s5core.evaluate import Evaluation, compare_answers
from s5core.layers import CLASSES
from s5core.runs import folder
from s5core.views.answers import accuracy_intervals
from s5core.views.gallery import gallery

FEW = 60  # digits in the gallery until more are asked for
PREVIEW = 12  # digits of a cell of the confusion matrix
NO_BREAK = "\N{NO-BREAK SPACE}"  # keeps a figure and what belongs to it on one line
PULSE = 3  # seconds between two looks for new digits

PRIVACY = (
    "**What is kept of a digit:** its strokes, the digit that was meant, the nickname if one was given, "
    "and the time. Nothing else: no name, no address, no photograph.\n\n"
    "**Where:** in a file for each digit on the computer that runs this app, in `{folder}`. It is sent "
    "nowhere else, and stays until it is deleted here.\n\n"
    "**Who can see it:** everybody who can open this app sees all digits with their nicknames, can "
    "download and can delete them. So choose a nickname that only your class understands."
)


@st.cache_resource(max_entries=64, show_spinner=False)
def _reader(model_id: int, _model: nn.Module) -> Reader:
    return Reader(_model)  # it holds the model, or another one could get its id


def read(digits: ClassDigits) -> dict[str, Evaluation]:
    """What every network reads in the set, by name, in the order of the steps; a run comes
    first. Raises UserError when the chosen network cannot be opened."""
    models = session.readers()
    order = [step.label for step in steps.STEPS.values()]
    names = sorted(models, key=lambda name: order.index(name) if name in order else -1)
    return {name: _reader(id(models[name]), models[name]).read(digits) for name in names}


@st.fragment(run_every=PULSE)
def watch(shown: int) -> None:
    """Draw the page anew when somebody has kept or deleted a digit since that version."""
    if class_set.version() != shown:
        st.rerun()


def show_nothing() -> None:
    """What to do while the set is empty."""
    st.info(
        "There is no digit yet. Draw one, say which digit you meant, and press **Keep it**: it will "
        "stand here at once, for everybody who has opened this page."
    )
    st.page_link("pages/draw.py", label="Draw the first digit")


def show_accuracies(answers: dict[str, Evaluation], chosen: str) -> None:
    """Which network reads the class best, and how far that can be trusted."""
    st.subheader("Which network reads us best?")
    st.write(_verdict(answers))
    st.altair_chart(
        accuracy_intervals(answers, chosen),
        width="stretch",
        alt="For each network the share of our digits that it reads right, with its 95 % interval.",
    )
    count = len(next(iter(answers.values())).labels)
    st.caption(
        "A point is the share of our digits that a network reads right, the line through it the 95 % "
        "interval (Wilson): where the share for very many digits like these may lie, as far as "
        f"{keep.counted(count)} can tell. Lines that overlap much show no difference. "
        f"The filled point is **{chosen}**."
    )
    mnist = _on_mnist()
    st.table(
        {
            "Network": [f"**{name}** (chosen)" if name == chosen else name for name in answers],
            "Read right": [
                f"{_right(each):,} of {count:,}".replace(" ", NO_BREAK) for each in answers.values()
            ],
            "Accuracy": [_percent(each.accuracy) for each in answers.values()],
            "95 % interval": [
                f"{each.interval[0]:.1f} to {_percent(each.interval[1])}" for each in answers.values()
            ],
            "MNIST's test digits": [mnist.get(name, "–") for name in answers],
        },
        border="horizontal",
        hide_index=True,
    )
    st.caption(
        "The last column is how well the same network reads MNIST's test digits, which were written with "
        "pens on paper, cleaned and sorted. Ours are drawn with mice and fingers by other people, and "
        "some are meant to be hard: no network has practised on them."
    )


def _right(answers: Evaluation) -> int:
    return len(answers.labels) - answers.errors


def _percent(number: float) -> str:
    return f"{number:.1f}{NO_BREAK}%"


def _on_mnist() -> dict[str, str]:
    """The accuracy on MNIST's test digits by the network's name, where it was measured on them."""
    named = {step.label: session.shipped(step.name) for step in steps.STEPS.values()}
    named.setdefault(session.network_name(), session.network())
    return {
        name: f"{trained.accuracy:.2f}{NO_BREAK}%"
        for name, trained in named.items()
        if trained is not None and trained.data == "MNIST"
    }


def _verdict(answers: dict[str, Evaluation]) -> str:
    """The best network and its lead over the next, in words."""
    ranking = sorted(answers, key=lambda name: answers[name].errors)
    best, *others = ranking
    first = answers[best]
    count = len(first.labels)
    level = [name for name in ranking if answers[name].errors == first.errors]
    if len(level) == len(ranking):
        return f"All networks read equally many right, {_right(first):,} of {count:,}: no difference yet."
    if len(level) > 1:
        names = ", ".join(f"**{name}**" for name in level)
        return f"{names} read most: {_right(first):,} of {keep.counted(count)} each."
    second = answers[others[0]]
    lead, luck = second.errors - first.errors, compare_answers(first, second).luck
    return (
        f"**{best}** reads most: {_right(first):,} of {keep.counted(count)}. **{others[0]}** comes next with "
        f"{_right(second):,}. Two equally good networks would differ by up to about {luck:.0f} by luck "
        f"alone: a lead of {lead:,} is {'more than that.' if lead > luck else 'no more than that.'}"
    )


def show_gallery(digits: ClassDigits, answer: Evaluation | None, chosen: str) -> None:
    """The digits as the networks see them, the newest first."""
    st.subheader("The digits")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.pills(
            "Show only",
            range(CLASSES),
            key="class_label",
            persist_state="session",
            help="Digits that were meant as this one.",
        )
        misread = answer is not None and st.toggle(
            "Only misread ones",
            key="class_misread",
            persist_state="session",
            help="Digits in which the chosen network reads another digit than was meant.",
        )
    found = [
        i
        for i, each in reversed(list(enumerate(digits.digits)))
        if label in (None, each.label) and not (misread and answer and not answer.wrong[i])
    ]
    if not found:
        st.info("There is no such digit.")
        return
    everything = len(found) > FEW and st.toggle(f"Show all {len(found):,}", key="class_all")
    show_digits(digits, found if everything else found[:FEW], answer)
    if answer is None:
        st.caption(f"**{chosen}** is not trained yet, so that nothing is marked here.")
        return
    more = "" if everything or len(found) <= FEW else f" The newest {FEW} of {len(found):,}."
    st.caption(
        "Each digit as the networks see it; under it its number, what was meant and by whom, and what "
        f"**{chosen}** reads how surely. What it misreads has a ✗ and a thick frame.{more}"
    )


def show_digits(digits: ClassDigits, indices: list[int], answer: Evaluation | None) -> None:
    """Some digits with their numbers, labels and nicknames, and what is read in them."""
    wrong = [] if answer is None else answer.wrong.tolist()
    captions = [
        f"{number(digits, i)}\n{'✗ misread' if wrong[i] else 'read'} as {answer.answer(i)}"
        if answer
        else number(digits, i)
        for i in indices
    ]
    framed = {place for place, i in enumerate(indices) if answer and wrong[i]}
    st.html(gallery(digits.images[indices], captions, framed=framed))


def number(digits: ClassDigits, index: int) -> str:
    """A digit as lists name it: "#12: 7 by Ada"."""
    return f"#{index + 1}: {digits.digits[index].name}"


@st.fragment
def show_confusion(digits: ClassDigits, answer: Evaluation, chosen: str) -> None:
    """What the chosen network takes for what, and the digits of one cell."""
    st.subheader("What is taken for what")
    st.write(_pairs(answer, chosen))
    first = int(answer.labels[0]), int(answer.predictions[0])
    true, said = st.session_state.get("class_cell") or answer.commonest_error() or first
    left, right = st.columns([3, 2], gap="large")
    with left:
        matrix.show(
            answer,
            (true, said),
            _take_cell,
            alt="Confusion matrix: how many of our digits that were meant as one were read as which.",
        )
        st.caption("Each row is what was meant, each column what was read. Click a cell to see its digits.")
    with right:
        indices = answer.cell(true, said).tolist()
        if not indices:
            st.info(f"No {true} is read as a {said}. Choose a cell with a number in it.")
            return
        st.write(f"**{len(indices):,}** of the {true}s read as {said}:")
        show_digits(digits, indices[:PREVIEW], answer)
        if len(indices) > PREVIEW:
            st.caption(f"The first {PREVIEW} of {len(indices):,}.")


def _pairs(answer: Evaluation, chosen: str) -> str:
    """The commonest confusions of a network in words."""
    counts = answer.confusion().fill_diagonal_(0).tolist()
    pairs = [
        (count, true, said) for true, row in enumerate(counts) for said, count in enumerate(row) if count
    ]
    if not pairs:
        return f"**{chosen}** reads every one of our digits as it was meant."
    most = sorted(pairs, key=lambda pair: (-pair[0], pair[1:]))[:5]
    listed = ", ".join(f"{true} as {said} ({count}×)" for count, true, said in most)
    return f"**{chosen}** confuses {listed}{' and others' if len(pairs) > len(most) else ''}."


def _take_cell(cell: matrix.Cell) -> None:
    st.session_state.class_cell = cell


def show_export(digits: ClassDigits, answers: dict[str, Evaluation]) -> None:
    """The set as a file."""
    st.subheader("Take them with you")
    st.download_button(
        f"Download {keep.counted(len(digits.digits))}",
        lambda: class_set.archive(digits, answers),
        "class_digits.zip",
        "application/zip",
        on_click="ignore",
        help="A ZIP file: each digit as the networks see it (28 × 28) and as a drawing (280 × 280), and a "
        "table with what each network reads in it.",
    )


def show_deletion(digits: ClassDigits) -> None:
    """Delete some digits or all, each with a second click."""
    st.subheader("Delete digits")
    by_id = {each.id: i for i, each in enumerate(digits.digits)}
    kept = [id for id in st.session_state.get("class_chosen", []) if id in by_id]
    st.session_state.class_chosen = kept  # others may have deleted some in between
    chosen = st.multiselect(
        "Digits to delete",
        list(reversed(by_id)),
        format_func=lambda id: number(digits, by_id[id]),
        key="class_chosen",
        placeholder="Choose digits by their numbers",
        help="The numbers stand under the digits above.",
    )
    st.caption("Numbers count from the oldest digit: when one is deleted, those after it move up.")
    if chosen:
        show_digits(digits, [by_id[id] for id in chosen], None)
    with st.container(horizontal=True):
        with st.popover("Delete the chosen …", disabled=not chosen):
            st.write(f"{keep.counted(len(chosen))} will be gone for good.")
            st.button("Yes, delete", key="delete_chosen", on_click=_delete, args=(chosen,))
        with st.popover("Delete all …"):
            st.write(f"{keep.counted(len(by_id))} will be gone for good. Download them first to keep a copy.")
            st.button("Yes, delete all", key="delete_all", on_click=_delete, args=(None,))


def _delete(ids: Iterable[str] | None) -> None:
    """Delete these digits; None stands for all of them."""
    try:
        if ids is None:
            class_set.delete_all()
        else:
            class_set.delete(ids)
    except OSError as error:
        st.session_state.delete_trouble = f"The digits could not be deleted: {error.strerror}."


def show_privacy() -> None:
    """What is kept, where, and who can see it."""
    with st.expander("What is kept of a digit, and who can see it", expanded=True):
        st.write(PRIVACY.format(folder=f"{folder.home().name}/{class_set.home().name}"))


def show() -> None:
    """The page below its first words."""
    version = class_set.version()
    watch(version)
    digits = class_set.load()
    if trouble := st.session_state.pop("delete_trouble", None):
        st.error(trouble)
    if digits.damaged:
        names = ", ".join(f"`{name}`" for name in digits.damaged)
        st.warning(f"Damaged, and left out: {names}. **Delete all** removes them as well.")
    if not digits.digits:
        show_nothing()
        if digits.damaged:
            show_deletion(digits)
        show_privacy()
        return
    try:
        with st.spinner(f"Reading {keep.counted(len(digits.digits))} …"):
            answers, chosen = read(digits), session.network_name()
    except UserError as error:
        st.error(str(error))
        return
    st.caption(
        f"{keep.counted(len(digits.digits))} of {MAX_DIGITS:,} at the most. New ones come by themselves."
    )
    show_accuracies(answers, chosen)
    show_gallery(digits, answers.get(chosen), chosen)
    if chosen in answers:
        show_confusion(digits, answers[chosen], chosen)
    show_export(digits, answers)
    show_deletion(digits)
    show_privacy()


navigation.require_router()
st.title("Our digits")
st.write(
    "Digits that this class has drawn and kept on the page **Draw**, and what each network makes of them."
)
show()
