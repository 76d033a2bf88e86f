"""What pages show of the faults in tests/test_faults.py: a sentence, and the rest of the page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
import torch
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from pages.parts import keys, server, small
from s5core.events import Epoch, Metrics, Progress, Started, to_json, to_lines
from s5core.files import ROOT
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.executor import EXECUTORS
from s5core.runs.folder import Run
from s5core.steps import STEPS
from s5core.words import escape, message
from tests.helpers import APP, NOWHERE, ThreadWorker, wait_for

pytestmark = pytest.mark.usefixtures("nowhere")


@pytest.fixture(scope="module", autouse=True)
def queue() -> Iterator[None]:
    """One queue for all these tests, whose workers are threads: they start in a moment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (NOWHERE | {"S5_EXECUTOR": "threads"}).items():
            patch.setenv(name, value)
        patch.setitem(EXECUTORS, "threads", ThreadWorker)
        threads = torch.get_num_threads()
        st.cache_resource.clear()
        server.jobs()
        yield
        st.cache_resource.clear()
        torch.set_num_threads(threads)


def new(**changes: object) -> Run:
    step = STEPS["step5"]
    return folder.create("mine", "step5", step.layers, step.recipe.replace(**changes))


def open_page(page: str, run: Run | None = None) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["step"] = "step5"
    if run is not None:
        app.query_params["run"] = run.id
    app.run().switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app


def test_a_damaged_run_is_listed_and_every_page_works():
    good, bad = new(), new()
    (bad.folder / "config.json").write_text("[" * 50_000)
    app = open_page("runs")
    assert [box.label for box in app.expander if "damaged" in box.label] == ["1 damaged run"]
    assert any("cannot be read" in caption.value for caption in app.caption)
    open_page("train", good)
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["run"] = bad.id
    assert not app.run().exception
    assert any("cannot be read" in warning.value for warning in [*app.warning, *app.error, *app.info])


@pytest.mark.parametrize("page", sorted(path.stem for path in (ROOT / "pages").glob("*.py")))
def test_a_run_that_goes_while_a_page_is_drawn_gives_way_to_its_step(page, monkeypatch):
    run = new()
    app = open_page(page, run)
    drawn = small.hide_toolbars

    def draw_and_delete() -> None:  # called after the sidebar and before the page
        drawn()
        folder.delete([run.id])

    monkeypatch.setattr(small, "hide_toolbars", draw_and_delete)
    said = []
    for _ in range(2):  # a page that does not look at the run again finds it gone only the next time
        app.run()
        assert not app.exception
        said += [error.value for error in app.sidebar.error]
    assert app.session_state[keys.NETWORK] == "step5"
    assert len(said) == 1 and escape(f"There is no run {run.id} here") in said[0]


def odd_logs() -> dict[str, bytes]:
    started = Started("CPU", "MNIST", 60_000, 10_000, 9192, 14, 469, 1)
    look = Progress(1, 3, 2.0, 50.0, 0.1, 900.0)
    metrics = Metrics(1, 0.5, 80.0, 0.4, 90.0, 100, 0.1, 1.5)
    zero = json.dumps(to_json(started) | {"batches": 0}).encode() + b"\n"
    still = json.dumps(to_json(look) | {"images_per_second": 0}).encode() + b"\n"
    digits = json.dumps(to_json(look)).replace("900.0", "9" * 400).encode() + b"\n"
    return {
        "no batches": zero + to_lines([look, Epoch(metrics)]),
        "no speed": to_lines([started]) + still,
        "400 digits": to_lines([started]) + digits,
        "deep": b"[" * 200_000 + b"\n" + to_lines([started, look]),
        "more epochs than planned": to_lines(
            [
                started,
                look,
                *[Epoch(Metrics(epoch, 0.5, 80.0, 0.4, 90.0, 1, 0.1, 1.5)) for epoch in range(1, 200)],
            ]
        ),
    }


@pytest.mark.parametrize("name", odd_logs())
def test_an_odd_log_makes_no_exception(name):
    run = new()
    run.events_path.write_bytes(odd_logs()[name])
    open_page("train", run)
    open_page("runs", run)


@pytest.mark.skipif(os.name == "nt", reason="needs pipes as Unix has them")
def test_a_log_that_is_a_pipe_is_told():
    run = new()
    os.mkfifo(run.events_path)
    app = open_page("train", run)
    assert "The log of this run cannot be read" in shown(app)


def shown(app: AppTest) -> str:
    """The text of the bar of the transport."""
    return " ".join(element.proto.text for element in app.get("progress"))


def test_the_reason_is_shown_although_the_log_cannot_be_written():
    run = new(epochs=1)
    run.events_path.mkdir()  # nobody can write a log there
    jobs = server.jobs()
    jobs.submit(run)
    wait_for(lambda: jobs.trouble(run.id))
    app = open_page("train", run)
    assert "The run could not be written" in shown(app) and "Is a directory" in shown(app)


def forged(id: str, **value: object) -> WidgetStates:
    """What a browser sends that somebody has changed."""
    states = WidgetStates()
    state = states.widgets.add()
    assert isinstance(state, WidgetState)
    state.id = id
    for field, content in value.items():
        if isinstance(content, list):
            getattr(state, field).data.extend(content)
        else:
            setattr(state, field, content)
    return states


@pytest.mark.parametrize("content", ["cuda:99", "x" * 100_000])
def test_a_forged_choice_changes_nothing(content):
    app = open_page("train")
    for box in list(app.selectbox):
        app._run(forged(box.proto.id, string_value=content))
        assert not app.exception, box.label
    for slider in app.get("select_slider"):
        app._run(forged(slider.proto.id, string_array_value=[content]))
        assert not app.exception
    assert app.session_state[keys.NETWORK] == "step5"


@pytest.mark.parametrize("number", [1e300, -1e300, 1e9])
def test_a_forged_number_is_refused_in_a_sentence_and_trains_nothing(number):
    app = open_page("train")
    (epochs,) = [slider for slider in app.slider if slider.label == "Epochs"]
    app._run(forged(epochs.proto.id, double_array_value=[number]))
    assert not app.exception
    assert not folder.list_runs()


def test_a_recipe_with_a_device_that_is_not_here_trains_nowhere():
    run = folder.create("mine", "step5", STEPS["step5"].layers, Recipe(epochs=1, device="cuda:99"))
    jobs = server.jobs()
    jobs.submit(run)
    wait_for(lambda: jobs.trouble(run.id))
    assert message("no device 'cuda:99'") in shown(open_page("train", run))


def test_a_damaged_checkpoint_is_told_on_each_page(tmp_path: Path):
    run = new()
    run.model_path.write_bytes(b"no checkpoint")
    for page in ("draw", "inside", "mistakes"):
        app = open_page(page, run)
        assert any("no safetensors file" in error.value for error in app.error), page
