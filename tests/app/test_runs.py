"""The page Runs on runs that no worker has trained, and on one that is in training."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import keys, server
from pages.parts.runs import table
from s5core import checkpoint
from s5core.events import Epoch, Finished, Metrics, Started, to_lines
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.steps import STEPS
from tests.helpers import APP, trained_networks, wait_for

pytestmark = pytest.mark.usefixtures("nowhere", "queue")


@pytest.fixture
def queue(nowhere: None) -> Iterator[None]:
    """A queue of this test alone."""
    st.cache_resource.clear()
    yield
    server.jobs().close()
    st.cache_resource.clear()


def make(step: str = "step5", **changes: object) -> Run:
    """A finished run of one epoch."""
    usual = STEPS[step].recipe
    recipe = usual.replace(epochs=1, **changes)
    run = folder.create(recipe.name(usual.replace(epochs=1)), step, STEPS[step].layers, recipe)
    metrics = Metrics(1, 0.2, 95.0, 0.1, 98.5, 150, 0.1, 8.0)
    started = Started("a CPU", "MNIST", 60000, 10000, 7820, 1, 469, 1)
    run.events_path.write_bytes(to_lines([started, Epoch(metrics), Finished.of((metrics,))]))
    return run


def open_page(*chosen: Run, step: str = "step5", run: Run | None = None) -> AppTest:
    """The page, with these runs selected in the table, which AppTest cannot click."""
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["step"] = step
    if run:
        app.query_params["run"] = run.id
    app.run().switch_page("pages/runs.py")
    app.session_state[keys.RUNS_CHOSEN] = [each.id for each in chosen]
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    app = next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def words(app: AppTest) -> str:
    return " ".join(each.value for each in app.markdown)


def test_without_runs_the_page_says_how_to_get_one() -> None:
    app = open_page()
    assert not app.exception and not app.dataframe
    assert "There are no runs yet" in app.info[0].value


def test_the_table_has_the_figures_of_all_runs_and_the_filter_leaves_those_of_a_step() -> None:
    make(learning_rate=0.1)
    folder.pin(make("step3", seed=7))
    app = open_page()
    shown = app.dataframe[0].value
    assert list(shown["Name"]) == ["★ as the step, seed 7", "rate 0.1"]
    row = shown.iloc[1]
    assert (row["Step"], row["State"], row["Accuracy, %"]) == ("Step 5", "finished", 98.5)
    assert (row["Errors"], row["Seconds"], row["Parameters"]) == (150, 8.0, 7820)
    app.selectbox(key=keys.RUNS_STEP).select("step3").run()
    assert list(app.dataframe[0].value["Step"]) == ["Step 3"]


def test_the_sidebar_lists_runs_by_their_names_the_pinned_first() -> None:
    make(learning_rate=0.1)
    folder.pin(make(learning_rate=0.1))
    app = open_page()
    names = trained_networks(app)
    assert names == ["shipped network", "rate 0.1 (2)", "rate 0.1"]


def test_several_runs_are_compared_by_what_differs() -> None:
    app = open_page(make(learning_rate=0.1), make(learning_rate=0.2, rotation=0))
    assert "2 runs selected" in words(app) and "Rename" not in labels(app)
    compared = app.table[0].value
    assert list(compared.index) == ["learning rate", "rotation"]
    assert {tuple(compared[name]) for name in compared} == {("0.1", "10.0"), ("0.2", "0.0")}
    assert len(app.get("vega_lite_chart")) == 1


def test_a_deleted_run_comes_back_by_undo() -> None:
    run, other = make(learning_rate=0.1), make()
    app = press(open_page(run, run=run), "Delete")
    assert folder.list_runs() == [other]
    assert "Deleted: Step 5, rate 0\\.1." in words(app)
    assert app.session_state[keys.NETWORK] == "step5" and not app.sidebar.error
    app = press(app, "Undo")
    assert set(folder.list_runs()) == {run, other} and "Undo" not in labels(app)


def test_each_deleted_run_can_be_brought_back_in_another_session() -> None:
    runs = [make(learning_rate=0.1), make(learning_rate=0.2), make(learning_rate=0.5)]
    for run in runs[:2]:
        press(open_page(run), "Delete")
    app = open_page()
    assert f"kept for {folder.DAYS_IN_TRASH} days" in " ".join(each.value for each in app.caption)
    box = app.multiselect(key=keys.RUNS_TRASH)
    assert sorted(box.options) == ["Step 5, rate 0.1", "Step 5, rate 0.2"]
    app = press(box.set_value([run.id for run in runs[:2]]).run(), "Bring back")
    assert set(folder.list_runs()) == set(runs) and not app.multiselect
    assert "2 runs selected" in words(app)


def test_a_long_name_gets_as_many_lines_as_it_needs() -> None:
    make(learning_rate=0.1)
    assert open_page().dataframe[0].proto.row_height == table.ROW
    changes = {"learning_rate": 0.1, "schedule": "step", "rotation": 15, "batch_size": 64, "ema": 0.9}
    run = make(**changes)
    app = open_page()
    assert run.title in list(app.dataframe[0].value["Name"]) and len(run.title) > 50
    assert app.dataframe[0].proto.row_height >= table.ROW + table.LINE


def test_a_run_that_left_the_trash_cannot_come_back_and_the_page_says_so() -> None:
    run = make()
    app = press(open_page(run), "Delete")
    (folder.home() / folder.TRASH / run.id).rename(folder.home() / "elsewhere")
    app = press(app, "Undo")
    assert "no longer in the trash" in app.error[0].value


def test_a_run_in_training_cannot_be_deleted() -> None:
    run = make()
    run.events_path.unlink()
    server.jobs().submit(run)
    wait_for(lambda: server.jobs().is_training(run.id))
    app = open_page(run)
    assert app.dataframe[0].value["State"][0] == "training"
    assert next(button for button in app.button if button.label == "Delete").disabled
    assert any("stop it first" in caption.value for caption in app.caption)
    server.jobs().stop(run.id)


def test_a_run_that_was_resumed_elsewhere_is_not_deleted() -> None:
    run = make()
    app = open_page(run)
    server.jobs().submit(run)
    app = press(app, "Delete")
    assert folder.open_run(run.id) == run and "Stop it first" in app.error[0].value


def test_a_new_name_and_a_pin() -> None:
    run = make()
    app = open_page(run)
    app.text_input(key=keys.runs_name(run.id, run.title)).set_value("for *all*").run()
    app = press(app, "Pin")
    assert "Step 5, for \\*all\\*" in words(app) and "Unpin" in labels(app)
    kept = folder.open_run(run.id)
    assert (kept.title, kept.pinned) == ("for *all*", True)


def test_a_link_to_a_run_chooses_it() -> None:
    run = make("step2")
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["step"] = "step5"
    app.run()
    app.query_params["open"] = run.id
    app.run()
    assert app.session_state[keys.NETWORK] == run.id
    assert (app.query_params["run"], "open" in app.query_params) == (run.id, False)
    app.query_params["open"] = "20200101-000000-step3-abcdef"
    app.run()
    assert "There is no run" in app.sidebar.error[0].value and app.session_state[keys.NETWORK] == run.id


def test_the_csv_has_names_figures_and_recipes() -> None:
    make(learning_rate=0.1)
    folder.rename(folder.adopt(checkpoint.load(checkpoint.shipped_path("step4")), "step4", "x"), "=1+1")
    content = table.to_csv(table.rows(table.read()[0])).decode("utf-8-sig")
    rows = {row["Step"]: row for row in csv.DictReader(io.StringIO(content))}
    assert (rows["Step 4"]["Name"], rows["Step 4"]["State"]) == ("'=1+1", "opened from a file")
    assert (rows["Step 5"]["Name"], rows["Step 5"]["learning_rate"]) == ("rate 0.1", "0.1")
    assert rows["Step 5"]["Id"] in {run.id for run in folder.list_runs()}
