"""The page Runs on runs that no worker has trained, and on one that is in training."""

from __future__ import annotations

import csv
import io
import json

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import keys, server
from pages.parts.runs import table
from s5core import checkpoint, notation, results
from s5core.events import Epoch, Finished, Metrics, Started, to_lines
from s5core.runs import folder, outcome, people
from s5core.runs.folder import Expectation, Run
from s5core.steps import STEPS
from s5core.words import FORMULA
from tests.helpers import APP, trained_networks, wait_for

pytestmark = pytest.mark.usefixtures("nowhere", "server_of_its_own")


def make(
    step: str = "step5",
    accuracy: float = 98.5,
    data: str = "MNIST",
    expected: Expectation | None = None,
    **changes: object,
) -> Run:
    """A finished run of one epoch."""
    usual = STEPS[step].recipe
    recipe = usual.replace(epochs=1, **changes)
    name = recipe.name(usual.replace(epochs=1))
    run = folder.create(name, step, STEPS[step].layers, recipe, expected=expected)
    metrics = Metrics(1, 0.2, 95.0, 0.1, accuracy, round(100 * (100 - accuracy)), 0.1, 8.0)
    started = Started("a CPU", data, 60000, 10000, 9192, 1, 469, 1)
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
    assert (row["Errors"], row["Seconds"], row["Parameters"]) == (150, 8.0, 9192)
    app.selectbox(key=keys.RUNS_STEP).select("step3").run()
    assert list(app.dataframe[0].value["Step"]) == ["Step 3"]


def test_the_sidebar_lists_runs_by_their_names_the_pinned_first() -> None:
    make(learning_rate=0.1)
    folder.pin(make(learning_rate=0.1))
    app = open_page()
    names = trained_networks(app)
    assert names == ["shipped network", "rate 0.1 (2)", "rate 0.1"]


def test_several_runs_are_compared_by_what_differs() -> None:
    app = open_page(
        make(learning_rate=0.1, plain_epochs=0), make(learning_rate=0.2, rotation=0, plain_epochs=0)
    )
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
    whose = make(learning_rate=0.1).folder
    path = whose / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"owner": "a" * 16}))
    people.set_nickname("a" * 16, "@sum(1)")
    folder.rename(folder.adopt(checkpoint.load(checkpoint.shipped_path("step4")), "step4", "x"), "=1+1")
    content = table.to_csv(table.rows(table.read()[0])).decode("utf-8-sig")
    rows = {row["Step"]: row for row in csv.DictReader(io.StringIO(content))}
    assert (rows["Step 4"]["Name"], rows["Step 4"]["State"]) == ("'=1+1", "opened from a file")
    assert (rows["Step 5"]["Name"], rows["Step 5"]["learning_rate"]) == ("rate 0.1", "0.1")
    assert rows["Step 5"]["Whose"] == "'@sum(1)"
    assert not any(value.startswith(FORMULA) for row in rows.values() for value in row.values())
    assert rows["Step 5"]["Id"] in {run.id for run in folder.list_runs()}


def seeds(*accuracies: float, **changes: object) -> list[Run]:
    """Runs that differ in their seed alone."""
    return [make(accuracy=each, seed=seed, **changes) for seed, each in enumerate(accuracies)]  # type: ignore[arg-type]


def test_the_seeds_of_a_run_are_one_result_beside_the_step_as_shipped() -> None:
    first, *_ = seeds(99.50, 99.40, 99.30, 99.46, 99.20)
    app = open_page(first)
    assert not app.exception
    told = words(app).replace("\N{NO-BREAK SPACE}", " ")
    assert "With 5 seeds: **99.37 ± 0.12 %**" in told and "3 of 5 pass" in told
    reached = results.load()["step5"]
    assert f"The recipe of step 5 as shipped: **{reached}** over {reached.seeds} seeds" in told
    assert "**This difference is" in told
    assert len(app.get("vega_lite_chart")) == 1
    again = next(button for button in app.button if button.label == "Repeat with 5 seeds")
    assert again.disabled


def test_a_run_is_repeated_with_more_seeds() -> None:
    run = make()
    app = press(open_page(run), "Repeat with 5 seeds")
    assert sorted(each.recipe.seed for each in folder.list_runs()) == [0, 1, 2, 3, 4]
    assert {each.title for each in folder.list_runs()} >= {"as the step, seed 3"}
    assert not app.error and "4 more runs of this group are not finished" in words(app)
    for each in folder.list_runs():
        server.jobs().stop(each.id)


def test_a_comparison_says_whether_the_difference_is_noise() -> None:
    slow, fast = seeds(99.50, 99.40, 99.45), seeds(99.41, 99.52, 99.44, learning_rate=0.1)
    poor = seeds(98.1, 98.2, 98.0, learning_rate=0.01)
    app = open_page(slow[0], fast[0])
    assert "**This difference is noise.**" in words(app) and "of 100 such comparisons" in words(app)
    assert "**One thing differs: learning rate.** A difference beyond noise is its effect." in words(app)
    app = open_page(slow[0], poor[1])
    assert "**This difference is more than noise.**" in words(app)
    app = open_page(slow[0], slow[1])
    assert "differ in their seed alone, so they are one result" in words(app)
    app = open_page(slow[0], make("step5_fast", learning_rate=0.1))
    assert "things differ: " in words(app) and "Change one thing at a time." in words(app)
    assert "**+**" in list(app.table[1].value.iloc[:, 0])
    other = make(data="practice set", learning_rate=0.2)
    app = open_page(slow[0], other)
    assert any("validated on different digits" in each.value for each in app.caption)


def test_the_test_accuracy_is_sealed_until_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    made = checkpoint.load(checkpoint.shipped_path("step5"))
    run = make(split="holdout", data="practice set holdout")
    checkpoint.save(made, run.model_path)
    app = open_page(run, run=run)
    assert "**Test accuracy: sealed.**" in words(app)
    mistakes = app.switch_page("pages/mistakes.py").run()
    assert "still sealed" in mistakes.info[0].value and not mistakes.metric
    app = press(open_page(run), "Open its test accuracy")
    told = words(app).replace("\N{NO-BREAK SPACE}", " ")
    assert "of 1,000 digits, opened on" in told and "sealed" not in told
    assert folder.open_run(run.id).test_opened() and "Open its test accuracy" not in labels(app)


def test_what_was_expected_stands_beside_the_result() -> None:
    run = make(expected=Expectation("*more* rotation helps", 98.4))
    told = words(open_page(run)).replace("\N{NO-BREAK SPACE}", " ")
    assert "**Said first:** “\\*more\\* rotation helps” Expected: **98.40 %**." in told
    assert "Reached: **98.50 %**, +0.10 points, as close as chance allows." in told


def test_shared_results_stand_on_the_board_with_all_their_seeds() -> None:
    lucky = make("step5_small", 99.6, data="practice set")
    steady = seeds(99.5, 99.45, 99.42, data="practice set")
    press(open_page(lucky), "Share")
    app = press(open_page(steady[1]), "Share")
    assert "Share no more" in labels(app)
    app.session_state[keys.RUNS_BOARD] = True
    app = app.run()
    assert not app.exception
    board = app.table[0].value
    assert list(board["Result"]) == ["Step 5, as the step", "Step 5, small, as the step"]
    assert list(board["Pass"]) == ["3 of 3", "1 of 1"] and list(board["Parameters"]) == ["9,192", "3,546"]
    press(app, "Share no more")
    assert not folder.open_run(steady[1].id).shared


def test_a_hint_goes_into_the_controls_and_trains_nothing() -> None:
    run = make("step4", accuracy=97.0, schedule="constant")
    app = open_page(run)
    assert "What this run suggests" in words(app)
    app = press(app, "A one-cycle schedule that ends at zero")
    app.switch_page("pages/train.py").run()  # as the browser does
    assert app.selectbox(key=keys.train_control("step4", "schedule", 0)).value == "one-cycle"
    assert app.session_state[keys.NETWORK] == run.id and outcome.of(run).state == "finished"
    assert len(folder.list_runs()) == 1


def test_a_hint_about_layers_opens_the_page_design_and_trains_nothing() -> None:
    run = make("step1", accuracy=99.0)
    app = press(open_page(run), "Average first, then a 1×1 head")
    app.switch_page("pages/design.py").run()  # as the browser does
    assert not app.exception
    text = app.text_input(key=keys.DESIGN_TEXT).value
    assert text != notation.write(run.layers) and app.session_state[keys.NETWORK] == run.id
    assert len(folder.list_runs()) == 1
