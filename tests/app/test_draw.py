"""Page "Draw" without a browser: the canvas is an unknown element here, so that the drawings
come from the hard digits."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.parts import keys
from s5core import words
from s5core.checkpoint import FOLDER, Checkpoint
from s5core.drawing import photo, sketch
from s5core.events import Metrics
from s5core.layers import Conv, MaxPool, SiLU, build
from s5core.recipe import Recipe
from s5core.runs import folder
from tests.helpers import APP, renewed

NETWORKS = len(list(FOLDER.glob("*.safetensors")))


def open_page(step: str = "step5") -> AppTest:
    test = AppTest.from_file(APP, default_timeout=60)
    test.session_state[keys.NETWORK] = step
    test.switch_page("pages/draw.py").run()
    assert not test.exception
    return test


@pytest.fixture
def app() -> AppTest:
    return open_page()


def click(app: AppTest, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception


def put(app: AppTest, hard_digit: str) -> None:
    app.selectbox(key=keys.CANVAS_HARD_DIGIT).set_value(hard_digit).run()
    assert not app.exception


def answer(app: AppTest) -> int | None:
    """The one in large type."""
    found = [re.search(r"700[^>]*>(\d)\??<", element.proto.body) for element in app.get("html")]
    return next((int(match[1]) for match in found if match), None)


def hints(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.info, *app.warning, *app.error, *app.caption))


def test_an_empty_canvas_is_no_prediction(app):
    assert "no digit yet" in hints(app)
    assert answer(app) is None and not app.table and app.session_state[keys.DRAWING] is None


def test_step_5_reads_a_hard_digit_and_every_network_answers(app):
    put(app, "7 with a bar")
    assert answer(app) == 7
    table = app.table[0].value
    assert table["Network"].iloc[0] == "**5 · Under budget, over target** (chosen)"
    assert table["Answer"].iloc[0] == "**7**"
    assert len(table) == NETWORKS and table["Network"].is_unique
    kept = app.session_state[keys.DRAWING]
    assert kept.shape == (1, 1, 28, 28) and kept.dtype == torch.uint8 and int(kept.max()) > 200


def test_the_chosen_step_comes_first():
    app = open_page("step4")
    put(app, "4, closed")
    table = app.table[0].value
    assert table["Network"].iloc[0].startswith("**4 ·") and table["Network"].is_unique


def test_a_step_without_a_checkpoint_says_so_and_the_others_answer():
    app = open_page("base")
    put(app, "4, closed")
    assert "**The base net** is not trained yet" in hints(app)
    assert answer(app) is None and len(app.table[0].value) == NETWORKS


def test_clear_and_undo(app):
    put(app, "2 with a loop")
    click(app, "Clear")
    assert "no digit yet" in hints(app) and app.session_state[keys.DRAWING] is None
    click(app, "Undo")
    assert answer(app) == 2
    click(app, "Undo")
    assert "no digit yet" in hints(app)
    assert next(button for button in app.button if button.label == "Undo").disabled


def test_without_centring_the_digit_stays_where_it_was_drawn(app):
    put(app, "A small 7 in a corner")
    assert int(app.session_state[keys.DRAWING][0, 0, 14:].sum()) > 0
    app.toggle(key=keys.DRAW_CENTER).set_value(False).run()
    assert int(app.session_state[keys.DRAWING][0, 0, 14:].sum()) == 0
    assert "merely shrunk" in hints(app)


def test_a_drawing_is_still_there_after_a_page_switch(app):
    put(app, "9 like a g")
    app.switch_page("pages/mistakes.py").run()
    app.switch_page("pages/draw.py").run()
    assert answer(app) == 9


def photograph(app: AppTest, name: str, content: bytes, mime: str = "image/png") -> None:
    app.segmented_control[0].set_value("Use a photograph").run()
    upload = next(element for element in app.file_uploader if element.label == "A digit on paper")
    upload.upload(name, content, mime).run()
    assert not app.exception


def test_a_photograph_is_read(app):
    drawn = sketch.hard_digit("3 with a flat top", 20).pixels
    buffer = io.BytesIO()
    Image.fromarray(230 - drawn // 2).save(buffer, "PNG")
    photograph(app, "three.png", buffer.getvalue())
    assert answer(app) == 3


def test_a_photograph_that_is_missing_is_asked_for(app):
    app.segmented_control[0].set_value("Use a photograph").run()
    assert "Choose a picture" in hints(app) and "canvas" not in app.info[0].value


def test_a_photograph_is_still_there_after_a_look_at_the_canvas(app):
    buffer = io.BytesIO()
    Image.fromarray(230 - sketch.hard_digit("3 with a flat top", 20).pixels // 2).save(buffer, "PNG")
    photograph(app, "three.png", buffer.getvalue())
    app.segmented_control(key=keys.DRAW_SOURCE).set_value("Draw").run()
    assert answer(app) is None
    app.segmented_control(key=keys.DRAW_SOURCE).set_value("Use a photograph").run()
    assert answer(app) == 3


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_bad_picture_is_refused_in_a_sentence(app, content):
    photograph(app, "three.png", content)
    assert words.message("three.png is damaged or not a picture") in hints(app) and answer(app) is None


def test_an_empty_page_is_told_from_no_picture(app):
    buffer = io.BytesIO()
    Image.new("L", (400, 400), 255).save(buffer, "PNG")
    photograph(app, "white.png", buffer.getvalue())
    assert not app.info and any("digit" in each.value for each in app.warning)


def test_an_upload_that_is_no_picture_or_too_large_is_refused_in_a_sentence(app):
    photograph(app, "notes.txt", b"four", "text/plain")
    assert words.message("notes.txt is damaged or not a picture") in hints(app)
    photograph(app, "huge.png", bytes(photo.MAX_BYTES + 1))
    assert words.message("huge.png is larger than") in hints(app)


def two_digits() -> bytes:
    """A photograph of a 4 and a 3, side by side."""
    pair = [sketch.hard_digit(name, 20).pixels for name in ("4, open", "3 with a flat top")]
    buffer = io.BytesIO()
    Image.fromarray(230 - np.concatenate(pair, axis=1) // 2).save(buffer, "PNG")
    return buffer.getvalue()


def boxes(app: AppTest) -> bool:
    return "Draw a box around the digit, and" in hints(app)


def test_where_the_digit_is_not_alone_a_box_can_be_drawn_around_it(app):
    photograph(app, "two.png", two_digits())
    assert "several digits" in hints(app) and boxes(app) and answer(app) is None
    assert "What was taken for ink" in hints(app)


def test_a_box_can_be_drawn_on_any_photograph(app):
    buffer = io.BytesIO()
    Image.fromarray(230 - sketch.hard_digit("3 with a flat top", 20).pixels // 2).save(buffer, "PNG")
    photograph(app, "three.png", buffer.getvalue())
    assert not boxes(app)
    app.toggle(key=keys.DRAW_BOX).set_value(True).run()
    assert boxes(app) and answer(app) == 3  # still that of the whole photograph


def test_a_photograph_can_come_from_the_camera(app):
    app.segmented_control[0].set_value("Use a photograph").run()
    assert not app.get("camera_input")
    app.segmented_control(key=keys.DRAW_FROM).set_value("The camera").run()
    assert not app.exception and app.get("camera_input") and not app.file_uploader


def strokes_on(app: AppTest, strokes: list[sketch.Stroke]) -> None:
    """Put a drawing on the canvas."""
    app.session_state[keys.CANVAS_SKETCHES] = [sketch.EMPTY, sketch.of_lines(strokes, 20)]
    app.run()
    assert not app.exception


def test_a_letter_is_in_doubt_as_no_digit(app):
    strokes_on(
        app, [[(60.0, 40.0), (60.0, 240.0)], [(60.0, 140.0), (200.0, 40.0)], [(90.0, 115.0), (200.0, 240.0)]]
    )
    assert "Not sure. This looks like no digit." in hints(app) and answer(app) is not None


def question(app: AppTest) -> str | None:
    """The heading of the section that explains the answer."""
    return next((heading.value for heading in app.subheader if heading.value.startswith("Why")), None)


def reasons(app: AppTest) -> str:
    """The pictures of what counts for what."""
    return next(element.proto.body for element in app.get("html") if "What decides" in element.proto.body)


def test_why_the_answer_and_not_the_runner_up(app):
    put(app, "9 like a g")
    runner_up = re.match(r"\d", app.table[0].value["Second choice"].iloc[0])[0]
    assert question(app) == f"Why a 9 and not {'an' if runner_up == '8' else 'a'} {runner_up}?"
    rivals = app.segmented_control(key=renewed(app, keys.draw_rival(9)))
    assert rivals.options == [str(label) for label in range(9)] and rivals.value == int(runner_up)
    assert reasons(app).count("<img") == 3
    scores = app.table[1].value
    total = [float(text.strip("*").replace("−", "-")) for text in scores["Together"]]
    assert total[0] > total[1] and total[2] == pytest.approx(total[0] - total[1], abs=0.11)


def test_a_chosen_rival_stays_until_the_answer_is_another(app):
    put(app, "9 like a g")
    first = reasons(app)
    rival = 8 if app.segmented_control(key=renewed(app, keys.draw_rival(9))).value != 8 else 5
    app.segmented_control(key=renewed(app, keys.draw_rival(9))).set_value(rival).run()
    article = "an" if rival == 8 else "a"
    assert question(app) == f"Why a 9 and not {article} {rival}?"
    assert f"For {article} {rival}" in reasons(app) and reasons(app) != first
    put(app, "8, not quite closed" if rival == 8 else "5 like an S")  # now the rival is the answer
    runner_up = int(app.table[0].value["Second choice"].iloc[0][0])
    assert (
        answer(app) == rival
        and app.segmented_control(key=renewed(app, keys.draw_rival(rival))).value == runner_up
    )
    click(app, "Undo")
    assert answer(app) == 9 and app.segmented_control(key=renewed(app, keys.draw_rival(9))).value == rival


def test_the_rival_is_the_runner_up_whatever_was_there_before(app):
    put(app, "9 like a g")
    seen = set()
    for step in ("step1", "step2", "step3", "step4", "step5"):
        app.selectbox(key=keys.STEP).set_value(step).run()
        assert answer(app) == 9
        rival = app.segmented_control(key=renewed(app, keys.draw_rival(9))).value
        assert str(rival) == app.table[0].value["Second choice"].iloc[0][0]
        seen.add(rival)
    assert len(seen) > 1


def test_no_digit_and_no_trained_network_is_no_question():
    app = open_page("base")
    assert question(app) is None
    put(app, "4, closed")
    assert question(app) is None


def test_the_network_of_a_run_is_explained(tmp_path):
    layers = (Conv(4), SiLU(), MaxPool(2), Conv(10, kernel=13))
    weights = build(layers, seed=0).state_dict()
    history = (Metrics(1, 1.0, 50.0, 1.0, 50.0, 500, 0.1, 1.0),)
    made = Checkpoint("step5", layers, Recipe(epochs=1), "practice set", history, weights)
    app = AppTest.from_file(APP, default_timeout=60)
    app.session_state[keys.NETWORK] = folder.adopt(made, "step5", "mine").id
    app.switch_page("pages/draw.py").run()
    put(app, "4, closed")
    assert question(app).startswith(f"Why {words.digit(answer(app))} and not")
