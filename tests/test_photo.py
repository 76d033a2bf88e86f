import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps

from s5core.drawing import fit, photo, sketch
from s5core.drawing.fit import DigitError


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_pictures_of_every_mode_are_read(mode):
    picture = Image.fromarray(sketch.hard_digit("2 with a loop", 20).pixels).convert(mode)
    buffer = io.BytesIO()
    picture.save(buffer, "TIFF")
    assert fit.of_ink(fit.ink(photo.open_image(buffer.getvalue()))).shape == (1, 1, 28, 28)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a picture"),
        (b"not a picture", "not a picture"),
        (png(Image.new("L", (300, 300)))[:60], "damaged"),
        (png(Image.new("1", (9000, 9000))), "pixels"),
        (png(Image.new("1", (20000, 20000))), "pixels"),
        (png(Image.new("L", (20000, 1))), "strip"),
        (png(Image.new("L", (1, 20000))), "strip"),
        (b"\0" * (photo.MAX_BYTES + 1), "larger than"),
    ],
)
def test_bad_pictures_are_refused_in_a_sentence(content, message):
    with pytest.raises(DigitError, match=message) as caught:
        photo.open_image(content)
    assert str(caught.value).startswith("The upload") and "\n" not in str(caught.value)


def test_a_large_photograph_is_decoded_small():
    buffer = io.BytesIO()
    Image.new("L", (8192, 6144), 255).save(buffer, "JPEG")
    assert max(photo.open_image(buffer.getvalue()).size) == 8192 // 4


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DigitError, match="none.png cannot be read"):
        photo.open_image(tmp_path / "none.png")


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
    clean = fit.of_ink(fit.ink(photograph(shade=1, grain=0)))
    found = fit.of_ink(photo.ink(photograph(**look)))
    assert float((found.float() - clean.float()).abs().mean()) < 12


@pytest.mark.parametrize(
    ("paper", "pen"),
    [((255, 255, 255), (255, 255, 0)), ((0, 0, 0), (0, 0, 255)), ((20, 140, 30), (210, 40, 30))],
)
def test_a_pen_as_bright_as_its_paper_is_found_by_its_colour(paper, pen):
    clean = photograph(shade=1, grain=0, paper=0, pen=1)
    found = photo.ink(ImageOps.colorize(clean, paper, pen))
    assert float((fit.of_ink(found).float() - fit.of_ink(fit.ink(clean)).float()).abs().mean()) < 12


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
    clean = fit.of_ink(fit.ink(photograph(shade=1, grain=0)))
    found = fit.of_ink(photo.ink(taken))
    assert float((found.float() - clean.float()).abs().mean()) < 12


def test_a_photograph_of_plain_paper_is_refused():
    with pytest.raises(DigitError, match="No digit stands out"):
        photo.ink(photograph(pen=0.75))


def test_a_cut_out_digit_is_no_photograph():
    cut_out = Image.new("RGBA", (280, 280))
    cut_out.putalpha(Image.fromarray(sketch.hard_digit("2 with a loop", 20).pixels))
    assert torch.equal(fit.of_ink(photo.ink(cut_out)), fit.of_ink(fit.ink(cut_out)))
