"""The page Train on the practice digits."""

import shutil
from dataclasses import replace
from itertools import islice

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import keys, server
from pages.parts.train import follow
from s5core import teacher
from s5core.events import Diverged, Epoch, Finished, Metrics, Progress, Started, Stopped, to_lines
from s5core.finder import Trial
from s5core.runs import catalogue, folder
from s5core.slow_motion import watch
from s5core.steps import STEPS
from s5core.words import escape, percent
from tests.helpers import APP, LEAST, held, wait_for

STEP = STEPS["step5"]


pytestmark = pytest.mark.usefixtures("nowhere", "server_of_its_own")


@pytest.fixture
def page() -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60).run()
    return app.switch_page("pages/train.py").run()


def control(field: str, version: int = 0, step: str = "step5") -> str:
    return keys.train_control(step, field, version)


def button(page: AppTest, label: str):
    return next(button for button in page.button if button.label.startswith(label))


def networks(page: AppTest):
    """The list in the sidebar."""
    return next(box for box in page.sidebar.selectbox if box.label == "Trained network")


def state(page: AppTest) -> str:
    """The line below the buttons."""
    text: str = page.get("progress")[0].proto.text
    return text


def test_the_page_tells_of_the_practice_digits_and_starts_with_the_steps_recipe(page):
    assert not page.exception
    assert "practice digits" in page.warning[0].value
    assert page.select_slider(key=control("learning_rate")).value == 0.3
    assert page.slider(key=control("rotation")).value == STEPS["step5"].recipe.rotation == 10.0
    page.sidebar.selectbox(key=keys.STEP).select("step4").run()
    assert page.slider(key=control("dropout", step="step4")).value == 0.03
    assert page.selectbox(key=control("schedule", step="step4")).value == "step"
    assert not page.exception


def test_a_teacher_is_offered_only_where_it_has_not_seen_the_validation_digits(page, monkeypatch):
    assert not [box for box in page.selectbox if box.label == "Network that teaches"]
    monkeypatch.setattr(teacher, "offered", lambda data: ("step4", "step5"))
    page.run()
    assert page.selectbox(key=control("teacher")).value == ""
    assert not [slider for slider in page.slider if slider.label == "Share of its answers in the loss"]
    page.selectbox(key=control("teacher")).select("step4").run()
    page.slider(key=control("taught")).set_value(0.5).run()
    assert not page.exception
    button(page, "Train").click().run()
    (run,) = folder.list_runs()
    assert (run.recipe.teacher, run.recipe.taught, run.recipe.softness) == ("step4", 0.5, 3.0)
    assert "taught by step4" in run.title


@pytest.mark.usefixtures("real_workers")
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
    with held(run):
        page.run()
        assert "images a second" in state(page)
        button(page, "Stop training").click().run()
    wait_for(lambda: run.log().end)
    assert isinstance(run.log().end, Stopped)
    wait_for(lambda: "Resume" in [button.label for button in page.run().button])
    assert "kept" in state(page)
    button(page, "Resume").click().run()
    wait_for(lambda: isinstance(run.log().end, Finished))
    wait_for(lambda: "Finished: 9" in state(page.run()))
    assert not page.exception


def test_a_diverged_run_explains_itself_and_offers_a_lower_rate():
    recipe = STEP.recipe.replace(learning_rate=3.0)
    run = folder.create("too fast", "step5", STEP.layers, recipe)
    run.events_path.write_bytes(to_lines([Diverged(1, 7, float("nan"), 3.0)]))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    assert "Diverged at epoch 1, batch 7" in state(page)
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
    assert escape("There is no run 20200101-000000-step3-abcdef here") in app.sidebar.error[0].value


def test_a_chosen_run_that_is_deleted_gives_way_to_its_step(tmp_path, monkeypatch):
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path))
    run = folder.create("mine", "step2", STEP.layers, STEP.recipe)
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["run"] = run.id
    app.run()
    shutil.rmtree(run.folder)
    app.run()
    assert not app.exception
    assert networks(app).value == "step2"
    assert escape(f"There is no run {run.id} here") in app.sidebar.error[0].value
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
    assert networks(app).value == run.id
    app.sidebar.selectbox(key=keys.STEP).select("step1").run()
    assert networks(app).value == "step1"


def test_a_run_s_recipe_is_put_into_the_controls_and_the_step_s_back_again():
    recipe = STEP.recipe.replace(learning_rate=0.07, epochs=40, rotation=3, device="cuda:7")
    run = folder.create("mine", "step5", STEP.layers, recipe)
    page = AppTest.from_file(APP, default_timeout=60).run().switch_page("pages/train.py").run()
    assert page.slider(key=control("epochs")).value == 14
    networks(page).select(run.id).run()
    assert page.slider(key=control("epochs")).value == 14  # a choice in the sidebar changes no settings
    button(page, "Put its recipe").click().run()
    assert not page.exception
    assert page.slider(key=control("epochs", 1)).value == 40
    assert page.select_slider(key=control("learning_rate", 1)).value == 0.07
    page.slider(key=control("rotation", 1)).set_value(4.0).run()
    button(page, "Train").click().run()
    other = next(found for found in folder.list_runs() if found.id != run.id)
    assert other.recipe == recipe.replace(rotation=4, device="auto")
    assert other.title == "rate 0.07, 40 epochs, rotation 4"
    page.run()  # the click has drawn the transport and the chart alone
    button(page, "Back to the recipe of step 5").click().run()
    assert page.slider(key=control("epochs", 2)).value == 14
    assert "Back to the recipe of step 5" not in [button.label for button in page.button]


def test_a_recipe_beyond_the_controls_ranges_is_put_into_them():
    schedule = {"start": 1.0, "final": 0.95, "warmup": 0.99}
    run = folder.create("odd", "step5", STEP.layers, STEP.recipe.replace(**schedule))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    button(page, "Put its recipe").click().run()
    assert not page.exception
    assert page.number_input(key=control("start", 1)).value == 1.0


def test_a_network_that_guesses_is_called_so():
    run = folder.create("dead", "step5", STEP.layers, STEP.recipe.replace(epochs=1))
    dead = Metrics(1, 2.31, 11.2, 2.3026, 11.4, 886, 0.3, 1.0)
    started = Started("a CPU", "MNIST", 60000, 1000, 9192, 1, 469, 1)
    events = [started, Epoch(dead), Finished.of((dead,))]
    run.events_path.write_bytes(to_lines(events))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    assert not page.exception
    assert "after one epoch" in state(page)
    assert "still guesses" in page.warning[0].value


def captions(page: AppTest) -> str:
    return "\n".join(caption.value for caption in page.caption)


def test_a_link_to_a_run_sets_the_controls_to_its_recipe_and_says_so():
    run = folder.create("mine", "step5", STEP.layers, STEP.recipe.replace(epochs=3))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    assert page.slider(key=control("epochs")).value == 3
    assert f"The settings are the recipe of {catalogue.of_run(run).short}." in captions(page)
    page.slider(key=control("epochs")).set_value(4).run()
    assert f"The settings are your change of the recipe of {catalogue.of_run(run).short}." in captions(page)


def shown(events, recipe=STEP.recipe) -> AppTest:
    """The page with a run that has these events."""
    run = folder.create("a run", "step5", STEP.layers, recipe)
    run.events_path.write_bytes(to_lines(events))
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    assert not page.exception
    return page


def epoch(number: int, accuracy: float) -> Metrics:
    return Metrics(number, 0.1, 99.0, 0.02, accuracy, 50, 0.1, 10.0)


STARTED = Started("a CPU", "MNIST", 60000, 10000, 9192, 14, 469, 1)


def words(page: AppTest) -> str:
    return "\n".join(markdown.value for markdown in page.markdown)


def test_a_run_that_is_over_has_missed_a_bound_and_one_that_can_go_on_has_not_met_it_yet():
    history = (epoch(1, 98.0), epoch(2, 99.1))
    events = [STARTED, *map(Epoch, history)]
    over = words(shown([*events, Finished.of(history)], STEP.recipe.replace(epochs=2)))
    assert "99.10" in over and "missed" in over and "not yet" not in over and "All three" not in over
    stopped = shown([*events, Stopped(2)])
    assert "not yet" in words(stopped) and "missed" not in words(stopped)
    assert "Stopped in epoch 3; epochs 1 to 2 are kept. Resume begins epoch 3 again." in state(stopped)


def test_a_run_that_meets_all_bounds_is_celebrated_in_a_line():
    history = (epoch(1, 99.3), epoch(2, 99.45))
    events = [STARTED, *map(Epoch, history), Finished.of(history)]
    page = shown(events, STEP.recipe.replace(epochs=2))
    assert words(page).count("All three bounds are met") == 1
    assert "1 of the last 2 epochs reached 99.4" in captions(page)
    chart = page.get("vega_lite_chart")[0].proto
    assert "Validation accuracy 99.45" in chart.alt and "after 2 of 2 epochs" in chart.alt


def test_points_below_a_linear_axis_are_counted():
    history = (epoch(1, 97.0), epoch(2, 99.45))
    page = shown([STARTED, *map(Epoch, history), Finished.of(history)], STEP.recipe.replace(epochs=2))
    assert "of this run below the axis" not in captions(page)
    page.segmented_control(key=keys.TRAIN_AXIS).set_value("98–100\N{NO-BREAK SPACE}%").run()
    assert page.query_params["axis"] == "98"
    assert "1 point lies of this run below the axis." in captions(page)


def pace(page: AppTest) -> float | None:
    """Seconds to the next look."""
    _, seconds = page.session_state[keys.TRAIN_SIGNS]
    return seconds


def test_the_clock_stands_still_where_nothing_can_change(monkeypatch):
    history = (epoch(1, 98.0), epoch(2, 99.1))
    monkeypatch.setattr(server.jobs(), "unit", 1e-4)  # the time of a run is known
    assert pace(shown([STARTED, *map(Epoch, history), Finished.of(history)])) is None
    assert pace(shown([STARTED, Diverged(1, 7, float("nan"), 3.0)])) is None
    assert pace(shown([STARTED, Epoch(history[0]), Stopped(1)])) == follow.SELDOM
    monkeypatch.setattr(server.jobs(), "unit", None)
    assert pace(shown([STARTED, *map(Epoch, history), Finished.of(history)])) == follow.OFTEN


@pytest.mark.parametrize(
    ("batch", "seconds"), [(1, follow.OFTEN_ON_CPU), (300, (469 - 300) / 469 * 3), (469, follow.SOON)]
)
def test_the_clock_looks_when_a_run_is_about_to_end(monkeypatch, batch, seconds):
    """At 20,000 images a second an epoch of 60,000 takes 3 seconds."""
    monkeypatch.setattr(server.jobs(), "is_training", lambda id: True)
    started, last = replace(STARTED, validation_digits=1), Progress(2, batch, 0.1, 99.0, 0.1, 20_000.0)
    recipe = STEP.recipe.replace(epochs=2, device="cpu")
    assert pace(shown([started, Epoch(epoch(1, 98.0)), last], recipe)) == pytest.approx(seconds, abs=0.01)


def test_the_clock_looks_soon_for_the_first_point(monkeypatch):
    monkeypatch.setattr(server.jobs(), "is_training", lambda id: True)
    for events in ([], [STARTED]):
        assert pace(shown(events, STEP.recipe.replace(device="cpu"))) == follow.SOON


def test_the_shipped_network_is_told_from_the_mean_over_seeds(page):
    page.sidebar.selectbox(key=keys.STEP).select("step5_small").run()
    reached = server.reached()["step5_small"]
    shipped = server.trained(catalogue.of_step(STEPS["step5_small"]))
    assert f"reached **{percent(shipped.checkpoint.accuracy)}**" in words(page)
    assert f"one of {reached.seeds} runs" in words(page) and f"mean is {percent(reached.last)}" in words(page)
    assert percent(shipped.checkpoint.accuracy) != percent(reached.last)


def test_what_one_says_first_is_kept_with_the_next_run_alone(page):
    page.session_state[keys.EXPECTATION] = True
    page.run()
    page.text_input(key=keys.EXPECTED_TEXT).set_value("it will help")
    page.number_input(key=keys.EXPECTED_ACCURACY).set_value(97.5)
    page.run()
    button(page, "Train").click().run()
    assert not page.exception
    (run,) = folder.list_runs()
    assert run.expected == folder.Expectation("it will help", 97.5)
    assert page.text_input(key=keys.EXPECTED_TEXT).value == ""
    assert any("**Said first:** “it will help”" in each.value for each in page.markdown)
    button(page, "Stop training").click().run()


def test_the_rate_finder_suggests_a_rate_and_one_click_takes_it(page, monkeypatch):
    trials = [
        Trial(10 ** (power / 10), 2.3 if power < -20 else 0.5 + abs(power) / 10) for power in range(-40, 11)
    ]
    monkeypatch.setattr(server, "ask", lambda question: trials)
    page.session_state[keys.TRAIN_FINDER] = True
    page.run()
    button(page, "Test the rates").click().run()
    assert not page.exception
    assert any("The loss was lowest at a rate of 1." in each.value for each in page.markdown)
    assert button(page, "Use 0.3").disabled
    page.select_slider(key=control("learning_rate")).set_value(0.1).run()
    button(page, "Use 0.3").click().run()
    assert page.select_slider(key=control("learning_rate", version=1)).value == 0.3
    assert not folder.list_runs()


def test_the_rate_finder_tests_the_network_that_would_be_trained(monkeypatch):
    run = folder.create("mine", "step5", LEAST, STEP.recipe)
    asked = []
    monkeypatch.setattr(server, "ask", lambda question: asked.append(question) or [])
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["run"] = run.id
    page.run().switch_page("pages/train.py").run()
    page.session_state[keys.TRAIN_FINDER] = True
    page.run()
    button(page, "Test the rates").click().run()
    assert not page.exception and asked[-1].layers == LEAST


def test_slow_motion_walks_from_step_to_step(page, monkeypatch):
    steps = list(islice(watch(STEP.layers, STEP.recipe, server.digits()), 3))
    asked = []
    monkeypatch.setattr(server, "ask", lambda question: asked.append(question) or steps)
    page.session_state[keys.TRAIN_MOTION] = True
    page.run()
    assert not asked
    button(page, "Take 12 steps").click().run()
    assert not page.exception and asked[-1].start is None
    for number, step in enumerate(steps, 1):
        page.slider(key=keys.TRAIN_MOTION_STEP).set_value(number).run()
        assert not page.exception
        assert f"is **{step.loss:.3f}**" in words(page) and f"**{step.rate:.3g}**" in words(page)
    page.button_group(key=keys.TRAIN_MOTION_START).set_value("its trained weights").run()
    assert "Take 12 steps" in [each.label for each in page.button]  # other weights take other steps
    button(page, "Take 12 steps").click().run()
    assert not page.exception and asked[-1].start is not None
    assert not folder.list_runs()
