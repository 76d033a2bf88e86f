from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from pages.parts import keys, server
from s5core import checkpoint, results
from s5core.errors import UserError
from s5core.runs import catalogue, folder
from s5core.steps import STEPS
from s5core.summary import count_parameters
from s5core.words import escape
from tests.helpers import APP


def entry(name: str, last: list[float]) -> dict[str, Any]:
    """A step's entry in results.json with two epochs a seed."""
    return {
        "parameters": count_parameters(STEPS[name].layers),
        "recipe": STEPS[name].recipe.to_json(),
        "seeds": [
            {
                "seed": seed,
                "last": value,
                "best": value + 0.01,
                "seconds": 1.0,
                "epochs": [{"train": 97.0, "validation": 98.0}, {"train": 99.0, "validation": value}],
            }
            for seed, value in enumerate(last)
        ],
    }


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> Iterator[AppTest]:
    """The app on its first page, on results of our own; `steps` may be changed before a run."""
    steps = {
        "step3": entry("step3", [98.5]),
        "step4": entry("step4", [99.2, 99.3]),
        "step5": entry("step5", [99.43, 99.45]),
    }
    monkeypatch.setattr(results, "read", lambda *_: {"steps": steps})
    st.cache_data.clear()
    test = AppTest.from_file(APP, default_timeout=30)
    test.steps = steps  # type: ignore[attr-defined]
    yield test
    st.cache_data.clear()


def words(app: AppTest) -> str:
    return "\n".join(element.value for kind in (app.markdown, app.caption, app.info) for element in kind)


def specs(app: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in app.get("vega_lite_chart")]


def rows(app: AppTest, chart: int) -> pd.DataFrame:
    """The data of a chart, in one table."""
    datasets = app.get("vega_lite_chart")[chart].proto.datasets
    return pd.concat([convert_arrow_bytes_to_pandas_df(each.data.data) for each in datasets])


def open_page(app: AppTest, *expanders: str) -> None:
    """Run the page with these expanders open."""
    for key in expanders:
        app.session_state[key] = True
    app.run()
    assert not app.exception


def reading(app: AppTest) -> str:
    """The answer in large type, as text; empty while there is none."""
    return " ".join(
        re.sub("<[^>]*>", " ", each.proto.body) for each in app.get("html") if "sure" in each.proto.body
    )


def path(app: AppTest) -> str:
    """The picture of the steps as a screen reader has it."""
    return next(
        re.search('<svg[^>]*aria-label="([^"]*)"', each.value)[1]
        for each in app.markdown
        if "<svg" in each.value
    )


def test_the_goal_is_three_numbers(app: AppTest):
    open_page(app)
    assert [(metric.label, metric.value) for metric in app.metric] == [
        ("Validation accuracy, at least", "99.4 %"),
        ("Parameters, fewer than", "10,000"),
        ("Epochs, fewer than", "15"),
    ]


def test_the_shipped_step_5_reads_a_hard_digit_whatever_step_is_chosen(app: AppTest):
    app.session_state[keys.NETWORK] = "step2"
    open_page(app)
    assert "Draw a digit" in words(app) and not reading(app)
    app.selectbox(key=keys.CANVAS_HARD_DIGIT).set_value("7 with a bar").run()
    assert re.search(r"Step 5, the shipped network, reads\s+7\s", reading(app))
    assert "Draw a digit" not in words(app)


def test_the_drawing_is_the_same_on_the_page_draw(app: AppTest):
    open_page(app)
    app.selectbox(key=keys.CANVAS_HARD_DIGIT).set_value("7 with a bar").run()
    app.switch_page("pages/draw.py").run()
    assert re.search(r"Step 5 reads\s+7\s", reading(app))


def test_the_button_trains_the_fast_step_with_its_own_recipe_and_opens_train(app: AppTest, monkeypatch):
    submitted: list[folder.Run] = []
    monkeypatch.setattr(server.jobs(), "submit", submitted.append)
    open_page(app)
    next(button for button in app.button if button.label == "Train Step 5, fast, live").click().run()
    assert not app.exception
    (run,) = submitted
    assert (run.step, run.layers, run.recipe) == (
        "step5_fast",
        STEPS["step5_fast"].layers,
        STEPS["step5_fast"].recipe,
    )
    assert app.session_state[keys.NETWORK] == run.id
    assert app.title[0].value == "Train"


def test_a_run_that_cannot_be_started_leaves_the_page_open_and_says_why(app: AppTest, monkeypatch):
    open_page(app)
    monkeypatch.setattr(folder, "create", lambda *_: (_ for _ in ()).throw(UserError("No room.")))
    next(button for button in app.button if button.label == "Train Step 5, fast, live").click().run()
    assert [error.value for error in app.error] == [escape("No room.")]
    assert app.title[0].value.startswith("Five steps")


def test_the_time_is_said_once_it_is_measured(app: AppTest, monkeypatch):
    monkeypatch.setattr(server, "expected_seconds", lambda *_: None)
    monkeypatch.setattr(server.jobs(), "unit", None)
    open_page(app)
    assert "Measuring how fast this machine is" in words(app)
    monkeypatch.setattr(server, "expected_seconds", lambda *_: 41.7)
    monkeypatch.setattr(server.jobs(), "unit", 1.0)
    open_page(app)
    assert "About 40 s on this machine" in words(app)


def test_a_message_stays_where_what_the_page_asked_is_answered_meanwhile(app: AppTest, monkeypatch):
    app.run()
    answers = cycle(["Measuring …", None])
    monkeypatch.setattr("pages.parts.steps.first._open_question", lambda: next(answers))
    app.query_params["open"] = "20200101-000000-step3-abcdef"
    app.run()
    assert not app.exception and "There is no run" in app.sidebar.error[0].value


def test_the_path_has_each_step_with_its_figures(app: AppTest):
    app.steps["step3"] = entry("step3", [98.5, 80.0])  # type: ignore[attr-defined]
    open_page(app)
    found = path(app).replace("\N{NO-BREAK SPACE}", " ")
    assert "The base net: 6,379,786 parameters, over budget; –." in found
    assert "Step 3, An earlier pool, a falling rate: 7,216 parameters, under budget; 89.25 %, " in found
    assert "mean of 2 training runs; 1 of them lost a class" in found
    assert "Step 5, Under budget, over target: 9,192 parameters, under budget; 99.44 %" in found
    assert "The base net has not been measured" in words(app)


def test_the_step_of_the_sidebar_is_framed_and_its_card_is_open(app: AppTest):
    open_page(app)
    app.selectbox(key=keys.STEP).set_value("step3").run()
    assert next(each.value for each in app.markdown if "<svg" in each.value).count('stroke-width="2"/>') == 1
    assert app.get("tab_container")[0].proto.tab_container.default_tab_index == list(STEPS).index("step3")


def test_mean_and_shipped_network_are_two_figures(app: AppTest):
    open_page(app)
    card = "\n".join(each.value for each in app.tabs[list(STEPS).index("step5")].markdown).replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert "| Last epoch, mean of 2 runs | 99.44 ± 0.01 % |" in card
    assert "| Last epoch, shipped network (seed 0) | 99.43 % |" in card
    assert "**0.077 points**" in words(app)


def test_every_step_has_a_card(app: AppTest):
    app.run()
    assert len(app.tabs) == len(STEPS)
    for tab, step in zip(app.tabs, STEPS.values(), strict=True):
        text = "\n".join(element.value for element in tab.markdown)
        assert all(part in text for part in (step.target, *step.changes, step.result, step.analysis))
        assert f"{count_parameters(step.layers):,} |" in text
        assert (step.reported is not None) == ("reported" in text)


def test_comparison_follows_the_choice(app: AppTest):
    open_page(app, keys.STEPS_COMPARISON)
    assert [metric.value for metric in app.metric[3:]] == ["+184", "no change", "no change"]
    assert app.table[0].value["mark"].tolist().count("**+**") == 12
    app.selectbox(keys.STEPS_FROM).set_value("step1")
    app.selectbox(keys.STEPS_TO).set_value("step2").run()
    assert not app.exception
    assert [metric.value for metric in app.metric[3:]] == ["−4,900", "no change", "−4,900"]
    assert app.table[0].value["mark"].tolist()[-2:] == ["**−**", "**+**"]
    assert "There is no training curve yet" in words(app)
    app.selectbox(keys.STEPS_TO).set_value("step1").run()
    assert "the same network twice" in words(app)
    assert not app.table


def test_a_run_is_compared_with_a_step(app: AppTest):
    trained = checkpoint.load(checkpoint.shipped_path("step2"))
    run = folder.adopt(replace(trained, data="practice set"), "step2", "mine")
    open_page(app, keys.STEPS_COMPARISON)
    assert app.selectbox(keys.STEPS_FROM).options[: len(STEPS)] == [step.label for step in STEPS.values()]
    app.selectbox(keys.STEPS_FROM).set_value(run.id)
    app.selectbox(keys.STEPS_TO).set_value("step3").run()
    assert not app.exception
    assert {"Step 3", catalogue.of_run(run).short} <= set(app.table[0].value.columns)
    curves = rows(app, -1)
    drawn = curves[(curves["step"] == catalogue.of_run(run).short) & (curves["digits"] == "validation")]
    assert drawn["accuracy"].tolist() == [metrics.validation_accuracy for metrics in trained.history]
    short = catalogue.of_run(run).short
    assert f"{short} was trained and validated on these digits: practice set." in words(app)


def test_the_accuracy_axis_can_be_changed(app: AppTest):
    open_page(app, keys.STEPS_ALL)
    assert '"values": [98.5, 99.0,' in json.dumps(specs(app)[0])
    app.segmented_control(keys.STEPS_AXIS).set_value("97 to 100 %").run()
    assert '"domain": [97.0, 100]' in json.dumps(specs(app)[0])


def test_what_is_folded_away_is_not_drawn(app: AppTest):
    open_page(app)
    assert not specs(app) and not app.table


def test_without_any_result_the_page_says_what_will_come(app: AppTest):
    app.steps.clear()  # type: ignore[attr-defined]
    open_page(app, keys.STEPS_ALL, keys.STEPS_COMPARISON)
    assert "has not been measured yet" in words(app)
    assert "There is no training curve yet" in words(app)
    assert len(specs(app)) == 1  # the reported figures are there all the same
