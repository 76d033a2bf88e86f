import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from s5core import checkpoint
from s5core.__main__ import app
from s5core.drawing import score, sketch
from s5core.drawing.score import DrawnError
from s5core.evaluate import evaluate


def write(path: Path, digits: list[list[sketch.Stroke]], labels: list[int], **changes) -> Path:
    strokes = [stroke for strokes in digits for stroke in strokes]
    arrays = {
        "label": np.array(labels),
        "writer": np.array([f"writer {i % 3}" for i in range(len(labels))]),
        "points": np.array([point for stroke in strokes for point in stroke], dtype=np.float32),
        "stroke_offsets": np.cumsum([0, *map(len, strokes)]),
        "digit_offsets": np.cumsum([0, *map(len, digits)]),
    }
    np.savez(path, **{name: value for name, value in (arrays | changes).items() if value is not None})
    return path


LABELS = {name: int(next(c for c in name if c.isdigit())) for name in sketch.HARD}
HARD = [[sketch.curve(stroke) for stroke in strokes] for strokes in sketch.HARD.values()]


@pytest.fixture
def hard(tmp_path: Path) -> Path:
    return write(tmp_path / "hard.npz", HARD, list(LABELS.values()))


def test_strokes_come_back_as_they_were_written(hard):
    digits = score.load_digits(hard)
    assert digits.labels.tolist() == list(LABELS.values())
    assert digits.writers.max() == 2
    assert [len(strokes) for strokes in digits.strokes] == [len(strokes) for strokes in HARD]
    assert np.allclose(digits.strokes[1][0], HARD[1][0], atol=1e-4)


@pytest.mark.parametrize("width", score.WIDTHS)
def test_a_digit_stands_on_the_canvas_within_its_margins(hard, width):
    for number, strokes in enumerate(score.load_digits(hard).strokes):
        made = score.draw(strokes, width, np.random.default_rng(number))
        rows, columns = np.nonzero(made.pixels > 127)
        edges = rows.min(), columns.min(), 280 - rows.max(), 280 - columns.max()
        assert min(edges) >= 0.08 * 280 - 2
        longer = max(np.ptp(rows), np.ptp(columns)) + 1
        assert (1 - 2 * 0.3) * 280 - 4 <= longer <= (1 - 2 * 0.08) * 280 + 4


def test_the_pen_does_not_matter_to_what_is_read_from_strokes_but_does_to_pictures(hard):
    digits = score.load_digits(hard)
    thin, thick = (score.see(digits, width).fields.double() for width in (8, 30))
    assert (thin - thick).abs().mean() < 1
    thin, thick = (score.see(digits, width, "picture").fields.double() for width in (8, 30))
    # Thick pens are narrowed, but not to the last: merely shrunk, the ink would grow fivefold.
    assert 1.2 * thin.mean() < thick.mean() < 1.5 * thin.mean()


def rate(answers: torch.Tensor, digits: score.DrawnDigits, refused=(), doubted=()) -> score.Score:
    """The score of a network that is sure of these answers."""
    numbers = np.arange(len(answers))
    logits = 20.0 * torch.nn.functional.one_hot(answers, 10)
    return score.rate(digits, logits, np.isin(numbers, refused), np.isin(numbers, doubted))


def test_the_score_of_known_answers(hard):
    digits = score.load_digits(hard)
    perfect = rate(digits.labels, digits)
    assert perfect.accuracy == 100 and perfect.interval == (100, 100)
    assert perfect.by_class == dict.fromkeys(range(10), 100.0)
    answers = digits.labels.clone()
    answers[digits.writers == 0] = (answers[digits.writers == 0] + 1) % 10
    found = rate(answers, digits)
    assert found.calibration_error == pytest.approx(100 * 4 / 12, abs=0.1)
    assert found.accuracy == pytest.approx(100 * 8 / 12)
    assert found.interval[0] == 0 and found.interval[1] == 100  # a third of three writers is all wrong
    assert found.by_class[0] == 0 and found.by_class[1] == 100
    assert (found.refused, found.doubted, found.wrong_and_sure) == (0, 0, 4)


def test_a_refused_digit_is_an_error_and_a_doubted_one_is_not(hard):
    digits = score.load_digits(hard)
    answers = digits.labels.clone()
    answers[[2, 3]] = (answers[[2, 3]] + 1) % 10
    found = rate(answers, digits, refused=(0, 1), doubted=(0, 3, 4, 5))
    assert found.accuracy == pytest.approx(100 * 8 / 12)
    assert (found.refused, found.doubted, found.wrong_and_sure) == (2, 3, 1)
    assert found.calibration_error == pytest.approx(100 * 2 / 10, abs=0.1)
    assert rate(answers, digits, refused=range(12)).accuracy == 0


def test_a_drawing_of_two_digits_is_measured_as_refused(tmp_path):
    two = HARD[5] + [[(x + 300, y) for x, y in stroke] for stroke in HARD[1]]
    digits = score.load_digits(write(tmp_path / "some.npz", [HARD[5], two], [4, 4]))
    seen = score.see(digits, 18)
    assert seen.refused.tolist() == [False, True]
    assert seen.fields[0].any() and not seen.fields[1].any()
    network = checkpoint.load(checkpoint.shipped_path("step5"))
    read = score.report({"step5": network}, digits)["steps"]["step5"]
    assert read["refused"] == {"8": 1, "18": 1, "30": 1} and read["accuracy"]["8"] == 50


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """An X, a plus, a 7 with a bar under the name of the letter F, and a slashed 0 under that of O."""
    cross = [[(0.0, 0.0), (100.0, 140.0)], [(100.0, 0.0), (0.0, 140.0)]]
    plus = [[(50.0, 0.0), (50.0, 100.0)], [(0.0, 50.0), (100.0, 50.0)]]
    drawn = [cross, plus, HARD[list(sketch.HARD).index("7 with a bar")], HARD[0]]
    text = np.array(["X", "+", "F", "O"])
    return write(tmp_path / "letters.npz", drawn, [0] * 4, label=None, text=text)


def test_letters_called_digits_are_counted_by_kind(letters):
    drawn = score.load(letters)
    assert isinstance(drawn, score.DrawnLetters) and drawn.texts.tolist() == ["X", "+", "F", "O"]
    network = checkpoint.load(checkpoint.shipped_path("step5"))
    found = score.report({"step5": network}, drawn)
    assert found["called_digit"] == {
        "letters": 50,
        "symbols": 0,
        "lookalikes": 100,
        "by_character": {"+": 0, "F": 100, "O": 100, "X": 0},
    }
    assert found["steps"]["step5"]["called_digit"] == found["called_digit"]
    with pytest.raises(DrawnError, match="a file of letters, not of digits"):
        score.load_digits(letters)


def test_the_command_reads_letters_too(letters):
    shown = CliRunner().invoke(app, ["drawn", str(letters)])
    assert shown.exit_code == 0, shown.output
    assert "4 letters and symbols" in shown.output and "F 100 %" in shown.output


def test_a_digit_that_nobody_wrote_has_no_accuracy(tmp_path):
    digits = score.load_digits(write(tmp_path / "two.npz", HARD[:2], [0, 1]))
    found = rate(digits.labels, digits)
    assert found.by_class == {0: 100.0, 1: 100.0}
    network = checkpoint.load(checkpoint.shipped_path("step5"))
    measured = score.measure({"step5": network.model()}, digits)["step5"][8].by_class
    reported = score.report({"step5": network}, digits)["steps"]["step5"]["by_class"]["8"]
    assert reported == {"0": round(measured[0], 2), "1": round(measured[1], 2)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": None}, "has no array 'label'"),
        ({"label": np.array([3])}, "offsets do not fit"),
        ({"label": np.array([10] * 12)}, "only labels from 0 to 9"),
        ({"stroke_offsets": np.array([0, 10_000])}, "offsets do not fit"),
        ({"stroke_offsets": np.zeros(100, int)}, "each digit needs a point"),
        ({"label": np.array(["3"] * 12)}, "arrays of whole numbers"),
        ({"points": np.zeros((5000, 3))}, "pairs of numbers"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, change, message):
    path = write(tmp_path / "bad.npz", HARD, list(LABELS.values()), **change)
    with pytest.raises(DrawnError, match=message):
        score.load_digits(path)


def test_what_is_no_file_of_digits_is_refused(tmp_path):
    with pytest.raises(DrawnError, match="cannot be read"):
        score.load_digits(tmp_path / "none.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DrawnError, match="damaged or not an .npz file"):
        score.load_digits(tmp_path / "one.npy")
    (tmp_path / "text.npz").write_text("no digits")
    with pytest.raises(DrawnError, match="damaged or not an .npz file"):
        score.load_digits(tmp_path / "text.npz")


@pytest.mark.slow
def test_the_command_prints_what_was_measured(hard):
    result = CliRunner().invoke(app, ["drawn", str(hard), "--json"])
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert (content["digits"], content["writers"], content["way"]) == (12, 3, "strokes")
    step5 = content["steps"]["step5"]
    digits = score.load_digits(hard)
    model = checkpoint.load(checkpoint.shipped_path("step5")).model()
    found = evaluate(model, score.see(digits, 18).fields, digits.labels)
    assert step5["accuracy"]["18"] == round(found.accuracy, 2)
    assert step5["calibration_error"]["18"] == round(found.calibration_error, 2)
    assert set(step5["accuracy"]) == set(step5["interval"]) == set(step5["by_class"]) == {"8", "18", "30"}
    assert step5["milliseconds"] > 0
    shown = CliRunner().invoke(app, ["drawn", str(hard)])
    assert f"{step5['accuracy']['18']:.2f} %" in shown.output


@pytest.mark.slow
@pytest.mark.parametrize("width", [8, 18])
def test_pictures_are_read_nearly_as_well_as_strokes(drawn_digits, width):
    some = score.DrawnDigits(drawn_digits.writers[::6], drawn_digits.strokes[::6], drawn_digits.labels[::6])
    model = checkpoint.load(checkpoint.shipped_path("step5")).model()
    found = evaluate(model, score.see(some, width, "picture").fields, some.labels)
    assert found.accuracy >= 98  # of 500


def test_hardly_anybody_s_digit_is_taken_for_several(seen):
    assert seen.refused.sum() <= 1
