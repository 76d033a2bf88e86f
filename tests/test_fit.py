import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps

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
        fitted = fit.fit(fit.ink(image[0].numpy()))
        moved = [fitted.roll((down, right), (2, 3)).float() for down in (-1, 0, 1) for right in (-1, 0, 1)]
        assert min(float((other - image).abs().mean()) for other in moved) < 8


@pytest.mark.parametrize(
    "box", [(0, 0, 20, 200), (250, 100, 270, 270), (130, 40, 150, 240), (5, 200, 8, 230)]
)
def test_a_digit_anywhere_is_centred_and_fills_the_box(box):
    field = fit.fit(fit.ink(canvas(box=box)))
    assert field.shape == (1, 1, 28, 28) and field.dtype == torch.uint8
    assert centre_of_mass(field) == pytest.approx((13.5, 13.5), abs=0.51)
    rows = (field[0, 0] > 25).any(1).nonzero().flatten()
    assert int(rows[-1] - rows[0] + 1) == 20


@pytest.mark.parametrize("pen", [4, 10, 24])
def test_a_pen_s_width_is_measured(pen):
    stroke = np.zeros((200, 100))
    stroke[20:180, 40 : 40 + pen] = 1
    assert fit._pen_width(stroke) == pytest.approx(pen, rel=0.15)  # the ends are edges, too


def test_a_picture_s_pen_is_brought_to_mnist_s():
    grey = []
    for pen in (6, 14, 34):
        field = fit.fit(fit.ink(sketch.hard_digit("2 with a loop", pen).pixels))
        rows = (field[0, 0] > 25).any(1).nonzero().flatten()
        assert int(rows[-1] - rows[0] + 1) == 20
        grey.append(float(field.float().mean()))
    assert max(grey) < 1.6 * min(grey)  # from 6 to 34 pixels the ink itself grows fivefold


def test_a_picture_without_strokes_does_not_vanish():
    rows, columns = np.mgrid[:160, :160]
    for texture in ((rows + columns) % 2, columns % 2):
        assert int(fit.fit(texture.astype(np.float32)).max()) > 0


def test_a_picture_of_mnist_s_size_keeps_its_pen():
    thick = np.zeros((28, 28), dtype=np.float32)
    thick[4:24, 10:18] = 1
    assert int(fit.fit(thick).count_nonzero()) == 20 * 8


def test_colours_of_pen_and_paper_do_not_matter():
    white_on_black = fit.fit(fit.ink(canvas()))
    for paper, pen in [
        ((255, 255, 255, 255), (0, 0, 0, 255)),
        ((0, 0, 0, 0), (0, 0, 0, 255)),
        ((255, 255, 255, 0), (255, 0, 0, 255)),
        ((250, 240, 200, 255), (20, 20, 160, 255)),
        ((0, 160, 0, 255), (230, 40, 40, 255)),
    ]:
        assert torch.equal(fit.fit(fit.ink(canvas(paper=paper, pen=pen))), white_on_black)


def test_without_centring_a_drawing_is_merely_shrunk():
    field = fit.fit(fit.ink(canvas(box=(0, 0, 49, 49))), center=False)[0, 0]
    assert bool((field[1:4, 1:4] > 250).all()) and int(field[7:].sum()) == 0


@pytest.mark.parametrize("paper", [(0, 0, 0, 255), (255, 255, 255, 255), (0, 0, 0, 0)])
def test_an_empty_canvas_is_no_digit(paper):
    with pytest.raises(DigitError, match="only paper"):
        fit.fit(fit.ink(canvas(paper=paper, pen=paper)))


def test_a_dot_and_a_full_canvas_do_not_break_it():
    assert int(fit.fit(fit.ink(canvas(box=(140, 140, 140, 140)))).max()) > 0
    scribble = canvas(box=(1, 1, 278, 278))
    assert fit.fit(fit.ink(scribble)).shape == (1, 1, 28, 28)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_pictures_of_every_mode_are_read(mode):
    picture = Image.fromarray(canvas()).convert("RGB").convert("L").convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "TIFF")
    assert fit.fit(fit.ink(fit.open_image(buffer.getvalue()))).shape == (1, 1, 28, 28)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no picture"),
        (b"not a picture", "no picture"),
        (png(Image.new("L", (300, 300)))[:60], "damaged"),
        (png(Image.new("1", (9000, 9000))), "pixels"),
        (png(Image.new("1", (20000, 20000))), "pixels"),
        (png(Image.new("L", (20000, 1))), "strip"),
        (png(Image.new("L", (1, 20000))), "strip"),
        (b"\0" * (fit.MAX_BYTES + 1), "larger than"),
    ],
)
def test_bad_pictures_are_refused_in_a_sentence(content, message):
    with pytest.raises(DigitError, match=message) as caught:
        fit.open_image(content)
    assert str(caught.value).startswith("The upload") and "\n" not in str(caught.value)


def test_a_large_photograph_is_decoded_small():
    buffer = io.BytesIO()
    Image.new("L", (8192, 6144), 255).save(buffer, "JPEG")
    assert max(fit.open_image(buffer.getvalue()).size) == 8192 // 4


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DigitError, match="none.png cannot be read"):
        fit.open_image(tmp_path / "none.png")


def photograph(paper=0.75, pen=0.2, shade=0.5, grain=0.02) -> Image.Image:
    """A seven on paper on which the light falls off to `shade` from one corner to the other."""
    rows, columns = np.indices((600, 800)) / 800
    light = 1 - (1 - shade) * (rows + columns) / 1.75
    strokes = Image.new("L", (800, 600))
    ImageDraw.Draw(strokes).line([(300, 120), (500, 120), (400, 480)], fill=255, width=36)
    drawn = np.asarray(strokes) / 255
    noise = np.random.default_rng(0).normal(0, grain, drawn.shape)
    bright = (paper + (pen - paper) * drawn) * light + noise
    return Image.fromarray((bright.clip(0, 1) * 255).astype(np.uint8))


@pytest.mark.parametrize(
    "look",
    [{}, {"shade": 1.0, "grain": 0.0}, {"shade": 0.3}, {"paper": 0.15, "pen": 0.9}, {"grain": 0.06}],
)
def test_a_photograph_has_the_ink_of_its_digit_alone(look):
    clean = fit.fit(fit.ink(photograph(shade=1, grain=0)))
    found = fit.fit(fit.photographed_ink(photograph(**look)))
    assert float((found.float() - clean.float()).abs().mean()) < 12


@pytest.mark.parametrize(
    ("paper", "pen"),
    [((255, 255, 255), (255, 255, 0)), ((0, 0, 0), (0, 0, 255)), ((20, 140, 30), (210, 40, 30))],
)
def test_a_pen_as_bright_as_its_paper_is_found_by_its_colour(paper, pen):
    clean = photograph(shade=1, grain=0, paper=0, pen=1)
    found = fit.photographed_ink(ImageOps.colorize(clean, paper, pen))
    assert float((fit.fit(found).float() - fit.fit(fit.ink(clean)).float()).abs().mean()) < 12


@pytest.mark.parametrize(
    ("box", "desk", "turn"),
    [
        ((60, 60, 740, 540), 0.15, 0),
        ((60, 60, 740, 540), 0.25, 6),
        ((15, 15, 785, 585), 0.15, 0),
        ((90, 0, 800, 520), 0.15, 0),
        ((0, 70, 800, 600), 0.15, 0),
    ],
)
def test_a_desk_around_the_paper_is_no_ink(box, desk, turn):
    paper = photograph(shade=0.7)
    around = Image.new("L", paper.size)
    ImageDraw.Draw(around).rectangle(box, fill=255)
    taken = Image.composite(paper, Image.new("L", paper.size, round(255 * desk)), around.rotate(turn))
    clean = fit.fit(fit.ink(photograph(shade=1, grain=0)))
    found = fit.fit(fit.photographed_ink(taken))
    assert float((found.float() - clean.float()).abs().mean()) < 12


def test_a_photograph_of_plain_paper_is_refused():
    with pytest.raises(DigitError, match="No digit stands out"):
        fit.photographed_ink(photograph(pen=0.75))


def test_a_cut_out_digit_is_no_photograph():
    cut_out = Image.fromarray(canvas(paper=(0, 0, 0, 0), pen=(0, 0, 0, 255)))
    assert torch.equal(fit.fit(fit.photographed_ink(cut_out)), fit.fit(fit.ink(cut_out)))


def test_a_redrawn_digit_has_the_form_of_mnist_whatever_the_pen_and_place():
    strokes = sketch.strokes_of(sketch.hard_digit("7 with a bar", 20).drawing)
    field = fit.redraw(strokes)
    assert field.shape == (1, 1, 28, 28) and field.dtype == torch.uint8
    assert centre_of_mass(field) == pytest.approx((13.5, 13.5), abs=0.1)
    rows = (field[0, 0] > 25).any(1).nonzero().flatten()
    assert int(rows[-1] - rows[0] + 1) in (20, 21)  # a box between pixels touches one more
    moved = [[(x / 4 + 200, y / 4 + 5) for x, y in stroke] for stroke in strokes]
    assert (fit.redraw(moved).float() - field).abs().max() < 30
    assert torch.equal(fit.redraw(sketch.strokes_of(sketch.hard_digit("7 with a bar", 8).drawing)), field)


def test_redrawn_digits_have_as_much_ink_as_those_of_mnist(practice):
    drawn = [sketch.strokes_of(sketch.hard_digit(name, 20).drawing) for name in sketch.HARD]
    ink = torch.cat([fit.redraw(strokes) for strokes in drawn]).double().mean()
    assert float(ink) == pytest.approx(float(practice.train_images.double().mean()), rel=0.15)


def test_a_dot_stays_a_dot_and_nothing_is_no_digit():
    dot = fit.redraw([[(29.98, 30.0), (30.02, 30.0)]])
    assert 4 <= int((dot > 100).sum()) <= 12
    with pytest.raises(DigitError, match="only paper"):
        fit.redraw([])


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
        fit.redraw(strokes)
    small = [[(x / 2, y / 2 + 60) for x, y in stroke] for stroke in strokes]
    picture = sketch.of_lines(small, 8).pixels
    with pytest.raises(DigitError, match="one digit at a time"):
        fit.fit(fit.ink(picture))
    with pytest.raises(DigitError, match="one digit at a time"):
        fit.fit(fit.ink(picture), center=False)


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
            fit.fit(fit.ink(drawn.pixels), center)


@pytest.mark.parametrize("name", sketch.HARD)
def test_one_digit_of_several_strokes_is_one(name):
    made = sketch.hard_digit(name, 12)
    assert fit.redraw(sketch.strokes_of(made.drawing)).shape == (1, 1, 28, 28)
    assert fit.fit(fit.ink(made.pixels)).shape == (1, 1, 28, 28)


def test_a_speck_beside_a_digit_is_no_second_one():
    strokes = [
        *sketch.strokes_of(sketch.hard_digit("7 with a bar", 20).drawing),
        [(20.0, 20.0), (22.0, 24.0)],
    ]
    assert fit.redraw(strokes).shape == (1, 1, 28, 28)
