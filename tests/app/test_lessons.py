"""The page Lessons: the list, a lesson, and one of a teacher's own."""

from __future__ import annotations

import dataclasses

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import keys
from pages.parts.lessons import author
from s5core import lesson
from s5core.events import Epoch, Finished, Metrics, Started, to_lines
from s5core.runs import folder, people
from s5core.words import escape
from tests.helpers import APP
from tests.test_lesson import long

pytestmark = pytest.mark.usefixtures("nowhere")
POOL = lesson.shipped()["3-the-pool"]


def open_page(text: str = "") -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).switch_page("pages/lessons.py")
    if text:
        app.query_params["lesson"] = text
    app.run()
    assert not app.exception
    return app


def words(app: AppTest) -> str:
    return "\n".join(element.value for element in [*app.title, *app.markdown, *app.code, *app.error])


def test_a_lesson_is_opened_from_the_list_and_left_again() -> None:
    app = open_page()
    shown = words(app)
    assert all(escape(each.title) in shown for each in lesson.shipped().values())
    app.button(key=keys.lesson_open("3-the-pool")).click().run()
    assert app.title[0].value == POOL.title and escape(POOL.question) in words(app)
    assert [button.label for button in app.button].count("Train") == 3
    next(button for button in app.button if button.label == "All lessons").click().run()
    assert app.title[0].value == "Lessons"


def test_a_link_that_is_damaged_says_so_above_the_list() -> None:
    app = open_page("1.abcdefghijklmnopqrstuvw")
    assert escape("The link to the lesson cannot be read: it is damaged") in app.error[0].value
    assert app.title[0].value == "Lessons"


def test_the_result_is_told_when_all_networks_have_been_trained() -> None:
    app = open_page("3-the-pool")
    owner = people.id_of(app.session_state[keys.PERSON])
    for seconds, variant in enumerate(POOL.variants, 10):
        assert not app.code
        recipe = variant.recipe.replace(seed=3)
        run = folder.create(variant.name, "step5", variant.layers, recipe, owner)
        metrics = Metrics(2, 0.2, 95.0, 0.1, 99 - 0.1 * seconds, 10 * seconds, 0.1, float(seconds))
        started = Started("CPU", "MNIST", 60_000, 10_000, 3736, 2, 469, 1)
        run.events_path.write_bytes(to_lines([started, Epoch(metrics), Finished.of([metrics])]))
        app.run()
    assert not app.exception
    assert "after one convolution is ahead of after three. This difference is noise." in app.code[0].value
    assert escape(POOL.found) in words(app)


def test_each_field_that_a_teacher_may_leave_open_has_a_control() -> None:
    variants = tuple(
        dataclasses.replace(variant, recipe=variant.recipe.replace(dropout=0.0)) for variant in POOL.variants
    )
    mine = dataclasses.replace(POOL, variants=variants, open=author.OPEN)
    app = open_page(lesson.to_text(mine))
    named = {each.label for kind in (app.selectbox, app.number_input) for each in kind}
    assert {name.replace("_", " ").capitalize() for name in author.OPEN} <= named


def test_a_lesson_that_is_too_long_for_a_link_is_opened_from_its_file_and_offered_as_one() -> None:
    app = open_page()
    app.file_uploader(key=keys.LESSON_FILE).upload(
        "lesson.json", lesson.to_bytes(long()), "application/json"
    ).run()
    assert not app.exception and app.title[0].value == long().title
    assert long().question in words(app) and "lesson" not in app.query_params
    app.session_state[keys.LESSON_SHARE] = True
    app.run()
    assert not app.exception and not app.code
    assert "too long for a link" in app.error[0].value
    assert "Download as a file" in [button.label for button in app.get("download_button")]
    next(button for button in app.button if button.label == "All lessons").click().run()
    assert app.title[0].value == "Lessons" and not app.error


def form() -> None:
    """The form alone, for AppTest."""
    from pages.parts.lessons import author

    author.show()


def test_the_form_says_that_a_lesson_is_too_long_for_a_link_and_offers_its_file() -> None:
    app = AppTest.from_function(form, default_timeout=60).run()
    texts = (long().question, *long().tasks, long().look, long().found)
    app.text_input[0].set_value("Mine")
    for area, text in zip(app.text_area, texts, strict=True):
        area.set_value(text)
    app.multiselect(key=keys.LESSON_NETWORKS).set_value(["step5"])
    app.button[0].click().run()
    assert not app.exception and not app.code
    assert "too long for a link" in app.error[0].value
    assert "Download as a file" in [button.label for button in app.get("download_button")]
