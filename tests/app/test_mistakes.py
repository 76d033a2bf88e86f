"""Page "Mistakes", on the practice set: 1,000 digits are read in a moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from pages.parts import keys, server
from s5core import checkpoint, data, evaluate, results
from s5core.ahead.answers import Network
from s5core.ahead.desk import Pending
from s5core.data import Digits
from s5core.evaluate import Evaluation
from s5core.runs import catalogue, folder
from s5core.words import digit, escape, percent
from tests.helpers import APP, renewed, trained_networks


@pytest.fixture(scope="module", autouse=True)
def without_mnist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("S5_DATA_DIR", raising=False)
        patch.setattr(data, "HOME", tmp_path_factory.mktemp("empty"))
        st.cache_resource.clear()  # other tests' digits
        yield
        st.cache_resource.clear()  # ours


@pytest.fixture
def app() -> AppTest:
    return open_page()


def open_page(**state: str) -> AppTest:
    """The page, with `step` and `run` in its address."""
    test = AppTest.from_file(APP, default_timeout=60)
    for key, value in state.items():
        test.query_params[key] = value
    test.switch_page("pages/mistakes.py").run()
    assert not test.exception
    return test


@pytest.fixture(scope="module")
def answers(practice: Digits) -> Evaluation:
    return read("step5", practice)


def read(step: str, digits: Digits) -> Evaluation:
    model = checkpoint.load(checkpoint.shipped_path(step)).model()
    return evaluate.evaluate(model, digits.validation_images, digits.validation_labels)


def trained_network() -> Network:
    found = server.trained(catalogue.find("step5"))
    assert found is not None
    return found.network


def metric(app: AppTest, label: str) -> str:
    return next(metric.value for metric in app.metric if metric.label == label)


def pages(app: AppTest) -> list[str]:
    return [element.proto.body for element in app.get("html")]


def test_headline_is_computed(app: AppTest, answers: Evaluation) -> None:
    assert metric(app, "Accuracy") == percent(answers.accuracy)
    assert metric(app, "Read wrong") == f"{answers.errors}"
    assert metric(app, f"Allowed at {percent(99.4, 1)}") == "6"


def test_digits_seen_in_training_are_called_so(app: AppTest) -> None:
    assert "looks better than it is" in app.warning[0].value


def test_a_run_on_the_practice_set_is_called_fair_and_compared_with_its_step() -> None:
    shipped = checkpoint.load(checkpoint.shipped_path("step5"))
    run = folder.adopt(replace(shipped, data="practice set"), "step5", "mine")
    app = open_page(run=run.id)
    assert not app.warning
    assert "its figures are fair" in app.info[0].value
    assert app.selectbox(renewed(app, keys.MISTAKES_OTHER)).value == "step5"
    assert metric(app, f"Only {catalogue.of_run(run).short} wrong") == metric(app, "Only Step 5 wrong") == "0"
    assert any("has an advantage" in caption.value for caption in app.caption)


def test_digits_that_cannot_be_read_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S5_DATA_DIR", str(tmp_path / "nowhere"))
    st.cache_resource.clear()
    app = open_page()
    assert "put MNIST's four files there" in app.error[0].value
    st.cache_resource.clear()


def test_the_boxes_choose_the_cell(app: AppTest, answers: Evaluation) -> None:
    assert (
        app.selectbox(keys.MISTAKES_TRUE).value,
        app.selectbox(keys.MISTAKES_SAID).value,
    ) == answers.commonest_error()
    app.selectbox(keys.MISTAKES_TRUE).set_value(3).run()
    app.selectbox(keys.MISTAKES_SAID).set_value(3).run()
    right = int(answers.confusion()[3, 3])
    assert any(f"**{right}** of the 3s are read right" in text.value for text in app.markdown)
    assert pages(app)[0].count("<img") == 12
    empty = (answers.confusion() == 0).nonzero()[0].tolist()
    app.selectbox(keys.MISTAKES_TRUE).set_value(empty[0]).run()
    app.selectbox(keys.MISTAKES_SAID).set_value(empty[1]).run()
    assert any(f"reads no {empty[0]} as {digit(empty[1])}" in info.value for info in app.info)


def test_worst_errors_are_shown_with_truth_and_answer(app: AppTest, answers: Evaluation) -> None:
    worst = answers.worst(24).tolist()
    found = next(
        page for page in pages(app) if f'alt="{answers.describe(worst[0])}"' in page.replace("&gt;", ">")
    )
    assert found.count("<img") == len(worst)


def test_another_network_is_compared(app: AppTest, answers: Evaluation, practice: Digits) -> None:
    app.selectbox(renewed(app, keys.MISTAKES_OTHER)).set_value("step1").run()
    assert not app.exception
    other = read("step1", practice)
    assert metric(app, "Only Step 5 wrong") == str(int((answers.wrong & ~other.wrong).sum()))
    assert metric(app, "Both wrong") == str(int((answers.wrong & other.wrong).sum()))
    app.selectbox(key=keys.STEP).set_value("step1").run()  # the chosen network is not among the others
    assert not app.exception
    assert app.selectbox(renewed(app, keys.MISTAKES_OTHER)).value != "step1"


def test_a_network_without_an_error(monkeypatch: pytest.MonkeyPatch, practice: Digits) -> None:
    labels = practice.validation_labels
    monkeypatch.setattr(server, "answers", lambda _: Evaluation(torch.eye(10)[labels], labels))
    run = folder.adopt(checkpoint.load(checkpoint.shipped_path("step5")), "step5", "perfect")
    app = open_page(run=run.id)
    assert metric(app, "Accuracy") == percent(100)
    assert any("There is none" in info.value for info in app.info)


def test_an_untrained_network_says_so() -> None:
    app = open_page(step="base")
    assert app.title[0].value == "Mistakes" and "not trained yet" in app.info[0].value
    assert [link.proto.page for link in app.get("page_link")] == ["train"]
    assert "shipped network" not in trained_networks(app)


def test_one_shipped_network_is_told_from_the_mean_over_seeds(app: AppTest) -> None:
    reached = results.load()["step5"]
    (words,) = [each.value for each in app.caption if "the shipped one" in each.value]
    assert "trained with seed 0" in words and f"{reached.seeds} seeds" in words
    assert str(reached).replace(" ", "\u00a0") in words
    run = folder.adopt(checkpoint.load(checkpoint.shipped_path("step5")), "step5", "mine")
    assert not [each for each in open_page(run=run.id).caption if "the shipped one" in each.value]


def test_while_the_digits_are_read_the_page_shows_how_far_that_is(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, practice: Digits
) -> None:
    ask, pending = server.answers, Pending(trained_network(), 0.4)
    monkeypatch.setattr(server, "answers", lambda trained: pending)
    app.run()
    (bar,) = app.get("progress")
    assert (bar.proto.value, bar.proto.text) == (40, "Reading 1,000 digits …")
    assert not app.metric
    pending.trouble = "It broke down."
    assert app.run().error[0].value == escape("It broke down.")
    monkeypatch.setattr(server, "answers", ask)
    assert app.run().metric
