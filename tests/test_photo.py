import contextlib
import io
import random

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageChops, ImageCms, ImageDraw, ImageOps

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
    assert max(photo.open_image(buffer.getvalue()).size) == photo.SIDE


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


@pytest.mark.parametrize(("left", "right"), [(290, 290), (420, 180)])
def test_a_shadow_over_half_of_a_digit_is_no_desk(left, right):
    paper = photograph(shade=1)
    shadow = Image.new("L", paper.size, 255)
    edge = [(0, left), (800, right)]  # hard, and through the digit
    ImageDraw.Draw(shadow).polygon([*edge, (800, 600), (0, 600)], fill=130)
    taken = ImageChops.multiply(paper, shadow)
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


# Pictures of other kinds: each is made from a clean drawing, and must be read as that is.

FORMATS = [
    "AVIF",
    "BMP",
    "DDS",
    "DIB",
    "GIF",
    "ICO",
    "IM",
    "JPEG",
    "JPEG2000",
    "MSP",
    "PCX",
    "PNG",
    "PPM",
    "SGI",
    "SPIDER",
    "TGA",
    "TIFF",
    "WEBP",
]


def drawing(mode: str = "L") -> Image.Image:
    """A dark 2 on light paper."""
    return ImageOps.invert(Image.fromarray(sketch.hard_digit("2 with a loop", 20).pixels)).convert(mode)


def file_of(image: Image.Image, name: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name)
    return buffer.getvalue()


def read(image: Image.Image | bytes) -> torch.Tensor:
    """The digit in a picture, by way of a PNG file, or in a file."""
    content = image if isinstance(image, bytes) else png(image)
    return fit.of_ink(photo.ink(photo.open_image(content))).float()


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """Mean difference of two digits in grey levels."""
    return float((one - other).abs().mean())


@pytest.mark.parametrize("bits", [10, 12, 16])
def test_greys_of_more_than_8_bits_are_read_by_their_range(bits):
    deep = np.asarray(drawing(), dtype=np.uint16) * (2**bits // 256)
    assert apart(read(Image.fromarray(deep)), read(drawing())) < 3
    for values in (deep.astype(np.int32), deep.astype(np.float32) / 2**bits):
        assert apart(read(file_of(Image.fromarray(values), "TIFF")), read(drawing())) < 3


def test_a_grey_that_is_no_number_is_refused():
    values = np.zeros((50, 50), dtype=np.float32)
    values[3, 3] = np.nan
    with pytest.raises(DigitError, match="damaged or not a picture"):
        photo.open_image(file_of(Image.fromarray(values), "TIFF"))


def test_a_picture_in_lab_is_read():
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    made = ImageCms.profileToProfile(drawing("RGB"), srgb, lab, outputMode="LAB")
    assert apart(read(file_of(made, "TIFF")), read(drawing())) < 6


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr", "P", "1", "LA", "PA"])
def test_a_picture_of_another_mode_is_read(mode):
    name = "PNG" if mode in ("P", "1", "LA") else "TIFF"
    made = drawing("RGB").convert(mode)
    assert apart(read(file_of(made, name)), read(drawing())) < 6


@pytest.mark.parametrize(
    "transparent",
    [[(0, 0, 1, 1)], [(0, 0, 12, 12), (268, 268, 280, 280)], [(0, 0, 280, 20), (0, 0, 20, 280)]],
)
def test_transparent_corners_and_edges_leave_the_paper_paper(transparent):
    picture = drawing("RGBA")
    for box in transparent:
        picture.paste((0, 0, 0, 0), box)
    assert apart(read(picture), read(drawing())) < 3


def test_a_turned_page_on_nothing_is_read():
    turned = drawing("RGBA").rotate(5, expand=True)
    assert turned.getextrema()[3][0] == 0
    straight = fit.of_ink(fit.ink(ImageOps.invert(drawing()).rotate(5))).float()
    assert apart(read(turned), straight) < 6


@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 30, 30)])
def test_a_digit_that_was_cut_out_is_its_ink(colour):
    cut_out = Image.new("RGBA", (280, 280), (*colour, 0))
    cut_out.paste((*colour, 255), mask=ImageOps.invert(drawing()))
    assert apart(read(cut_out), read(drawing())) < 3


@pytest.mark.parametrize("side", [28, 40, 56, 57, 100])
@pytest.mark.parametrize("shade", [0.4, 0.7])
def test_a_photograph_is_one_at_any_size(side, shade):
    large = photograph(shade=shade).crop((100, 0, 700, 600))
    small = large.resize((side, side), Image.Resampling.LANCZOS)
    assert apart(read(small), read(large)) < (25 if side < 40 else 15)


def test_a_digit_of_mnist_stays_as_it_is(practice):
    for image in practice.validation_images[::100]:
        assert (
            apart(read(Image.fromarray(image[0].numpy())), fit.of_ink(fit.ink(image[0].numpy())).float()) == 0
        )


@pytest.mark.parametrize("value", range(1, 9))
def test_a_picture_is_turned_by_its_orientation(value):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    buffer = io.BytesIO()
    drawing("RGB").save(buffer, "JPEG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(buffer.getvalue())))
    assert apart(read(buffer.getvalue()), read(upright)) < 3


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
def test_a_mutated_file_is_read_or_refused_in_a_sentence(name):
    """Whatever a damaged file makes a decoder do: nothing but a picture or a DigitError comes out."""
    mode = {"MSP": "1", "SPIDER": "F"}.get(name, "RGB")
    content = file_of(drawing("RGB").resize((40, 40)).convert(mode), name)
    rng = np.random.default_rng(0)
    outcomes = set()
    for _ in range(40):
        damaged = bytearray(content)
        for place in rng.integers(0, min(len(damaged), 400), rng.integers(1, 6)):
            damaged[place] = rng.integers(256)
        if rng.random() < 0.3:
            del damaged[rng.integers(1, len(damaged)) :]
        try:
            outcomes.add(tuple(read(bytes(damaged)).shape))
        except DigitError as error:
            outcomes.add(len(str(error).splitlines()))
    assert outcomes <= {(1, 1, 28, 28), 1}  # a digit, or one line


def test_what_an_iphone_makes_is_read():
    kept = io.BytesIO()
    photograph().save(kept, "HEIF")
    found = fit.of_ink(photo.ink(photo.open_image(kept.getvalue(), "IMG_0001.HEIC")))
    clean = fit.of_ink(fit.ink(photograph(shade=1, grain=0)))
    assert float((found.float() - clean.float()).abs().mean()) < 12


def test_any_part_of_a_photograph_is_read_or_refused_in_a_sentence():
    taken, draw = photograph(), random.Random(0)
    for _ in range(150):
        left, top = draw.randrange(taken.width - 1), draw.randrange(taken.height - 1)
        width, height = draw.choice([(1, 200), (200, 1), (8, 8), (5, 6), (9, 90), (40, 30)])
        part = taken.crop((left, top, min(taken.width, left + width), min(taken.height, top + height)))
        with contextlib.suppress(DigitError):
            photo.ink(part)
    with pytest.raises(DigitError, match="5x6 pixels is too narrow"):
        photo.ink(taken.resize((5, 6)))
    with pytest.raises(DigitError, match="9x200 pixels is too narrow"):
        photo.ink(taken.resize((9, 200)))
