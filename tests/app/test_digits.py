"""Page "Our digits", and the form of the page "Draw" that fills it."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from pages.parts import keys
from s5core import checkpoint, steps
from s5core.drawing import class_set, sketch
from s5core.drawing.class_set import ClassDigit
from s5core.evaluate import evaluate
from s5core.views import palette
from tests.helpers import APP, renewed

NETWORKS = len(list(checkpoint.FOLDER.glob("*.safetensors")))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path))
    return tmp_path / "class_digits"


def open_page(name: str = "digits", step: str = "step5") -> AppTest:
    test = AppTest.from_file(APP, default_timeout=60)
    test.session_state[keys.NETWORK] = step
    test.switch_page(f"pages/{name}.py").run()
    assert not test.exception
    return test


def keep(name: str, label: int | None = None, nickname: str = "") -> ClassDigit:
    strokes = sketch.strokes_of(sketch.hard_digit(name, 20).drawing)
    return class_set.keep(strokes, int(name[0]) if label is None else label, nickname, "a test")


def keep_three() -> list[ClassDigit]:
    """A seven, a four and a two; the four is said to be a nine, so that it is misread."""
    return [keep("7 with a bar", nickname="Ada"), keep("4, closed", 9), keep("2 with a loop")]


def html(app: AppTest) -> list[str]:
    return [element.proto.body for element in app.get("html")]


def words(app: AppTest) -> str:
    return " ".join(element.value for element in (*app.markdown, *app.info, *app.caption, *app.warning))


def click(app: AppTest, key: str) -> None:
    app.button(key=key).click().run()
    assert not app.exception


def links(app: AppTest) -> list[str]:
    return [link.proto.page for link in app.get("page_link")]


def test_an_empty_set_says_what_to_do() -> None:
    app = open_page()
    assert "There is no digit yet" in words(app) and links(app) == ["draw"]
    assert "Who can see it" in words(app) and not app.table and "<figure" not in "".join(html(app))


def test_each_network_is_counted_with_its_interval() -> None:
    keep_three()
    found = class_set.load()
    app = open_page()
    table = app.table[0].value
    shipped = [name for name in steps.STEPS if checkpoint.shipped_path(name).exists()]
    assert [name.strip("*")[:1] for name in table["Network"]] == ["1", "2", "3", "4", "5", "S", "S", "S"]
    for row, step in enumerate(shipped):
        trained = checkpoint.load(checkpoint.shipped_path(step))
        answers = evaluate(trained.model(), found.images, found.labels)
        assert table["Read right"][row] == f"{3 - answers.errors}\u00a0of\u00a03"
        assert table["95 % interval"][row].startswith(f"{answers.interval[0]:.1f} to ")
        assert table["MNIST's test digits"][row] == f"{trained.accuracy:.2f}\u00a0%"


def test_hollow_points_take_the_colour_of_the_page() -> None:
    keep_three()
    spec = json.loads(open_page().get("vega_lite_chart")[0].proto.spec)
    (fill,) = (layer["encoding"]["fill"] for layer in spec["layer"] if "fill" in layer["encoding"])
    assert fill["value"] == {"expr": "background"} and fill["condition"]["value"] == palette.OURS


def test_what_is_misread_is_marked_in_words() -> None:
    seven, _, two = keep_three()
    app = open_page()
    newest, marked, oldest = html(app)[0].split("<figure")[1:]
    assert f"#3: {two.label}, read as 2" in newest and "✗" not in newest
    assert "#2: 9, ✗ misread as 4" in marked and "4px" in marked
    assert f"#1: {seven.name}, read as 7" in oldest and "1px" in oldest
    app.toggle(key=keys.DIGITS_MISREAD).set_value(True).run()
    assert html(app)[0].count("<figure") == 1 and "misread as 4" in html(app)[0]
    app.toggle(key=keys.DIGITS_MISREAD).set_value(False).run()
    app.button_group(key=keys.DIGITS_LABEL).set_value(7).run()
    assert html(app)[0].count("<figure") == 1 and "by Ada" in html(app)[0]
    app.button_group(key=keys.DIGITS_LABEL).set_value(0).run()
    assert "There is no such digit" in words(app)


def test_confusions_are_named() -> None:
    keep_three()
    app = open_page()
    assert "misreads 9 as 4 (1×)" in words(app) and "**1** of the 9s read as 4" in words(app)
    class_set.delete_all()
    keep("7 with a bar")
    app.run()
    assert "reads every one of our digits as it was meant" in words(app)


def test_a_nickname_is_no_html() -> None:
    keep("7 with a bar", nickname="<img src=x>")
    page = html(open_page())[0]
    assert "<img src=x>" not in page and "&lt;img src=x&gt;" in page


def test_many_digits_come_in_parts() -> None:
    for i in range(61):
        class_set.keep([[(140, 40 + i / 10), (140, 240)]], 1, "", "me")
    app = open_page()
    assert html(app)[0].count("<figure") == 60 and "The newest 60 of 61" in words(app)
    app.toggle(key=keys.DIGITS_ALL).set_value(True).run()
    assert html(app)[0].count("<figure") == 61


def test_chosen_digits_are_deleted() -> None:
    seven, four, two = keep_three()
    app = open_page()
    assert app.button(key=keys.DIGITS_DELETE).disabled  # nothing is chosen
    app.button_group(key=renewed(app, keys.DIGITS_CHOSEN)).set_value([four.id]).run()
    assert app.button(key=keys.DIGITS_DELETE).label == "Delete 1 digit"
    click(app, keys.DIGITS_DELETE)
    assert class_set.load().digits == (seven, two)
    assert app.button_group(key=renewed(app, keys.DIGITS_CHOSEN)).value == []
    assert "those after it move up" in words(app)
    assert html(open_page())[0].count("<figure") == 2


def test_a_digit_that_another_teacher_deleted_is_chosen_no_more() -> None:
    _, four, two = keep_three()
    app = open_page()
    app.button_group(key=renewed(app, keys.DIGITS_CHOSEN)).set_value([four.id, two.id]).run()
    class_set.delete([four.id])
    app.run()
    assert not app.exception and app.button_group(key=renewed(app, keys.DIGITS_CHOSEN)).value == [two.id]


def test_all_are_deleted_with_the_damaged_ones(home: Path) -> None:
    keep_three()
    (home / "bad.json").write_text("{")
    app = open_page()
    assert "`bad.json`" in words(app)
    click(app, keys.DIGITS_DELETE_ALL)
    assert not list(home.glob("*.json")) and "There is no digit yet" in words(app)
    assert "4 digits deleted" in words(app)
    click(app, keys.DIGITS_UNDO)
    assert len(class_set.load().digits) == 3 and "`bad.json`" in words(app)
    click(app, keys.DIGITS_DELETE_ALL)
    click(app, keys.DIGITS_FORGET)
    assert not list(home.rglob("*.json")) and "deleted" not in words(app).split("What is kept")[0]


def upload(app: AppTest, content: bytes) -> None:
    app.file_uploader(key=keys.DIGITS_UPLOAD).upload("class.zip", content, "application/zip").run()
    assert not app.exception


def test_a_downloaded_set_is_read_in_again() -> None:
    keep_three()
    before = class_set.load()
    whole = class_set.archive(before, {})
    class_set.delete_all()
    app = open_page()
    upload(app, whole)
    assert class_set.load() == before
    assert app.success[0].value == "3 digits read in."
    app = open_page()
    upload(app, whole)
    assert class_set.load() == before
    assert app.success[0].value == "0 digits read in. 3 digits were here already."
    app = open_page()
    upload(app, b"something else")
    assert "no ZIP file" in app.warning[0].value


def test_a_nickname_is_no_markdown() -> None:
    keep("7 with a bar", nickname="*a* :red[b] $x$")
    (label,) = [option.content for option in open_page().button_group(key=keys.DIGITS_CHOSEN).proto.options]
    assert label.endswith(r"\#1\: 7 by \*a\* \:red\[b\] \$x\$") and label.startswith("![](data:image/png")


def test_damaged_files_alone_can_be_deleted(home: Path) -> None:
    home.mkdir()
    (home / "bad.json").write_text("{")
    app = open_page()
    assert "`bad.json`" in words(app) and "There is no digit yet" in words(app)
    click(app, keys.DIGITS_DELETE_ALL)
    assert not list(home.glob("*.json"))


def test_a_step_without_a_checkpoint_marks_nothing() -> None:
    keep_three()
    app = open_page(step="base")
    assert "is not trained yet" in words(app) and "✗" not in html(app)[0]
    assert len(app.table[0].value) == NETWORKS


def test_three_hundred_digits_open_fast() -> None:
    for i in range(300):
        class_set.keep([[(140 - i / 10, 40), (140, 240)]], 1, "", "me")
    app = open_page()
    start = time.process_time()
    app.run()
    assert time.process_time() - start < 2  # about 0.2 s: the digits have been read


def form(hard_digit: str = "7 with a bar") -> AppTest:
    app = open_page("draw")
    app.selectbox(key=keys.CANVAS_HARD_DIGIT).set_value(hard_digit).run()
    assert not app.exception
    return app


def button(app: AppTest):
    return next(button for button in app.button if button.label in ("Keep it", "Change it"))


def mean(app: AppTest, label: int) -> None:
    next(group for group in app.button_group if group.label == "I meant").set_value(label).run()
    assert not app.exception


def test_a_drawing_is_kept_once_and_can_be_corrected() -> None:
    app = form()
    assert button(app).disabled  # nothing has been said about it
    mean(app, 7)
    app.text_input(key=keys.DRAW_NICKNAME).set_value("  Ada ").run()
    button(app).click().run()
    assert app.success[0].value == "Kept as a 7: 1 digit in the class set."
    assert button(app).disabled
    (kept,) = class_set.load().digits
    assert (kept.label, kept.nickname) == (7, "Ada")
    mean(app, 1)
    assert button(app).label == "Change it" and not button(app).disabled
    button(app).click().run()
    assert app.success[0].value == "Kept as a 1: 1 digit in the class set."
    assert len(class_set.load().digits) == 1


def test_another_drawing_by_the_same_person_needs_its_own_label() -> None:
    app = form()
    mean(app, 7)
    app.text_input(key=keys.DRAW_NICKNAME).set_value("Ada").run()
    button(app).click().run()
    app.selectbox(key=keys.CANVAS_HARD_DIGIT).set_value("4, open").run()
    assert button(app).disabled and not app.success and app.text_input(key=keys.DRAW_NICKNAME).value == "Ada"
    mean(app, 4)
    button(app).click().run()
    assert app.success[0].value == "Kept as a 4: 2 digits in the class set."
    assert {kept.nickname for kept in class_set.load().digits} == {"Ada"}


def test_what_the_teacher_deleted_can_be_kept_again() -> None:
    app = form()
    mean(app, 7)
    button(app).click().run()
    class_set.delete_all()
    app.run()
    assert not app.success and not button(app).disabled


def test_a_full_set_and_a_full_disk_are_said_in_a_sentence(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = form()
    mean(app, 7)
    home.write_text("a file where the folder should be")
    button(app).click().run()
    assert "could not be kept" in app.error[0].value
    home.unlink()
    monkeypatch.setattr(class_set, "MAX_DIGITS", 0)
    button(app).click().run()
    assert "The class set is full" in app.error[0].value
    app.run()
    assert not app.error


def test_a_photograph_is_not_kept() -> None:
    app = form()
    app.segmented_control[0].set_value("Use a photograph").run()
    drawn = sketch.hard_digit("3 with a flat top", 20).pixels
    assert drawn is not None
    buffer = io.BytesIO()
    Image.fromarray(230 - drawn // 2).save(buffer, "PNG")
    upload = next(element for element in app.file_uploader if element.label == "A digit on paper")
    upload.upload("three.png", buffer.getvalue(), "image/png").run()
    assert "A photograph is not kept anywhere" in words(app)
    assert not any(button.label == "Keep it" for button in app.button)
