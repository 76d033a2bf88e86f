"""Draw: a digit on a canvas, and what every network reads in it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from torch import Tensor

from pages.parts import canvas, choice, keys, messages, navigation, verdict
from pages.parts.draw import keep, layout, photograph, why
from pages.parts.verdict import Answers, Readers
from s5core.drawing import fit
from s5core.drawing.fit import BlankError, DigitError
from s5core.drawing.reading import Reading
from s5core.drawing.sketch import Sketch
from s5core.errors import UserError
from s5core.runs.catalogue import NamedNetwork
from s5core.views import picture
from s5core.views.answers import class_probabilities
from s5core.words import message, percent, probability

CANVAS, PHOTO = "Draw", "Use a photograph"
SEEN_SIZE = 168  # CSS pixels of the 28x28 picture: 6 for one

NO_DIGIT = (
    "There is no digit yet. Draw a large one on the canvas, or choose one of the hard digits. What the "
    "networks receive and what they answer will appear here."
)
NO_PHOTO = (
    "There is no digit yet. Choose a picture of a digit on paper. What the networks receive and what they "
    "answer will appear here."
)
NOT_CENTRED = (
    "The picture is now merely shrunk. The networks have only seen digits of about one size near the middle, "
    "so they may misread a small digit in a corner."
)


def choose_digit(tools: DeltaGenerator) -> tuple[Tensor, Sketch | None]:
    """The digit as the networks receive it, and the sketch that it comes from, if it is drawn.
    Raises DigitError, BlankError where there is none yet."""
    source = st.segmented_control(
        "Digit from",
        [CANVAS, PHOTO],
        default=CANVAS,
        required=True,
        key=keys.DRAW_SOURCE,
        help="Draw with mouse, pen or finger, or upload a picture of a digit on paper.",
    )
    if source == CANVAS:
        with tools:
            canvas.choose_pen_width()
            canvas.offer_hard_digits()
        drawn = canvas.show()
        with tools:
            center = choose_centring()
        return fit.of_sketch(drawn, center), drawn
    with tools:  # the switch is shown even when a photograph cannot be read
        center = choose_centring()
    field = photograph.show(center)
    if field is None:
        raise BlankError
    return field, None


def choose_centring() -> bool:
    """Whether the digit is brought into the form of MNIST's digits."""
    center = st.toggle(
        "Centre the digit",
        value=True,
        key=keys.DRAW_CENTER,
        persist_state="session",
        help="Scales the digit to 20 pixels, moves its centre of mass to the middle, and draws its strokes "
        "as thick as those of MNIST's digits.",
    )
    if not center:
        st.caption(NOT_CENTRED)
    return center


def show_reading(field: Tensor, readers: Readers, answers: Answers, chosen: NamedNetwork) -> None:
    """What the networks receive, and what the chosen network reads."""
    with st.container(horizontal=True):
        show_seen(field)
        answered = st.container()
    doubts = st.container()
    with answered:
        if chosen in answers:
            verdict.show(chosen, chosen.short, readers, answers, field, doubts)
            st.page_link("pages/inside.py", label="Follow it inside")
        else:
            st.info(f"**{chosen.marked_short}** is not trained yet. Choose another network in the sidebar.")
    if chosen in answers:
        show_probabilities(answers[chosen], chosen.marked_short)


def show_seen(field: Tensor) -> None:
    """The picture that all networks receive."""
    with st.container(width=SEEN_SIZE):
        st.image(
            picture.data_url(picture.enlarge(picture.paint(field[0, 0], picture.INK, 0, 255), 2 * SEEN_SIZE)),
            width=SEEN_SIZE,
            alt="The digit as the networks receive it.",
        )
        st.caption("What the networks receive: 28 × 28 pixels.")


def show_probabilities(answer: Reading, name: str) -> None:
    """The probability that one network gives to each of the ten digits. `name`: of the network, as
    Markdown."""
    st.vega_lite_chart(
        class_probabilities(answer.probabilities, height=170),
        width="stretch",
        alt=f"Bars: the probability of each digit. The answer {answer.answer} has "
        f"{probability(answer.confidence)}.",
    )
    st.caption(f"The probability that **{name}** gives to each digit.")


def show_all_answers(answers: Answers, chosen: NamedNetwork) -> None:
    """What every network reads in the same picture."""
    st.subheader("Every network's answer", help="All of them receive the same 28 × 28 pixels.")
    st.table(
        {
            "Network": [
                f"**{each.marked_label}** (chosen)" if each == chosen else each.marked_label
                for each in answers
            ],
            "Answer": [f"**{answer.answer}**" for answer in answers.values()],
            "Confidence": [probability(answer.confidence) for answer in answers.values()],
            "Second choice": [
                f"{answer.runner_up}: {probability(answer.probabilities[answer.runner_up])}"
                for answer in answers.values()
            ],
        },
        border="horizontal",
        hide_index=True,
    )
    st.caption(
        "Confidence is the probability that a network gives to its own answer. Near "
        f"{percent(10, 0)} the network only guesses, and even a sure network can be wrong."
    )


@st.fragment
def show() -> None:
    """The page below its first words. A stroke reruns no more than this."""
    try:  # before the first stroke needs them
        chosen, readers = choice.network(), choice.readers()
    except UserError as error:
        messages.complain(error)
        return
    paper, answered, tools, compared = layout.parts()
    try:
        with paper:
            field, drawn = choose_digit(tools)
    except DigitError as error:
        choice.keep_drawing(None)
        with answered:
            if isinstance(error, BlankError) and st.session_state[keys.DRAW_SOURCE] == CANVAS:
                st.info(NO_DIGIT)
            elif isinstance(error, BlankError) and st.session_state.get(keys.DRAW_PHOTO) is None:
                st.info(NO_PHOTO)
            else:
                st.warning(message(str(error)))
        return
    choice.keep_drawing(field)
    answers = verdict.read(readers, field)
    with answered:
        show_reading(field, readers, answers, chosen)
    with compared:
        keep.show(drawn)
        show_all_answers(answers, chosen)
    if chosen in answers:
        why.show(readers[chosen].model, answers[chosen], field)


navigation.require_router()
st.title("Draw")
st.write("Draw one digit and see at once what each network reads, and how sure it is.")
show()
