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
