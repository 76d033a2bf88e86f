"""The page Train with a real worker on the practice set."""

import shutil
from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import keys, server
from s5core.events import Diverged, Epoch, Finished, Metrics, Started, Stopped, to_lines
from s5core.runs import folder
from s5core.steps import STEPS
from tests.helpers import APP, wait_for

STEP = STEPS["step5"]


@pytest.fixture
def nowhere(nowhere) -> Iterator[None]:
    """No MNIST, no network, no runs; and no worker that goes on during the next test."""
    st.cache_resource.clear()
    yield
    server.jobs().close()
    st.cache_resource.clear()


@pytest.fixture
def page(nowhere) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run()
    return app.switch_page("pages/train.py").run()


def control(field: str, version: int = 0, step: str = "step5") -> str:
    return keys.train_control(step, field, version)


def button(page: AppTest, label: str):
    return next(button for button in page.button if button.label.startswith(label))


def test_the_page_tells_of_the_practice_digits_and_starts_with_the_steps_recipe(page):
    assert not page.exception
    assert "practice digits" in page.warning[0].value
    assert page.select_slider(key=control("learning_rate")).value == 0.3
    assert page.slider(key=control("rotation")).value == STEPS["step5"].recipe.rotation == 10.0
    page.sidebar.selectbox(key=keys.STEP).select("step4").run()
    assert page.slider(key=control("dropout", step="step4")).value == 0.03
    assert page.selectbox(key=control("schedule", step="step4")).value == "step"
    assert not page.exception


def test_a_run_is_trained_stopped_and_resumed(page):
    page.slider(key=control("epochs")).set_value(3)
    page.select_slider(key=control("learning_rate")).set_value(0.1)
    page.run()
    button(page, "Train").click().run()
    assert not page.exception
    (run,) = folder.list_runs()
    assert page.session_state[keys.NETWORK] == run.id
    assert (run.recipe.epochs, run.recipe.learning_rate, run.recipe.rotation) == (3, 0.1, 10.0)
    wait_for(lambda: run.log().epochs)
    page.run()
    assert "images a second" in page.get("progress")[0].proto.text
    button(page, "Stop training").click().run()
    wait_for(lambda: run.log().end)
    assert isinstance(run.log().end, Stopped)
    wait_for(lambda: "Resume" in [button.label for button in page.run().button])
    assert "finished and kept" in page.warning[-1].value
    button(page, "Resume").click().run()
    wait_for(lambda: isinstance(run.log().end, Finished))
    wait_for(lambda: page.run().success)
    assert "Finished: 9" in page.success[0].value
    assert not page.exception


def test_a_diverged_run_explains_itself_and_offers_a_lower_rate(nowhere):
    recipe = STEP.recipe.replace(learning_rate=3.0)
    run = folder.create("too fast", "step5", STEP.layers, recipe)
    run.events_path.write_bytes(to_lines([Diverged(1, 7, float("nan"), 3.0)]))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    assert "epoch 1, batch 7" in page.error[0].value
    button(page, "Train again with a learning rate of 1").click().run()
    other = next(found for found in folder.list_runs() if found.id != run.id)
    assert other.recipe == recipe.replace(learning_rate=1.0)
    assert page.session_state[keys.NETWORK] == other.id


def test_a_link_to_a_run_that_is_gone_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path))
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["step"] = "step3"
    app.query_params["run"] = "20200101-000000-step3-abcdef"
    app.run()
    assert app.sidebar.selectbox(key=keys.STEP).value == "step3"
    assert "There is no run 20200101-000000-step3-abcdef here" in app.sidebar.error[0].value


def test_a_chosen_run_that_is_deleted_gives_way_to_its_step(tmp_path, monkeypatch):
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path))
    run = folder.create("mine", "step2", STEP.layers, STEP.recipe)
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["run"] = run.id
    app.run()
    shutil.rmtree(run.folder)
    app.run()
    assert not app.exception
    assert app.sidebar.selectbox(key=keys.NETWORK).value == "step2"
    assert f"There is no run {run.id} here" in app.sidebar.error[0].value
    app.run()
    assert not app.sidebar.error  # it was said once
    assert app.query_params["step"] == "step2" and "run" not in app.query_params


def test_a_run_that_cannot_be_written_says_so_once(page, tmp_path, monkeypatch):
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path / "file" / "runs"))
    (tmp_path / "file").write_text("a file where a folder should be")
    button(page, "Train").click().run()
    assert not page.exception
    assert "The run could not be written to" in page.error[0].value
    page.run()
    assert not page.error


def test_a_link_opens_step_and_run(tmp_path, monkeypatch):
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path))
    run = folder.create("mine", "step2", STEP.layers, STEP.recipe)
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["run"] = run.id
    app.run()
    assert app.sidebar.selectbox(key=keys.STEP).value == "step2"
    assert app.sidebar.selectbox(key=keys.NETWORK).value == run.id
    app.sidebar.selectbox(key=keys.STEP).select("step1").run()
    assert app.sidebar.selectbox(key=keys.NETWORK).value == "step1"


def test_a_run_s_recipe_is_put_into_the_controls_and_the_step_s_back_again(nowhere):
    recipe = STEP.recipe.replace(learning_rate=0.07, epochs=40, rotation=3, device="cuda:7")
    run = folder.create("mine", "step5", STEP.layers, recipe)
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    assert page.slider(key=control("epochs")).value == 14
    button(page, "Put its recipe").click().run()
    assert not page.exception
    assert page.slider(key=control("epochs", 1)).value == 40
    assert page.select_slider(key=control("learning_rate", 1)).value == 0.07
    page.slider(key=control("rotation", 1)).set_value(4.0).run()
    button(page, "Train").click().run()
    other = next(found for found in folder.list_runs() if found.id != run.id)
    assert other.recipe == recipe.replace(rotation=4, device="auto")
    assert other.title == "rate 0.07, 40 epochs, rotation 4"
    button(page, "Back to the recipe of step 5").click().run()
    assert page.slider(key=control("epochs", 2)).value == 14
    assert "Back to the recipe of step 5" not in [button.label for button in page.button]


def test_a_recipe_beyond_the_controls_ranges_is_put_into_them(nowhere):
    schedule = {"start": 1.0, "final": 0.95, "warmup": 0.99}
    run = folder.create("odd", "step5", STEP.layers, STEP.recipe.replace(**schedule))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    button(page, "Put its recipe").click().run()
    assert not page.exception
    assert page.number_input(key=control("start", 1)).value == 1.0


def test_a_network_that_guesses_is_called_so(nowhere):
    run = folder.create("dead", "step5", STEP.layers, STEP.recipe.replace(epochs=1))
    dead = Metrics(1, 2.31, 11.2, 2.3026, 11.4, 886, 0.3, 1.0)
    started = Started("a CPU", "MNIST", 60000, 1000, 7820, 1, 469, 1)
    events = [started, Epoch(dead), Finished.of((dead,))]
    run.events_path.write_bytes(to_lines(events))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    assert not page.exception
    assert "after one epoch" in page.success[0].value
    assert "still guesses" in page.warning[-1].value
