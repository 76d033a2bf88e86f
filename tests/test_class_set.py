from __future__ import annotations

import csv
import io
import json
import multiprocessing
import time
import zipfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from s5core import checkpoint
from s5core.drawing import class_set, fit, sketch
from s5core.drawing.class_set import ClassDigit, ClassSetError, Imported, Reader
from s5core.drawing.fit import DigitError
from s5core.evaluate import Evaluation, evaluate
from s5core.recipe import Recipe
from s5core.runs import folder, people
from tests.helpers import LEAST

SEVEN = [[(70.0, 60.0), (205.04, 60.0), (130.0, 240.0)]]
GOOD = {
    "strokes": [[[70, 60], [130, 240]]],
    "label": 7,
    "nickname": "Ada",
    "time": "2030-01-31T09:15:00+00:00",
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path))
    return tmp_path / "class_digits"


def hard(name: str) -> list[sketch.Stroke]:
    return sketch.strokes_of(sketch.hard_digit(name, 20).drawing)


def keep_all() -> None:
    for name in sketch.HARD:
        label = int(next(letter for letter in name if letter.isdecimal()))
        class_set.keep(hard(name), label, name[: people.NICKNAME], "me")


def write(home: Path, name: str, content: object) -> None:
    home.mkdir(exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    (home / name).write_text(text)


def test_a_digit_is_found_again_as_it_was_drawn() -> None:
    strokes = hard("8, not quite closed")
    made = class_set.keep(strokes, 8, "Ada", "me")
    (found,) = class_set.load().digits
    assert found == made == class_set.find(made.id)
    assert (found.label, found.nickname, found.name) == (8, "Ada", "8 by Ada")
    assert found.time.utcoffset() == timedelta(0)
    difference = found.seen.int() - fit.of_strokes(strokes).int()
    assert difference.abs().float().mean() < 1 and found.seen.max() > 200


def test_a_file_says_no_more_than_the_page_says(home: Path) -> None:
    made = class_set.keep(SEVEN, 7, "Ada", "the author")
    content = json.loads((home / f"{made.id}.json").read_text())
    assert sorted(content) == ["label", "nickname", "strokes", "time"]
    assert content["strokes"] == [[[70, 60], [205, 60], [130, 240]]]  # rounded to a tenth
    assert [path.name for path in home.iterdir()] == [f"{made.id}.json"]


def test_points_close_together_are_left_out_but_not_the_last() -> None:
    line = [[(x / 10, 100.0) for x in range(1004)]]
    (stroke,) = class_set.keep(line, 1, "", "me").strokes
    assert 95 <= len(stroke) <= 101 and stroke[0] == (0, 100) and stroke[-1] == (100.3, 100)
    (dot,) = class_set.keep([[(50.0, 50.0), (50.0, 50.0)]], 1, "", "me").strokes
    assert dot == [(50, 50)]
    assert class_set.load().digits[-1].seen.max() > 0


def test_keeping_again_adds_nothing_and_a_correction_replaces(home: Path) -> None:
    first = class_set.keep(SEVEN, 7, "Ada", "me")
    assert class_set.keep(SEVEN, 7, " Ada ", "me") == first
    corrected = class_set.keep(SEVEN, 1, "Ada", "me")
    assert class_set.load().digits == (corrected,) and corrected.label == 1
    class_set.keep(SEVEN, 1, "Ada", "somebody else")
    assert len(class_set.load().digits) == 2


def test_the_set_is_no_run(home: Path) -> None:
    class_set.keep(SEVEN, 7, "", "me")
    run = folder.create("mine", "step5", LEAST, Recipe())
    assert folder.list_runs() == [run]
    write(home, "config.json", GOOD)
    assert folder.list_runs() == [run]
    with pytest.raises(folder.RunError):
        folder.open_run("class_digits")


def _keep_many(writer: int) -> None:
    for i in range(20):
        class_set.keep([[(i, 5), (100, 200)]], i % 10, f"writer {writer}", f"{writer}")
        class_set.keep([[(0, 0), (9, 99)]], 1, f"{i}", "all of them")  # one file that all fight for


@pytest.mark.slow
def test_many_keep_at_the_same_moment_while_others_look(home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_keep_many, args=(writer,)) for writer in range(3)]
    for process in writers:
        process.start()
    looks = 0
    while any(process.is_alive() for process in writers):
        assert class_set.load().damaged == ()
        looks += 1
        time.sleep(0.01)  # the writers need the core, too
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0] * 3 and looks > 1
    found = class_set.load()
    assert len(found.digits) == 3 * 20 + 1 and found.damaged == ()
    assert len(list(home.iterdir())) == 3 * 20 + 1  # no part of a file is left behind


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "null",
        "[]",
        "[" * 100_000,
        json.dumps(GOOD)[:40],
        json.dumps(GOOD) + " " * class_set.MAX_BYTES,
        {},
        GOOD | {"label": 10},
        GOOD | {"label": True},
        GOOD | {"label": "7"},
        GOOD | {"nickname": 3},
        GOOD | {"nickname": None},
        GOOD | {"time": "yesterday"},
        GOOD | {"time": 5},
        GOOD | {"strokes": []},
        GOOD | {"strokes": [[]]},
        GOOD | {"strokes": 3},
        GOOD | {"strokes": [[[1]]]},
        GOOD | {"strokes": [[[1, "x"]]]},
        GOOD | {"strokes": [[[float("nan"), 1], [2, 3]]]},
        GOOD | {"strokes": [[[1e300, 1], [2, 3]]]},
        GOOD | {"strokes": [[[10**400, 1], [2, 3]]]},
        GOOD | {"strokes": [[[1, 2]] * (class_set.MAX_POINTS + 1)]},
    ],
)
def test_a_damaged_file_is_named_and_hides_no_other(home: Path, content: object) -> None:
    good = class_set.keep(SEVEN, 7, "", "me")
    write(home, "bad.json", content)
    found = class_set.load()
    assert found.digits == (good,) and found.damaged == ("bad.json",)
    assert class_set.find("bad") is None
    write(home, "bad.json", GOOD)  # mended by hand
    assert len(class_set.load().digits) == 2


def test_what_is_no_file_of_the_set_does_no_harm(home: Path) -> None:
    good = class_set.keep(SEVEN, 7, "", "me")
    (home / "folder.json").mkdir()
    write(home, "notes.txt", "hello")
    write(home, ".bad.json.123.part", "{")
    write(home, "a name with blanks.json", GOOD)
    found = class_set.load()
    assert found.digits == (good,) and found.damaged == ("a name with blanks.json", "folder.json")


def test_a_foreign_nickname_is_cleaned_as_well(home: Path) -> None:
    write(home, "foreign.json", GOOD | {"nickname": "A\ud800\u202eda\n" + "x" * 50})
    (found,) = class_set.load().digits
    assert found.nickname == "Ada " + "x" * 16


@pytest.mark.parametrize("id", ["", "..", "../x", "a/b", "a\0b", "C:\\x", "x" * 100])
def test_an_id_cannot_leave_the_folder(id: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no id of a digit"):
        class_set.delete([id])


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ClassSetError, match="nothing drawn"):
        class_set.keep([], 7, "", "me")
    long = [[(i % 2 * 100, i % 280) for i in range(class_set.MAX_POINTS + 1)]]
    with pytest.raises(ClassSetError, match="too large for one digit"):
        class_set.keep(long, 7, "", "me")
    with pytest.raises(ClassSetError, match="too large for one digit"):
        class_set.keep([[(0, 0), (1e6, 0)]], 7, "", "me")
    with pytest.raises(ValueError, match="10 is no digit"):
        class_set.keep(SEVEN, 10, "", "me")
    class_set.keep([long[0][:-1]], 7, "", "me")
    assert class_set.load().damaged == ()  # the largest drawing can be read again
    monkeypatch.setattr(class_set, "MAX_DIGITS", 2)
    kept = class_set.keep(SEVEN, 7, "", "me")
    with pytest.raises(ClassSetError, match="full with 2 digits"):
        class_set.keep(SEVEN, 7, "", "you")
    assert class_set.keep(SEVEN, 1, "", "me").id == kept.id  # a correction takes no room


@pytest.mark.parametrize(
    ("typed", "nickname"),
    [
        ("", ""),
        ("  Ada \t Lovelace\n", "Ada Lovelace"),
        ("Zoë", "Zoë"),
        ("小明", "小明"),
        ("\u202eevil\u0000\u200b", "evil"),
        ("\ud83d", ""),  # half a character
        ("x" * 1000, "x" * 20),
        ("\ufdfa" * 1000, "صلى الله عليه وسلمصل"),  # each becomes eighteen characters
        ("<b>", "<b>"),
    ],
)
def test_nicknames_are_short_and_visible(typed: str, nickname: str) -> None:
    assert people.clean_nickname(typed) == nickname
    assert class_set.keep(SEVEN, 7, typed, "me").nickname == nickname
    assert class_set.load().digits[0].nickname == nickname


def test_deletion_lasts(home: Path) -> None:
    first = class_set.keep(SEVEN, 7, "", "me")
    second = class_set.keep(hard("4, open"), 4, "", "me")
    before = class_set.version()
    class_set.delete([first.id, first.id, "0123"])
    assert class_set.load().digits == (second,) and class_set.version() != before
    write(home, "bad.json", "{")
    class_set.delete_all()
    assert class_set.load() == class_set.ClassSet((), ()) and not list(home.glob("*.json"))
    class_set.delete_all()
    assert class_set.deleted() == 2  # there was nothing to delete, so the last deletion can be undone still
    class_set.forget_deleted()
    assert class_set.deleted() == class_set.bring_back() == 0 and not list(home.rglob("*.json"))


def test_the_last_deletion_can_be_undone(home: Path) -> None:
    first = class_set.keep(SEVEN, 7, "Ada", "me")
    second = class_set.keep(hard("4, open"), 4, "", "me")
    class_set.delete([first.id])
    before = class_set.version()
    assert class_set.deleted() == 1 and class_set.bring_back() == 1
    assert class_set.load().digits == (first, second) and class_set.version() != before
    class_set.delete([first.id])
    class_set.delete([second.id])
    assert class_set.bring_back() == 1 and class_set.load().digits == (second,)  # the first has gone


def test_what_was_kept_again_is_not_overwritten(home: Path) -> None:
    first = class_set.keep(SEVEN, 7, "Ada", "me")
    class_set.delete_all()
    again = class_set.keep(SEVEN, 1, "Bob", "me")
    assert again.id == first.id and class_set.bring_back() == 0
    assert class_set.load().digits == (again,) and class_set.deleted() == 0


def test_nothing_is_there_at_first(home: Path) -> None:
    assert class_set.load().digits == () and class_set.version() == 0 and not home.exists()


class CountedModel(torch.nn.Module):
    """Step 5 as shipped, which counts what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.network = checkpoint.load(checkpoint.shipped_path("step5")).model()
        self.digits = 0

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.digits += len(images)
        logits: torch.Tensor = self.network(images)
        return logits


def test_a_reader_reads_each_digit_once() -> None:
    keep_all()
    model = CountedModel()
    reader = Reader(model)
    found = class_set.load()
    whole = evaluate(model.network, found.images, found.labels)
    assert torch.allclose(reader.read(found).logits, whole.logits, atol=1e-4)
    assert torch.equal(reader.read(class_set.load()).labels, whole.labels) and model.digits == len(
        sketch.HARD
    )
    class_set.delete([found.digits[0].id])
    corrected = class_set.keep(found.digits[1].strokes, 0, "", "you")
    again = reader.read(class_set.load())
    assert model.digits == len(sketch.HARD) + 1
    assert torch.allclose(again.logits[:-1], whole.logits[1:], atol=1e-4)
    assert int(again.labels[-1]) == corrected.label == 0


def archive(readings: dict[str, Evaluation]) -> tuple[zipfile.ZipFile, list[list[str]]]:
    file = zipfile.ZipFile(io.BytesIO(class_set.archive(class_set.load(), readings)))
    assert file.testzip() is None
    return file, list(csv.reader(io.StringIO(file.read("digits.csv").decode("utf-8-sig"), newline="")))


def picture(file: zipfile.ZipFile, name: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file.read(name))))


def test_the_export_holds_each_digit_and_each_answer() -> None:
    keep_all()
    found = class_set.load()
    network = checkpoint.load(checkpoint.shipped_path("step5")).model()
    answers = evaluate(network, found.images, found.labels)
    file, (header, *rows) = archive({"Step 5": answers})
    assert header == ["file", "label", "nickname", "time", "Step 5: answer", "Step 5: confidence"]
    assert len(rows) == len(found.digits) == len(sketch.HARD) and len(file.namelist()) == 2 + 2 * len(rows)
    for i, (row, each) in enumerate(zip(rows, found.digits, strict=True)):
        assert row[:3] == [f"{each.label}_{each.id}.png", str(each.label), each.nickname]
        assert row[3] == each.time.isoformat(timespec="seconds")
        assert int(row[4]) == int(answers.predictions[i])
        assert float(row[5]) == pytest.approx(float(answers.probabilities[i].max()), abs=1e-4)
        assert np.array_equal(picture(file, f"28x28/{row[0]}"), each.seen[0, 0].numpy())
        drawn = picture(file, f"280x280/{row[0]}")
        (name,) = (name for name in sketch.HARD if name.startswith(each.nickname))
        original = sketch.hard_digit(name, 20).pixels
        assert original is not None and drawn.shape == (280, 280)
        assert np.abs(drawn.astype(int) - original).mean() < 2


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝"])
def test_no_nickname_and_no_title_becomes_a_formula(sign: str) -> None:
    class_set.keep(SEVEN, 7, f"{sign}1+1", "me")
    answers = Evaluation(torch.eye(10)[[7]], torch.tensor([7]))
    _, (header, row) = archive({f"{sign}HYPERLINK(0)": answers})
    cells = [row[2], *header[4:]]
    assert len(cells) == 3 and all(cell.startswith(("'=", "'+", "'-", "'@", "'＝")) for cell in cells)


def test_a_comma_and_a_quote_stay_in_their_cell() -> None:
    class_set.keep(SEVEN, 7, 'a,"b";', "me")
    assert archive({})[1][1][2] == 'a,"b";'


def test_names() -> None:
    made = class_set.keep(SEVEN, 7, "", "me")
    assert isinstance(made, ClassDigit) and made.name == "7"


def test_several_digits_side_by_side_are_no_digit() -> None:
    two = [[(60.0, 60.0), (60.0, 220.0)], [(200.0, 60.0), (200.0, 220.0)]]
    with pytest.raises(DigitError, match="one digit at a time"):
        class_set.keep(two, 1, "", "someone")
    assert not class_set.load().digits


def packed(content: object, name: str = "digits.json") -> bytes:
    """A ZIP file with one file: the content as JSON, or a text as it is."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return buffer.getvalue()


def test_an_archive_is_read_in_again_and_doubles_nothing() -> None:
    keep_all()
    before = class_set.load()
    whole = class_set.archive(before, {})
    class_set.delete([each.id for each in before.digits[:3]])
    assert class_set.read_archive(whole) == Imported(3, len(before.digits) - 3, ())
    assert class_set.load() == before
    renamed = [GOOD | {"id": "a"}, GOOD | {"id": "b"}, GOOD | {"id": "a"}]
    assert class_set.read_archive(packed(renamed)) == Imported(1, 2, ())


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"label": 10}, "its label is not a digit"),
        ({"label": True}, "its label is not a digit"),
        ({"strokes": []}, "its strokes are missing or too large"),
        ({"strokes": [[[1e9, 0], [0, 0]]]}, "its strokes are missing or too large"),
        ({"strokes": [[["x", 0]]]}, "could not convert"),
        ({"nickname": 5}, "its nickname is not a text"),
        ({"id": "../evil"}, "is no id of a digit"),
        ({"id": "中" * 80}, "is no id of a digit"),
        ({"strokes": [[[50 + i / 997, 100 + i / 991] for i in range(9000)]]}, "its strokes are too large"),
        ({"time": "noon"}, "Invalid isoformat"),
    ],
)
def test_a_bad_entry_is_named_and_the_others_are_kept(
    wrong: dict[str, object], reason: str, tmp_path: Path
) -> None:
    good, bad = GOOD | {"id": "good"}, GOOD | {"id": "bad"} | wrong
    found = class_set.read_archive(packed([bad, good]))
    assert (found.new, found.known) == (1, 0) and len(found.bad) == 1
    assert found.bad[0].startswith("entry 1 (") and reason in found.bad[0]
    assert [each.id for each in class_set.load().digits] == ["good"] and not class_set.load().damaged
    assert not list(tmp_path.glob("*.json"))


def test_an_entry_that_lacks_something_is_named() -> None:
    assert class_set.read_archive(packed([{"id": "x"}, 5])).bad[0] == "entry 1 ('strokes' is missing)"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no archive", "no ZIP file"),
        (packed([], "other.json"), "downloaded from this page"),
        (packed("{"), "is damaged"),
        (packed({"a": 1}), "is no list"),
        (packed("[" * 100_000), "is damaged"),
        (packed(" " * (class_set.MAX_TABLE + 1)), "too large"),
    ],
)
def test_what_is_no_archive_is_told(content: bytes, words: str) -> None:
    with pytest.raises(ClassSetError, match=words):
        class_set.read_archive(content)


def test_more_digits_than_there_is_room_for_are_refused_together(monkeypatch: pytest.MonkeyPatch) -> None:
    class_set.keep(SEVEN, 7, "", "me")
    monkeypatch.setattr(class_set, "MAX_DIGITS", 2)
    other = [[[70, 60], [131, 240]]]
    two = packed([GOOD | {"id": "a"}, GOOD | {"id": "b", "strokes": other}])
    with pytest.raises(ClassSetError, match="2 new digits, and the class set has room for 1"):
        class_set.read_archive(two)
    assert len(class_set.load().digits) == 1
