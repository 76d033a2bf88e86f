"""Two people on one server, a teacher, and somebody alone: what the pages show and what they refuse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import keys, server, visitor
from s5core.runs import folder, people
from s5core.runs.folder import Run
from s5core.steps import STEPS
from tests.helpers import APP

SECRET = "a long secret"
RECIPE = STEPS["step5"].recipe.replace(epochs=1)


def restart() -> None:
    """A new server, whose line is paused."""
    st.cache_resource.clear()
    server.jobs().pause()


@pytest.fixture(autouse=True)
def together(alone: None, nowhere: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """People who come from other machines, on a server of this test alone, whose line is paused."""
    monkeypatch.setattr(visitor, "is_local", lambda: False)
    restart()
    yield
    st.cache_resource.clear()


@pytest.fixture
def school(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S5_TEACHER_SECRET", SECRET)
    restart()


def person(token: str, *chosen: Run) -> AppTest:
    """Somebody's browser, on the page Runs, with these runs selected."""
    app = AppTest.from_file(APP, default_timeout=60)
    app.session_state[keys.PERSON] = token
    app.run().switch_page("pages/runs.py")
    app.session_state[keys.RUNS_CHOSEN] = [run.id for run in chosen]
    return look(app)


def look(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception
    return app


def make(owner: str, title: str = "mine") -> Run:
    return folder.create(title, "step5", STEPS["step5"].layers, RECIPE, people.id_of(owner))


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def test_the_table_says_whose_a_run_is_and_the_buttons_are_for_its_owner():
    run = make("ada")
    people.set_nickname(people.id_of("ada"), "Ada")
    ada, ben = person("ada", run), person("ben", run)
    assert list(ada.dataframe[0].value.get("Whose", ["you"])) == ["you"]
    assert list(ben.dataframe[0].value["Whose"]) == ["Ada"]
    assert {"Pin", "Delete"} <= set(labels(ada)) and not {"Pin", "Delete"} & set(labels(ben))
    assert "This run is not yours" in captions(ben)


def test_a_press_on_a_button_that_was_drawn_before_changes_nothing_of_another_person():
    run = make("ada")
    forger = person("ada", run)
    forger.session_state[keys.PERSON] = "ben"  # as if Ben's browser sent the press
    press(forger, "Delete")
    assert "not yours" in forger.error[0].value and folder.open_run(run.id) == run
    forger = person("ada", run)
    forger.session_state[keys.PERSON] = "ben"
    forger.text_input(key=keys.runs_name(run.id, run.title)).set_value("Ben's").run()
    assert "not yours" in forger.error[0].value and folder.open_run(run.id).title == "mine"


def test_a_run_in_line_is_stopped_by_its_owner_only():
    app = AppTest.from_file(APP, default_timeout=60)
    app.session_state[keys.PERSON] = "ada"
    look(app.run().switch_page("pages/train.py"))
    press(app, "Train")
    (run,) = folder.list_runs()
    assert run.owner == people.id_of("ada") and server.jobs().place(run.id) == 1
    other = AppTest.from_file(APP, default_timeout=60)
    other.session_state[keys.PERSON] = "ben"
    other.query_params["run"] = run.id
    look(other.run().switch_page("pages/train.py"))
    assert "Stop training" not in labels(other)
    text = other.get("progress")[0].proto.text
    assert "place 1" in text and "paused" in text
    app.session_state[keys.PERSON] = "ben"
    press(app, "Stop training")
    assert server.jobs().place(run.id) == 1
    app.session_state[keys.PERSON] = "ada"
    press(look(app), "Stop training")
    assert not server.jobs().is_active(run.id)


def test_too_many_runs_are_refused_in_a_sentence():
    app = AppTest.from_file(APP, default_timeout=60)
    look(app.run().switch_page("pages/train.py"))
    for _ in range(4):
        press(app, "Train")
    assert "3 runs of yours wait in line already" in app.error[0].value and len(folder.list_runs()) == 3


def test_a_nickname_is_set_on_the_page():
    app = person("ada")
    app.text_input(key=keys.NICKNAME).set_value(" Ada ").run()
    assert people.nickname(people.id_of("ada")) == "Ada"


def test_without_a_secret_the_page_says_how_to_set_one():
    assert "S5_TEACHER_SECRET" in captions(person("ada"))


@pytest.mark.usefixtures("school")
def test_a_teacher_enters_the_secret_and_controls_the_class():
    run = make("ada")
    app = person("tea", run)
    assert "Delete" not in labels(app)
    app.text_input(key=keys.SECRET).set_value("wrong").run()
    assert "not the teacher's secret" in app.error[0].value
    app.text_input(key=keys.SECRET).set_value(SECRET).run()
    assert not app.exception and "Delete" in labels(look(app))
    app.toggle(key=keys.LOCKED).set_value(True).run()
    app.toggle(key=keys.PAUSED).set_value(False).run()
    assert server.classroom().locked and not server.jobs().paused
    ada = person("ada", run)
    press(ada, "Pin")
    assert "locked the controls" in ada.error[0].value
    press(app, "Clear it for good")
    assert folder.list_runs() == []
    press(app, "Be a teacher no more")
    assert keys.SECRET in [box.key for box in app.text_input]


def test_somebody_alone_at_the_machine_sees_nothing_of_it(monkeypatch):
    monkeypatch.setattr(visitor, "is_local", lambda: True)
    run = folder.create("old", "step5", STEPS["step5"].layers, RECIPE)
    app = person("ada", run)
    assert "Delete" in labels(app) and "Whose" not in app.dataframe[0].value
    assert not [box for box in app.text_input if box.key == keys.NICKNAME]
    assert "S5_TEACHER_SECRET" not in captions(app)
    press(app, "Delete")
    assert folder.list_runs() == []


def test_nobody_is_alone_while_somebody_else_has_a_page_open(monkeypatch):
    monkeypatch.setattr(visitor, "is_local", lambda: True)
    server.classroom().enter("ben")
    assert keys.NICKNAME in [box.key for box in person("ada").text_input]


def test_a_full_disk_is_announced(monkeypatch):
    run = make("ada")
    run.model_path.write_bytes(bytes(900_000))
    monkeypatch.setenv("S5_DISK", "0.001")
    restart()
    assert "the oldest runs will be removed: mine" in person("ada").warning[0].value
