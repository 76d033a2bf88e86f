from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
import streamlit as st
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df
from streamlit.testing.v1 import AppTest

from pages.parts import keys
from s5core import checkpoint, results
from s5core.runs import folder
from s5core.steps import STEPS
from s5core.summary import count_parameters
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


def test_first_screen(app: AppTest):
    app.run()
    assert not app.exception
    shown = {metric.label: (metric.value, metric.delta) for metric in app.metric}
    assert shown["Validation accuracy"] == ("99.44 ± 0.01 %", "at least 99.4 %: met")
    assert shown["Parameters"][0] in ("7,820", "+184")
    assert "**0.077 points**" in words(app)
    assert "has not been measured" in words(app)  # the base net
    assert "98.50 %" in words(app).replace("\N{NO-BREAK SPACE}", " ")  # in step 3's card


def test_a_missed_target_is_said(app: AppTest):
    app.steps["step5"] = entry("step5", [99.3])  # type: ignore[attr-defined]
    app.run()
    assert app.metric[0].value == "99.30 %"
    assert app.metric[0].delta == "at least 99.4 %: not met"


def test_every_step_has_a_card(app: AppTest):
    app.run()
    assert len(app.tabs) == len(STEPS)
    for tab, step in zip(app.tabs, STEPS.values(), strict=True):
        text = "\n".join(element.value for element in tab.markdown)
        assert all(part in text for part in (step.target, *step.changes, step.result, step.analysis))
        assert f"{count_parameters(step.layers):,} |" in text
        assert (step.reported is not None) == ("reported" in text)


def test_comparison_follows_the_choice(app: AppTest):
    app.run()
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
    app.run()
    assert app.selectbox(keys.STEPS_FROM).options[: len(STEPS)] == [step.label for step in STEPS.values()]
    app.selectbox(keys.STEPS_FROM).set_value(run.id)
    app.selectbox(keys.STEPS_TO).set_value("step3").run()
    assert not app.exception
    assert {"Step 3", run.short} <= set(app.table[0].value.columns)
    curves = rows(app, -1)
    drawn = curves[(curves["step"] == run.short) & (curves["digits"] == "validation")]
    assert drawn["accuracy"].tolist() == [metrics.validation_accuracy for metrics in trained.history]
    assert f"{run.short} was trained and validated on these digits: practice set." in words(app)


def test_the_accuracy_axis_can_be_changed(app: AppTest):
    app.run()
    assert '"values": [98.5, 99.0,' in json.dumps(specs(app)[0])
    app.segmented_control(keys.STEPS_AXIS).set_value("97 to 100 %").run()
    assert '"domain": [97.0, 100]' in json.dumps(specs(app)[0])


def test_without_any_result_the_page_says_what_will_come(app: AppTest):
    app.steps.clear()  # type: ignore[attr-defined]
    app.run()
    assert not app.exception
    assert "Once step 5 has been trained" in words(app)
    assert "There is no training curve yet" in words(app)
    assert len(specs(app)) == 1  # the reported figures are there all the same
