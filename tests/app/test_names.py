"""What people type, such as the name of a run, is text on every page and never Markdown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import keys, visitor
from s5core import checkpoint
from s5core.drawing import class_set, sketch
from s5core.events import Diverged, Epoch, Failed, Finished, Started, to_lines
from s5core.files import ROOT
from s5core.runs import folder, people
from s5core.runs.folder import Run
from s5core.steps import STEPS
from tests.helpers import APP, EVERY_KIND, TINY, made_of, nodes, wait_for

pytestmark = pytest.mark.usefixtures("nowhere", "server_of_its_own")

NAME = "![](http://evil.example/p.png) **x** [l](javascript:1) $a$ :red[b]"
MARKDOWN = ("![](", "**x**", "[l](", "$a$", ":red[b]")
READ_AS_MARKDOWN = ("body", "label", "help", "text")  # fields of Streamlit's elements
NO_MARKDOWN = ("html", "code", "vega_lite_chart", "bokeh_chart", "imgs", "text_input", "text_area")
OPEN = (keys.RUNS_BOARD, keys.TRAIN_MORE, keys.TRAIN_MOTION, keys.TRAIN_FINDER, keys.STEPS_COMPARISON)


def make(title: str = NAME, layers=TINY, owner: str = "ada") -> Run:
    """A finished run of one epoch, shared, with a checkpoint whose digits have an odd name as well."""
    made = made_of(layers)
    recipe = made.recipe.replace(learning_rate=0.1 + 0.1 * (layers is TINY))
    made = dataclasses.replace(made, data=f"practice set {NAME}", recipe=recipe)
    run = folder.create(title, "step5", layers, made.recipe, people.id_of(owner))
    checkpoint.save(made, run.model_path)
    started = Started(NAME, "practice set", 4000, 1000, made.parameters, 1, 32, 1)
    run.events_path.write_bytes(to_lines([started, Epoch(made.history[0]), Finished.of(made.history)]))
    return folder.share(run, True)


def open_page(page: str, run: Run, *chosen: Run, **state: Any) -> AppTest:
    app = AppTest.from_file(APP, default_timeout=60)
    app.query_params["run"] = run.id
    if page != "steps":  # the first page
        app.run().switch_page(f"pages/{page}.py")
    for key in OPEN:
        app.session_state[key] = True
    for key, value in state.items():
        app.session_state[key] = value
    app.session_state[keys.RUNS_CHOSEN] = [each.id for each in chosen]
    app.run()
    if page == "draw":
        app.selectbox(key=keys.CANVAS_HARD_DIGIT).set_value("7 with a bar").run()
    assert not app.exception
    return app


def texts(message: Any) -> Iterator[str]:
    """The texts of an element that a browser reads as Markdown."""
    for field, value in message.ListFields():
        if field.type == field.TYPE_MESSAGE and not field.is_repeated and field.name not in NO_MARKDOWN:
            yield from texts(value)
        elif field.name in READ_AS_MARKDOWN and isinstance(value, str):
            yield value


def shown(app: AppTest) -> list[str]:
    """All that the page shows as Markdown."""
    found = []
    for node in nodes(app._tree):
        if getattr(node, "type", "") in NO_MARKDOWN or node.proto is None:
            continue
        found += texts(node.proto)
        if node.type == "table":
            found += [str(cell) for cell in (*node.value.columns, *node.value.to_numpy().ravel())]
    return found


def check(app: AppTest, at_least: int = 0) -> None:
    """That no name is Markdown, and that the page shows it so often at least, when all has been read."""
    wait_for(lambda: sum(r"\!\[\]\(http\:" in text for text in shown(app.run())) >= at_least)
    assert not app.exception
    assert [text for text in shown(app) if any(sign in text for sign in MARKDOWN)] == []


@pytest.fixture
def ada() -> None:
    people.set_nickname(people.id_of("ada"), "**x** [l](a) $a$")


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("page", sorted(path.stem for path in (ROOT / "pages").glob("*.py")))
def test_a_name_is_text_on_every_page(page: str) -> None:
    run, other = make(), make(f"{NAME} 2", EVERY_KIND)
    for name in ("7 with a bar", "4, closed"):
        strokes = sketch.strokes_of(sketch.hard_digit(name, 20).drawing)
        class_set.keep(strokes, int(name[0]), "**x** [l](a)", "a test")
    for chosen in ((run,), (run, other)) if page == "runs" else ((),):
        check(open_page(page, run, *chosen, **{keys.STEPS_FROM: run.id, keys.STEPS_TO: other.id}))


def test_a_name_is_there_for_all_to_see() -> None:
    run, other = make(), make(f"{NAME} 2", EVERY_KIND)
    check(open_page("draw", run), at_least=2)
    check(open_page("runs", run, run, other), at_least=4)
    check(open_page("train", run), at_least=1)
    check(open_page("mistakes", run), at_least=4)
    check(open_page("steps", run, **{keys.STEPS_FROM: run.id, keys.STEPS_TO: other.id}), at_least=3)


@pytest.mark.parametrize("end", [Failed(NAME), Diverged(1, 1, float("nan"), 0.1)])
def test_the_name_of_a_run_without_weights_is_text(end: Failed | Diverged) -> None:
    run = folder.create(NAME, "step5", TINY, STEPS["step5"].recipe)
    run.events_path.write_bytes(to_lines([Started(NAME, NAME, 60000, 10000, 1, 14, 469, 1), end]))
    for page in ("draw", "inside", "mistakes", "train", "digits", "design"):
        check(open_page(page, run), at_least=page not in ("digits", "design"))


def test_a_refusal_that_names_a_run_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S5_TEACHER_SECRET", "a secret of ours")
    monkeypatch.setattr(visitor, "is_local", lambda: False)
    run = make()
    app = open_page("runs", run, run)
    # The buttons of a run are drawn for its owner alone: a forged click leaves the refusal as this does.
    app.session_state[keys.message("runs")] = f"The run {run.title} is not yours, so you cannot change it."
    app.run()
    assert "not yours" in app.error[0].value
    check(app, at_least=1)
