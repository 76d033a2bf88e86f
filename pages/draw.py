"""Draw: a digit on a canvas, and what every network reads in it."""

from __future__ import annotations

from html import escape

import streamlit as st
from PIL import Image
from streamlit.delta_generator import DeltaGenerator
from streamlit_drawable_canvas import st_canvas
from torch import Tensor

from pages.parts import canvas, keep, navigation, session, why
from s5core import words
from s5core.drawing import fit, photo, reading, sketch
from s5core.drawing.fit import BlankError, DigitError, Ink
from s5core.drawing.reading import Reading
from s5core.drawing.sketch import EMPTY, Sketch
from s5core.errors import UserError
from s5core.views import picture
from s5core.views.answers import class_probabilities

CANVAS, PHOTO = "Draw", "Use a photograph"
PEN, ERASER = "Pen", "Eraser"
PEN_WIDTH = 20  # pixels of the canvas
SEEN_SIZE = 168  # CSS pixels of the 28x28 picture: 6 for one
KEPT = 30  # sketches that can be undone

NO_DIGIT = (
    "There is no digit yet. Draw a large one on the canvas, or take one of the hard digits: what the "
    "networks receive and what they answer will stand here."
)
NO_PHOTO = (
    "There is no digit yet. Choose a picture of one on paper: what the networks receive and what they "
    "answer will stand here."
)
NOT_CENTRED = (
    "The picture is now merely shrunk. The networks have only seen digits of about one size near "
    "the middle, so a small one in a corner is strange to them."
)

NOT_SURE = "It may be written in a way that the networks have not seen, or be no digit at all."


def sketches() -> list[Sketch]:
    """What stood on the canvas, the present sketch last."""
    return st.session_state.setdefault("sketches", [EMPTY])


def put(new: Sketch) -> None:
    """Put a sketch on the canvas."""
    st.session_state.sketches = [*sketches()[-KEPT:], new]
    use_new_canvas()


def undo() -> None:
    """Go back to the sketch before."""
    st.session_state.sketches = sketches()[:-1] or [EMPTY]
    use_new_canvas()


def put_hard_digit() -> None:
    """Put the prepared digit that was chosen on the canvas, in the chosen pen's width."""
    if name := st.session_state.hard_digit:
        put(sketch.hard_digit(name, st.session_state.pen_width))
    st.session_state.hard_digit = None  # so that the same one can be chosen again


def use_new_canvas() -> None:
    """A canvas keeps its own strokes: only one with another key starts from what we give it."""
    st.session_state.canvas = st.session_state.get("canvas", 0) + 1
    st.session_state.start = sketches()[-1].drawing


def show_canvas(pen_width: int, colour: str) -> None:
    """The canvas; what is drawn on it is the last of `sketches()` afterwards."""
    if f"canvas-{st.session_state.get('canvas')}" not in st.session_state:
        use_new_canvas()  # the first one, or another page was open and the old one is gone
    result = st_canvas(
        stroke_width=pen_width,
        stroke_color=colour,
        background_color=sketch.PAPER,
        width=sketch.SIDE,
        height=sketch.SIDE,
        initial_drawing=st.session_state.start,
        return_image_data=True,
        key=f"canvas-{st.session_state.canvas}",
    )
    image = result.image_data
    if image is not None and result.json_data != sketches()[-1].drawing:
        st.session_state.sketches = [*sketches()[-KEPT:], sketch.of_canvas(result.json_data, image)]


def draw(tools: DeltaGenerator) -> Sketch:
    """The canvas, and what is on it; what is seldom changed stands in `tools`."""
    with tools:
        pen_width = st.slider(
            "Width",
            8,
            40,
            PEN_WIDTH,
            format="%d px",
            key="pen_width",
            persist_state="session",
            help="The width of the next stroke, in pixels of the canvas.",
        )
        st.selectbox(
            "Hard digits",
            list(sketch.HARD),
            index=None,
            placeholder="Choose one to try",
            key="hard_digit",
            on_change=put_hard_digit,
            filter_mode=None,
            help="Ways to write a digit that some networks find hard; you can go on drawing on them.",
        )
    paper = st.container(gap=None)  # drawn later, as the tool below it sets its pen
    below = st.container(horizontal=True, gap="xsmall", vertical_alignment="center")
    with below:
        tool = st.segmented_control(
            "Tool",
            [PEN, ERASER],
            default=PEN,
            required=True,
            key="tool",
            persist_state="session",
            label_visibility="collapsed",
        )
    with paper:
        canvas.remove_tools()
        show_canvas(pen_width, sketch.PEN if tool == PEN else sketch.PAPER)
    with below:  # drawn last, as the newest stroke can be undone, too
        st.button(
            "Undo",
            on_click=undo,
            disabled=len(sketches()) == 1,
            width="stretch",
            help="Take back the last stroke.",
        )
        st.button("Clear", on_click=put, args=(EMPTY,), width="stretch", help="Empty the canvas.")
    return sketches()[-1]


def keep_photograph() -> None:
    """Remember the upload: its widget forgets it while the canvas is shown."""
    st.session_state.photo = st.session_state.photo_upload


def photograph() -> Ink | None:
    """The ink on a photograph that is uploaded; None before."""
    st.file_uploader(
        "A digit on paper",
        # No `type`: what is no picture is refused in a sentence, not in a row that leaves the old answer.
        key="photo_upload",
        on_change=keep_photograph,
        help="One digit, written with a thick pen, that fills most of the picture.",
    )
    upload = st.session_state.get("photo")
    if upload is None:
        return None
    image = photo.open_image(upload.getvalue(), upload.name)
    st.image(on_grey(image), width="stretch", caption="The photograph")
    return photo.ink(image)


def on_grey(photo: Image.Image) -> Image.Image:
    """The picture without its transparency: on grey, both black and white on nothing are seen."""
    if not photo.has_transparency_data:
        return photo.convert("RGB")
    opaque = Image.new("RGBA", photo.size, "#808080")
    opaque.alpha_composite(photo.convert("RGBA"))
    return opaque.convert("RGB")


def show_answer(name: str, answer: Reading, doubt: str | None) -> None:
    """The chosen network's answer, to be read from the back of the room, and why it is in doubt."""
    verdict, mark, whose = ("guesses", "?", "says: ") if doubt else ("reads", "", "")
    st.html(
        f'<div role="status">{escape(name)} {verdict}<br>'
        f'<span style="font-size: 7rem; font-weight: 700; line-height: 1.1">{answer.answer}{mark}</span><br>'
        f'<span style="font-size: 1.5rem">{whose}{words.probability(answer.confidence)} sure</span></div>'
    )
    if doubt:
        st.warning(f"**Not sure.** {doubt} {NOT_SURE}")


def show_seen(field: Tensor) -> None:
    """The picture that all networks are given."""
    with st.container(width=SEEN_SIZE):
        st.image(
            picture.data_url(picture.enlarge(picture.paint(field[0, 0], picture.INK, 0, 255), 2 * SEEN_SIZE)),
            width=SEEN_SIZE,
            alt="The digit as the networks receive it.",
        )
        st.caption("What the networks receive: 28 × 28 pixels.")


def show_all_answers(answers: dict[str, Reading], chosen: str) -> None:
    """What every network reads in the same picture."""
    st.subheader("Every network's answer", help="All of them are given the same 28 × 28 pixels.")
    st.table(
        {
            "Network": [f"**{name}** (chosen)" if name == chosen else name for name in answers],
            "Answer": [f"**{answer.answer}**" for answer in answers.values()],
            "Confidence": [words.probability(answer.confidence) for answer in answers.values()],
            "Next best": [
                f"{answer.runner_up}: {words.probability(answer.probabilities[answer.runner_up])}"
                for answer in answers.values()
            ],
        },
        border="horizontal",
        hide_index=True,
    )
    st.caption(
        "Confidence is the probability that a network gives its own answer. Near 10 % it is guessing; "
        "even a sure network can be wrong."
    )


def show_reading(field: Tensor, answers: dict[str, Reading], chosen: str, known: bool) -> None:
    """What the networks receive, and what the chosen one makes of it. `known`: whether it looks
    to that one like a digit."""
    with st.container(horizontal=True):
        show_seen(field)
        with st.container():
            if chosen in answers:
                show_answer(chosen, answers[chosen], reading.doubt(answers, chosen, known))
            else:
                st.info(f"**{chosen}** is not trained yet: choose another network at the left.")
    if chosen in answers:
        st.page_link("pages/inside.py", label="Follow it through the network")


def show_probabilities(answer: Reading, name: str) -> None:
    """What one network finds of all ten digits."""
    st.altair_chart(class_probabilities(answer.probabilities), width="stretch")
    st.caption(f"How probable **{name}** finds each digit, in percent. The ten bars sum to 100.")


def choose_digit(tools: DeltaGenerator) -> Tensor:
    """The digit as the networks receive it. Raises DigitError, BlankError where there is none yet."""
    source = st.segmented_control(
        "Digit from",
        [CANVAS, PHOTO],
        default=CANVAS,
        required=True,
        key="source",
        help="Draw with mouse, pen or finger, or show a picture of a digit on paper.",
    )
    try:
        given = draw(tools) if source == CANVAS else photograph()
    finally:  # the switch stays where it is when a photograph cannot be read
        with tools:
            center = show_centring()
    if given is None:
        raise BlankError
    return fit.of_sketch(given, center) if isinstance(given, Sketch) else fit.of_ink(given, center)


def show_centring() -> bool:
    """Whether the digit is brought to the form of MNIST's digits."""
    center = st.toggle(
        "Centre the digit",
        value=True,
        key="center",
        persist_state="session",
        help="Scale the digit to 20 pixels, move its centre of mass to the middle, and draw its strokes "
        "as thick as those that the networks know.",
    )
    if not center:
        st.caption(NOT_CENTRED)
    return center


@st.fragment
def show() -> None:
    """The page below its first words. A stroke reruns no more than this."""
    try:
        # Before the first stroke needs them.
        models, chosen, trained = session.readers(), session.network_name(), session.network()
        familiar = session.familiarity(trained) if trained else None
    except UserError as error:
        st.error(str(error))
        return
    # Side by side, or on a phone one below the other: the answer next to the canvas, tools next.
    with st.container(horizontal=True, gap="medium"):
        paper, answered = st.container(width=sketch.SIDE), st.container()
    with st.container(horizontal=True, gap="medium"):
        tools, compared = st.container(width=sketch.SIDE), st.container()
    try:
        with paper:
            field = choose_digit(tools)
    except DigitError as error:
        session.keep_drawing(None)
        with answered:
            if isinstance(error, BlankError):
                st.info(NO_DIGIT if st.session_state.source == CANVAS else NO_PHOTO)
            else:
                st.warning(str(error))
        return
    session.keep_drawing(field)
    answers = reading.read_digit(models, field)
    with answered:
        show_reading(field, answers, chosen, familiar is None or familiar.knows(models[chosen], field))
    with compared:
        if chosen in answers:
            show_probabilities(answers[chosen], chosen)
        keep.show(sketches()[-1] if st.session_state.source == CANVAS else None)
        show_all_answers(answers, chosen)
    if chosen in answers:
        why.show(models[chosen], answers[chosen], field)


navigation.require_router()
st.title("Draw")
st.write("Draw one digit and see at once what each network reads, and how sure it is.")
show()
