"""Take it home: the exports on the pages, and a link that is opened."""

from __future__ import annotations

import dataclasses

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import keys, server, take_home
from s5core.export import link
from s5core.export.formats import EXPORTS
from s5core.export.source import Source
from s5core.runs import catalogue, folder
from s5core.steps import STEPS
from tests.helpers import APP, EVERY_KIND

STEP5 = STEPS["step5"]
OTHER = STEP5.recipe.replace(learning_rate=0.2, epochs=3, rotation=4.0, seed=11)


pytestmark = pytest.mark.usefixtures("nowhere")


def open_link(text: str) -> AppTest:
    """The first page of a session that opens a link."""
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params[link.PARAMETER] = text
    app.run()
    assert not app.exception
    return app


@pytest.mark.usefixtures("server_of_its_own")
def test_a_link_leads_to_the_same_controls_and_the_same_run() -> None:
    for layers in (STEP5.layers, EVERY_KIND):
        app = open_link(link.write("step5", layers, OTHER)).switch_page("pages/train.py").run()
        assert app.slider(key=keys.train_control("step5", "rotation", 1)).value == 4.0
        told = next(each.value for each in app.caption if "the recipe of the link" in each.value)
        assert ("a network of its own" in told) == (layers == EVERY_KIND)
        next(button for button in app.button if button.label == "Train").click().run()
        assert not app.exception
        run = folder.open_run(app.session_state[keys.NETWORK])
        assert (run.layers, run.recipe, run.step) == (layers, OTHER, "step5")


def test_a_bad_link_says_what_is_wrong() -> None:
    app = open_link("1." + "A" * 40)
    assert "it is damaged" in app.sidebar.error[0].value
    assert app.session_state[keys.NETWORK] == "step5"


def test_every_export_is_offered_on_look_inside() -> None:
    app = AppTest.from_file(APP, default_timeout=60).run().switch_page("pages/inside.py").run()
    assert not app.exception
    names = {button.label for button in app.get("download_button")}
    assert set(take_home.LABELS.values()) <= names
    text = next(each.value for each in app.code if link.PARAMETER in each.value)
    assert link.read(text) == link.Linked("step5", STEP5.layers, STEP5.recipe)


def test_an_untrained_network_offers_what_needs_no_weights() -> None:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["step"] = "base"
    app.run().switch_page("pages/inside.py").run()
    assert not app.exception
    disabled = {button.label for button in app.get("download_button") if button.proto.disabled}
    assert disabled == {take_home.LABELS[name] for name, export in EXPORTS.items() if export.trained}


def test_the_labels_are_those_of_the_exports() -> None:
    assert take_home.LABELS.keys() == EXPORTS.keys() - {"link"}


@pytest.mark.parametrize("name", ["report", "card"])
def test_a_file_waits_for_the_reader_of_digits(name: str) -> None:
    trained = server.trained(catalogue.of_step(STEP5))
    made = trained.checkpoint
    content = take_home._make(EXPORTS[name], Source("step5", made.layers, made.recipe, made), trained)
    assert b"1,000 digits" in content


def test_the_digits_that_are_kept_depend_on_the_folder_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread of the page before may still load them when the setting changes."""
    st.cache_resource.clear()
    monkeypatch.setenv("S5_DATA_DIR", "/nowhere")
    assert server._digits("", False, "test").name == "practice set"
    st.cache_resource.clear()


def test_a_file_tells_of_the_digits_that_the_run_was_validated_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test digits of a run that was validated on others are sealed."""
    trained = server.trained(catalogue.of_step(STEP5))
    held = dataclasses.replace(
        trained.checkpoint, recipe=STEP5.recipe.replace(split="holdout"), data="practice set holdout"
    )
    monkeypatch.setattr(trained, "checkpoint", held)
    content = take_home._make(EXPORTS["card"], Source("step5", held.layers, held.recipe, held), trained)
    assert b"333 digits" in content and b"1,000 digits" not in content
