"""Hand-ins: right figures pass, and forged ones are told apart, each with its reason."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from s5core import checkpoint
from s5core.__main__ import app
from s5core.checkpoint import Checkpoint
from s5core.data import Digits
from s5core.evaluate import evaluate
from s5core.export import hand_in
from s5core.export.hand_in import Finding, HandInError
from s5core.export.report import DATA, report
from s5core.export.source import Answers, Source
from s5core.shell import hand_ins
from tests.helpers import EVERY_KIND, TINY, made_of


def report_of(made: Checkpoint, digits: Digits) -> bytes:
    found = evaluate(made.model(), digits.validation_images, digits.validation_labels)
    return report(Source("mine", made.layers, made.recipe, made, "step5", "Mine", Answers(digits, found)))


def changed(page: bytes, change: Callable[[dict], object]) -> bytes:
    """A report with other data in it."""
    found = json.loads(DATA.search(page)[2])
    change(found)
    return DATA.sub(lambda match: match[1] + json.dumps(found).encode() + match[3], page)


def with_accuracy(made: Checkpoint, accuracy: float) -> Checkpoint:
    return replace(made, history=(replace(made.history[-1], validation_accuracy=accuracy),))


def check(folder: Path, digits: Digits) -> dict[str, Finding]:
    return {each.file: each for each in hand_in.check_all(hand_in.files([folder]), lambda: digits)}


@pytest.fixture
def five(tmp_path: Path, practice: Digits) -> Path:
    """A folder of five hand-ins, two of them tampered with, beside a file that is no hand-in."""
    folder = tmp_path / "class"
    (folder / "eve").mkdir(parents=True)
    ada, ben, cleo, dan, eve = (
        made_of(layers, seed) for seed, layers in enumerate((TINY, TINY, EVERY_KIND, TINY, TINY))
    )
    checkpoint.save(ada, folder / "ada.safetensors")
    (folder / "ben.html").write_bytes(report_of(ben, practice))
    (folder / "cleo.html").write_bytes(report_of(cleo, practice))
    checkpoint.save(with_accuracy(dan, 99.45), folder / "dan.safetensors")
    forged = changed(report_of(eve, practice), claim(parameters=210))
    (folder / "eve" / "report.html").write_bytes(forged)
    (folder / "notes.txt").write_text("no hand-in")
    return folder


def test_two_of_five_are_told_apart(five, practice):
    found = check(five, practice)
    assert list(found) == ["ada.safetensors", "ben.html", "cleo.html", "dan.safetensors", "eve/report.html"]
    assert [each.verdict for each in found.values()] == ["right", "right", "right", "differs", "differs"]
    assert found["dan.safetensors"].reason.startswith("It claims 99.45 %, and its weights reach")
    assert "It claims 210 parameters, and its network has" in found["eve/report.html"].reason
    assert not any(each.reason for each in found.values() if each.verdict == "right")
    assert all(each.data == "practice set" and each.digits == 1000 for each in found.values())


def swap(found: dict) -> None:
    found["checkpoint"] = base64.b64encode(checkpoint.to_bytes(made_of(TINY, 9))).decode()


def claim(**figures: object) -> Callable[[dict], object]:
    return lambda found: found["claims"].update(figures)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda page: changed(page, swap), "It claims .* %, and its weights reach"),
        (lambda page: changed(page, claim(accuracy=99.5)), "It claims 99.50 %, and its weights reach"),
        (lambda page: changed(page, claim(epochs=14)), "It claims 14 epochs, and its history has 1"),
        (lambda page: changed(page, claim(data="MNIST")), "claims to have read MNIST"),
        (
            lambda page: re.sub(rb"<strong>[\d.]+ %", b"<strong>99.50 %", page),
            "The text of the report was changed",
        ),
        (
            lambda page: page.replace(b"</body>", b"<p>99.9 %</p></body>"),
            "The text of the report was changed",
        ),
    ],
)
def test_a_forged_report_is_told_apart(tmp_path, practice, change, words):
    page = report_of(made_of(TINY), practice)
    (tmp_path / "mine.html").write_bytes(change(page))
    (found,) = check(tmp_path, practice).values()
    assert found.verdict == "differs"
    assert re.search(words, found.reason)


def test_line_ends_may_change_on_the_way(tmp_path, practice):
    page = report_of(made_of(TINY), practice)
    (tmp_path / "mine.html").write_bytes(page.replace(b"\n", b"\r\n"))
    assert check(tmp_path, practice)["mine.html"].verdict == "right"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.html", lambda page: b"", "no report of this program"),
        ("cut.html", lambda page: page[: len(page) // 2], "no report of this program"),
        ("twice.html", lambda page: page + page, "no report of this program"),
        ("data.html", lambda page: changed(page, lambda found: found.pop("claims")), "damaged report"),
        (
            "bytes.html",
            lambda page: changed(page, lambda found: found.update(checkpoint="!")),
            "damaged report",
        ),
        ("old.html", lambda page: changed(page, lambda found: found.update(format=9)), "format 9"),
        ("word.html", lambda page: changed(page, claim(accuracy="x")), "damaged report"),
        ("nan.html", lambda page: changed(page, claim(accuracy=math.nan)), "damaged report"),
        ("infinite.html", lambda page: changed(page, claim(accuracy=math.inf)), "damaged report"),
        ("over.html", lambda page: changed(page, claim(accuracy=10**400)), "damaged report"),
        ("below.html", lambda page: changed(page, claim(parameters=-1)), "damaged report"),
        ("part.html", lambda page: changed(page, claim(epochs=1.5)), "damaged report"),
        ("digits.html", lambda page: changed(page, claim(data="my digits")), "damaged report"),
        ("key.html", lambda page: changed(page, lambda found: found.update(more="99.9 %")), "damaged report"),
        ("claim.html", lambda page: changed(page, claim(more="99.9 %")), "damaged report"),
        ("claims.html", lambda page: changed(page, lambda found: found.update(claims=[])), "damaged report"),
        (
            "shown.html",
            lambda page: changed(page, lambda found: found.update(text="</SCRIPT><h1>99.9 %</h1>")),
            "damaged report",
        ),
        (
            "other.safetensors",
            lambda page: checkpoint.to_bytes(replace(made_of(TINY), data="my digits")),
            "digits that this program does not have",
        ),
        ("cut.safetensors", lambda page: checkpoint.to_bytes(made_of(TINY))[:-9], "truncated"),
        ("text.safetensors", lambda page: b"hello", "truncated or no safetensors file"),
    ],
)
def test_a_damaged_file_is_reported_and_the_others_go_on(tmp_path, practice, name, content, words):
    (tmp_path / name).write_bytes(content(report_of(made_of(TINY), practice)))
    checkpoint.save(made_of(TINY), tmp_path / "zoe.safetensors")
    found = check(tmp_path, practice)
    assert found[name].verdict == "unchecked" and words in found[name].reason
    assert found["zoe.safetensors"].verdict == "right"


@pytest.mark.parametrize(
    ("data", "tells"),
    [("MNIST", True), ("MNIST holdout", False), ("practice set", False), ("practice set holdout", False)],
)
def test_only_the_digits_of_the_exercise_tell_whether_the_target_is_met(tmp_path, practice, data, tells):
    # All four are digits on which the shipped network is right nearly always.
    shipped = checkpoint.load(checkpoint.shipped_path("step5"))
    checkpoint.save(replace(shipped, data=data), tmp_path / "a.safetensors")
    (found,) = check(tmp_path, replace(practice, name="MNIST")).values()
    assert found.accuracy > 99.4 and found.data == data
    assert found.meets_target is found.to_json()["meets_target"] is tells
    head, row, *_ = hand_ins.to_lines([found])
    assert row[head.index("digits") :].startswith(f"{data} ")
    assert row.split()[-2] == ("met" if tells else "–")


def test_the_same_weights_are_noticed(tmp_path, practice):
    for name in ("a", "b"):
        checkpoint.save(made_of(TINY), tmp_path / f"{name}.safetensors")
    shipped = checkpoint.load(checkpoint.shipped_path("step5"))
    checkpoint.save(replace(shipped, data="practice set"), tmp_path / "c.safetensors")
    found = check(tmp_path, practice)
    assert found["a.safetensors"].reason == ""
    assert found["b.safetensors"].reason == "It has the same weights as a.safetensors."
    assert found["c.safetensors"].reason.endswith("It has the same weights as the shipped step5.")


def test_a_figure_on_mnist_needs_mnist(tmp_path, practice):
    checkpoint.save(replace(made_of(TINY), data="MNIST"), tmp_path / "a.safetensors")
    found = check(tmp_path, practice)["a.safetensors"]
    assert found.verdict == "unchecked" and "MNIST, which is not here" in found.reason


def test_without_hand_ins_there_is_a_sentence(tmp_path):
    with pytest.raises(HandInError, match="There is no hand-in"):
        hand_in.files([tmp_path])
    with pytest.raises(HandInError, match="There is no file or folder"):
        hand_in.files([tmp_path / "none"])


def test_the_command_prints_a_table_and_writes_a_gradebook(five, tmp_path, nowhere):
    gradebook = tmp_path / "grades.csv"
    ran = CliRunner().invoke(app, ["check", str(five), "--csv", str(gradebook)])
    assert ran.exit_code == 1
    lines = ran.stdout.splitlines()
    assert [line.split()[-1] for line in lines if line.split()[0].endswith(("html", "safetensors"))] == [
        "right", "right", "right", "DIFFERS", "DIFFERS",
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(gradebook.read_text("utf-8-sig"))))
    assert [row["file"] for row in rows][:2] == ["ada.safetensors", "ben.html"]
    assert rows[3]["claimed_accuracy"] == "99.45" and rows[3]["verdict"] == "differs"
    ran = CliRunner().invoke(app, ["check", str(five / "ada.safetensors"), "--json"])
    assert ran.exit_code == 0
    (only,) = json.loads(ran.stdout)
    assert only["verdict"] == "right" and only["meets_target"] is False
