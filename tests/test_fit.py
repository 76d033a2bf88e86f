import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from s5core.drawing import fit, sketch
from s5core.drawing.fit import DigitError


def canvas(size=280, paper=(0, 0, 0, 255), pen=(255, 255, 255, 255), box=(130, 40, 150, 240)) -> np.ndarray:
    picture = Image.new("RGBA", (size, size), paper)
    ImageDraw.Draw(picture).rectangle(box, fill=pen)
    return np.asarray(picture)


def centre_of_mass(field: torch.Tensor) -> tuple[float, float]:
    grey = field[0, 0].double()
    steps = torch.arange(28).double()
    return float((grey.sum(1) * steps).sum() / grey.sum()), float((grey.sum(0) * steps).sum() / grey.sum())


def test_mnist_digits_stay_what_they_are(practice):
    """They have the form that `fit` makes, so that it may move them by a pixel at most."""
    for image in practice.validation_images[::100]:
        fitted = fit.of_ink(fit.ink(image[0].numpy()))
        moved = [fitted.roll((down, right), (2, 3)).float() for down in (-1, 0, 1) for right in (-1, 0, 1)]
        assert min(float((other - image).abs().mean()) for other in moved) < 8


@pytest.mark.parametrize(
    "box", [(0, 0, 20, 200), (250, 100, 270, 270), (130, 40, 150, 240), (5, 200, 8, 230)]
)
def test_a_digit_anywhere_is_centred_and_fills_the_box(box):
    field = fit.of_ink(fit.ink(canvas(box=box)))
    assert field.shape == (1, 1, 28, 28) and field.dtype == torch.uint8
    assert centre_of_mass(field) == pytest.approx((13.5, 13.5), abs=0.51)
    rows = (field[0, 0] > 25).any(1).nonzero().flatten()
    assert int(rows[-1] - rows[0] + 1) == 20


@pytest.mark.parametrize("pen", [4, 10, 24])
def test_a_pen_s_width_is_measured(pen):
    stroke = np.zeros((200, 100))
    stroke[20:180, 40 : 40 + pen] = 1
    assert fit.pen_width(stroke) == pytest.approx(pen, rel=0.15)  # the ends are edges, too


def test_a_picture_s_pen_is_brought_to_mnist_s():
    grey = []
    for pen in (6, 14, 34):
        field = fit.of_ink(fit.ink(sketch.hard_digit("2 with a loop", pen).pixels))
        rows = (field[0, 0] > 25).any(1).nonzero().flatten()
        assert int(rows[-1] - rows[0] + 1) in (20, 21)  # a box between pixels touches one more
        grey.append(float(field.float().mean()))
    assert max(grey) < 1.6 * min(grey)  # from 6 to 34 pixels the ink itself grows fivefold


def test_a_picture_without_strokes_does_not_vanish():
    rows, columns = np.mgrid[:160, :160]
    for texture in ((rows + columns) % 2, rows % 2):
        assert int(fit.of_ink(texture.astype(np.float32)).max()) > 0


def test_a_picture_of_mnist_s_size_keeps_its_pen():
    thick = np.zeros((28, 28), dtype=np.float32)
    thick[4:24, 10:18] = 1
    assert int(fit.of_ink(thick).count_nonzero()) == 20 * 8


def test_colours_of_pen_and_paper_do_not_matter():
    white_on_black = fit.of_ink(fit.ink(canvas()))
    for paper, pen in [
        ((255, 255, 255, 255), (0, 0, 0, 255)),
        ((0, 0, 0, 0), (0, 0, 0, 255)),
        ((255, 255, 255, 0), (255, 0, 0, 255)),
        ((250, 240, 200, 255), (20, 20, 160, 255)),
        ((0, 160, 0, 255), (230, 40, 40, 255)),
    ]:
        assert torch.equal(fit.of_ink(fit.ink(canvas(paper=paper, pen=pen))), white_on_black)


def test_without_centring_a_drawing_is_merely_shrunk():
    field = fit.of_ink(fit.ink(canvas(box=(0, 0, 49, 49))), center=False)[0, 0]
    assert bool((field[1:4, 1:4] > 250).all()) and int(field[7:].sum()) == 0


@pytest.mark.parametrize("paper", [(0, 0, 0, 255), (255, 255, 255, 255), (0, 0, 0, 0)])
def test_an_empty_canvas_is_no_digit(paper):
    with pytest.raises(DigitError, match="only paper"):
        fit.of_ink(fit.ink(canvas(paper=paper, pen=paper)))


def test_a_dot_and_a_full_canvas_do_not_break_it():
    assert int(fit.of_ink(fit.ink(canvas(box=(140, 140, 140, 140)))).max()) > 0
    scribble = canvas(box=(1, 1, 278, 278))
    assert fit.of_ink(fit.ink(scribble)).shape == (1, 1, 28, 28)


def test_a_redrawn_digit_has_the_form_of_mnist_whatever_the_pen_and_place():
    strokes = sketch.strokes_of(sketch.hard_digit("7 with a bar", 20).drawing)
    field = fit.of_strokes(strokes)
    assert field.shape == (1, 1, 28, 28) and field.dtype == torch.uint8
    assert centre_of_mass(field) == pytest.approx((13.5, 13.5), abs=0.1)
    rows = (field[0, 0] > 25).any(1).nonzero().flatten()
    assert int(rows[-1] - rows[0] + 1) in (20, 21)  # a box between pixels touches one more
    moved = [[(x / 4 + 200, y / 4 + 5) for x, y in stroke] for stroke in strokes]
    assert (fit.of_strokes(moved).float() - field).abs().max() < 30
    assert torch.equal(fit.of_strokes(sketch.strokes_of(sketch.hard_digit("7 with a bar", 8).drawing)), field)


def test_redrawn_digits_have_as_much_ink_as_those_of_mnist(practice):
    drawn = [sketch.strokes_of(sketch.hard_digit(name, 20).drawing) for name in sketch.HARD]
    ink = torch.cat([fit.of_strokes(strokes) for strokes in drawn]).double().mean()
    assert float(ink) == pytest.approx(float(practice.train_images.double().mean()), rel=0.15)


def test_a_dot_stays_a_dot_and_nothing_is_no_digit():
    dot = fit.of_strokes([[(29.98, 30.0), (30.02, 30.0)]])
    assert 4 <= int((dot > 100).sum()) <= 12
    with pytest.raises(DigitError, match="only paper"):
        fit.of_strokes([])


def side_by_side(first: str, second: str, gap: float) -> list[sketch.Stroke]:
    """Two of the hard digits, `gap` of their height apart."""
    left, right = (sketch.strokes_of(sketch.hard_digit(name, 20).drawing) for name in (first, second))
    end = max(x for stroke in left for x, _ in stroke)
    start = min(x for stroke in right for x, _ in stroke)
    height = max(y for stroke in left for _, y in stroke) - min(y for stroke in left for _, y in stroke)
    shift = end - start + gap * height
    return left + [[(x + shift, y) for x, y in stroke] for stroke in right]


def test_digits_side_by_side_are_refused_as_strokes_and_as_a_picture():
    strokes = side_by_side("5 like an S", "2 with a loop", 0.3)
    with pytest.raises(DigitError, match="one digit at a time"):
        fit.of_strokes(strokes)
    small = [[(x / 2, y / 2 + 60) for x, y in stroke] for stroke in strokes]
    picture = sketch.of_lines(small, 8).pixels
    with pytest.raises(DigitError, match="one digit at a time"):
        fit.of_ink(fit.ink(picture))
    with pytest.raises(DigitError, match="one digit at a time"):
        fit.of_ink(fit.ink(picture), center=False)


@pytest.mark.parametrize(
    ("above", "below"), [("8, not quite closed", "3 with a flat top"), ("5 like an S",) * 2]
)
def test_a_digit_above_another_is_refused_as_strokes_and_as_a_picture(above, below):
    first, second = (sketch.strokes_of(sketch.hard_digit(name, 20).drawing) for name in (above, below))
    half = [[(x / 2 + 70, y / 2 - 10) for x, y in stroke] for stroke in first]
    other = [[(x / 2 + 70, y / 2 + 125) for x, y in stroke] for stroke in second]
    drawn = sketch.of_lines(half + other, 12)
    for center in (True, False):
        with pytest.raises(DigitError, match="one digit at a time"):
            fit.of_sketch(drawn, center)
        with pytest.raises(DigitError, match="one digit at a time"):
            fit.of_ink(fit.ink(drawn.pixels), center)


@pytest.mark.parametrize("name", sketch.HARD)
def test_one_digit_of_several_strokes_is_one(name):
    made = sketch.hard_digit(name, 12)
    assert fit.of_strokes(sketch.strokes_of(made.drawing)).shape == (1, 1, 28, 28)
    assert fit.of_ink(fit.ink(made.pixels)).shape == (1, 1, 28, 28)


def test_a_speck_beside_a_digit_is_no_second_one():
    strokes = [
        *sketch.strokes_of(sketch.hard_digit("7 with a bar", 20).drawing),
        [(20.0, 20.0), (22.0, 24.0)],
    ]
    assert fit.of_strokes(strokes).shape == (1, 1, 28, 28)
