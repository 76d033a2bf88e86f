"""From an image file or a photograph to its ink, of which `fit` makes the 28x28 digit."""

from __future__ import annotations

import io
import math
import threading
import warnings
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageChops, ImageFilter, ImageStat

from s5core.drawing import fit
from s5core.drawing.fit import DigitError, Ink
from s5core.drawing.parts import choose_digit, find_parts

MAX_BYTES = 20 * 2**20  # of a file
# Pixels at most, by format. A JPEG is decoded small; a modern phone makes 12 to 64 million. The others take
# memory for all their pixels: about 10 bytes each for a PNG, 20 for a WebP.
MAX_PIXELS = {"JPEG": 65_000_000, "MPO": 65_000_000, "PNG": 25_000_000, "HEIF": 25_000_000}
MAX_OTHER_PIXELS = 12_500_000
FORMATS = ("JPEG", "MPO", "HEIF", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000")
LEAST_SIDE = 8  # pixels: no digit can be read in fewer
MAX_RATIO = 20  # of a picture's sides; a digit on a longer strip would be a few pixels wide
SIDE = 1600  # pixels: no picture is kept larger
PHOTO_SIDE = 400  # pixels: enough for the longer side of a photographed digit
SMALL_SIDE = 200  # pixels: a smaller photograph is enlarged, or smoothing would wipe out its strokes
DESK_SIDE = 50  # pixels: enough to tell the paper from the desk around it
TWO_SHADES = 0.85  # share of the variance between paper and desk; a smooth fall of the light has 0.75
CONTRAST = 0.15  # the least that ink must have with its paper; black on white has 1
USUAL, SMALLEST = 5e-3, 5e-4  # share of a picture that a digit's strokes cover, usually and at least
CLOSE = 0.5  # of the picture: where the digit with some room around it takes less, look closer
DARK = 0.25  # of white: darker paper counts as that, or its noise would be ink
WINDOW = 0.1  # of a picture's shorter side: further than any stroke is thick
SHADE = 0.4  # of the light, at least, is left in a shadow
SAME_HUE = 1.15  # between the shares of red, green and blue that are left in it
FAR = 0.02  # weight of the paper's mean colour against that of the paper nearby
EDGE = 7  # pixels: the soft edge of the strokes, on both sides
OPAQUE = 128  # a pixel with less alpha, of 255, is transparent
FLAT = 3 / 255  # shades of grey that differ less are the same paint
PAINTED = 0.5  # share of such pixels, at least, in a picture that no camera made

Levels = TypeVar("Levels", Ink, NDArray[np.bool_])

_decoding = threading.Lock()

pillow_heif.register_heif_opener()  # an iPhone's photographs


def open_image(source: Path | bytes, name: str = "") -> Image.Image:
    """The picture in a file or an upload, turned upright: mode L, RGB or RGBA, 8 bits a channel, at most
    SIDE pixels long.

    `name`: how messages call an upload. Raises DigitError if there is no picture in it, or if it
    is damaged, too large, or much longer than wide.
    """
    name = name or (str(source) if isinstance(source, Path) else "The upload")
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
    except OSError as error:
        raise DigitError(f"{name} cannot be read: {error.strerror}.") from error
    if len(content) > MAX_BYTES:
        raise DigitError(f"{name} is larger than {MAX_BYTES >> 20} MiB: use a smaller picture.")
    try:
        # One after the other: a whole class uploads at once, and each takes up to 300 MB for a moment.
        with _decoding, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # bounds and refusals are ours
            return _decode(content, name)
    except DigitError:
        raise
    except Image.DecompressionBombError as error:
        raise DigitError(f"{name} has far too many pixels: use a smaller picture.") from error
    except Exception as error:
        # Pillow's decoders raise whatever comes to pass in a damaged file, from struct.error to KeyError.
        raise DigitError(f"{name} is damaged or not a picture: use a PNG or JPEG file.") from error


def _decode(content: bytes, name: str) -> Image.Image:
    Image.init()  # or Pillow would not know most of the formats yet
    image = Image.open(io.BytesIO(content), formats=[name for name in FORMATS if name in Image.OPEN])
    most = MAX_PIXELS.get(image.format or "", MAX_OTHER_PIXELS)
    if image.width * image.height > most:
        raise DigitError(
            f"{name} has {image.width}x{image.height} pixels, and a {image.format} file may have at most "
            f"{most:,}: use a smaller picture."
        )
    if max(image.size) > MAX_RATIO * min(image.size):
        raise DigitError(
            f"{name} is a long strip of {image.width}x{image.height} pixels: use a picture of one digit."
        )
    # Decode a JPEG only as large as we need it: 64 million pixels would take 200 MB.
    image.draft(None, (2 * PHOTO_SIDE, 2 * PHOTO_SIDE))
    image.load()
    orientation = _orientation(image)
    plain = _in_8_bits(image)
    plain.thumbnail((SIDE, SIDE))
    return plain.transpose(orientation) if orientation is not None else plain


def _orientation(image: Image.Image) -> Image.Transpose | None:
    """How the picture must be turned, by its EXIF tag. Other tags may be malformed: nobody needs them."""
    try:
        return TURNS.get(int(image.getexif().get(ExifTags.Base.Orientation, 1)))
    except Exception:
        return None


TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _in_8_bits(image: Image.Image) -> Image.Image:
    """The picture in mode L, RGB or RGBA. Greys of more than 8 bits are stretched: their darkest value
    becomes 0 and their brightest 255. Raises ValueError for values that are no numbers."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        whole = image.mode == "I"
        if max(image.size) > SIDE:
            image = image.convert("F")  # the one such mode that Pillow can shrink well
            image.thumbnail((SIDE, SIDE))
        values = np.asarray(image, dtype=np.float64)
        low, high = float(values.min()), float(values.max())
        if not math.isfinite(high - low):
            raise ValueError("a pixel is no number")
        if whole and low >= 0 and high <= 255:
            low, high = 0, 255  # 8 bits in a larger type
        return Image.fromarray(((values - low) / max(high - low, 1e-9) * 255).round().astype(np.uint8))
    if image.mode == "LAB":
        return image.getchannel("L")  # lightness: Pillow converts it to nothing else
    if image.mode in ("L", "RGB", "RGBA"):
        return image
    # Premultiplied modes can only become the mode that they are made of.
    image = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode))
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def ink(photo: Image.Image) -> Ink:
    """The ink of the digit on a photograph: light that falls off across the paper does not count, nor
    do the paper's grain, rulings, a printed frame, or a desk around it. Raises DigitError if nothing
    contrasts with the paper, and if the photograph is too narrow.

    `photo`: as `open_image` gives it. In a picture that no camera made, whose paper has one colour, and
    in a digit that was cut out, all that differs from the paper is ink.
    """
    if min(photo.size) < max(LEAST_SIDE, max(photo.size) / MAX_RATIO):
        raise DigitError(
            f"A picture of {photo.width}x{photo.height} pixels is too narrow for a digit: use a larger part."
        )
    if photo.mode == "RGBA":
        if _is_cut_out(photo):
            return fit.ink(_shrunk(photo))
        photo = _on_its_paper(photo)
    small = _shrunk(photo)
    if _is_painted(small):
        drawn = fit.ink(small)
        return drawn * _of_digit(drawn)
    photo, small = photo.convert("RGB"), small.convert("RGB")
    if (desk := _desk(small)) is not None:
        photo = _without_desk(photo, small, desk)
        small = _shrunk(photo)
    drawn = _photographed(small, SMALLEST)
    digit = _of_digit(drawn)
    box = _around(digit, photo.size)
    if (box[2] - box[0]) * (box[3] - box[1]) > CLOSE * photo.width * photo.height:
        return drawn * digit
    # The digit is small. A closer look has more pixels of it, and less around it.
    drawn = _photographed(_shrunk(photo.crop(box)), USUAL)
    return drawn * _of_digit(drawn)


def _photographed(photo: Image.Image, pen: float) -> Ink:
    """All ink on a photograph at most PHOTO_SIDE long. `pen`: the share of the picture that its strongest
    ink covers."""
    if max(photo.size) < SMALL_SIDE:
        larger = SMALL_SIDE / max(photo.size)
        photo = photo.resize(
            (round(photo.width * larger), round(photo.height * larger)), Image.Resampling.BICUBIC
        )
    strength, peak = _contrast(photo.convert("L"), pen)
    if peak < CONTRAST:  # colours can be equally bright, such as yellow on white or red on green
        bands = [_contrast(band, pen) for band in photo.convert("RGB").split()]
        strength, peak = max(bands, key=itemgetter(1))
    if peak < CONTRAST:
        raise DigitError(
            "No digit stands out in this picture: write one with a thick pen on plain paper, and try again."
        )
    return np.asarray(((strength / peak - 0.3) / 0.4).clip(0, 1), dtype=np.float32)


def _of_digit(drawn: Ink) -> NDArray[np.bool_]:
    """Where the ink of the digit is, and a little around it."""
    labels, parts = find_parts(drawn > fit.FAINT)
    chosen = np.isin(labels, [part.number for part in choose_digit(labels, parts)])
    return _highest_around(chosen, EDGE // 2)


def _around(digit: NDArray[np.bool_], size: tuple[int, int]) -> tuple[int, int, int, int]:
    """A box around the digit with as much room on each side as half its length, in pixels of a picture
    of this width and height."""
    scale = size[0] / digit.shape[1]
    rows, columns = np.flatnonzero(digit.any(1)), np.flatnonzero(digit.any(0))
    if not rows.size:
        return 0, 0, *size
    middle = (columns[0] + columns[-1] + 1) / 2, (rows[0] + rows[-1] + 1) / 2
    reach = max(columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1)
    left, top = (max(0, round((at - reach) * scale)) for at in middle)
    right, bottom = (min(side, round((at + reach) * scale)) for at, side in zip(middle, size, strict=True))
    return min(left, size[0] - 1), min(top, size[1] - 1), max(right, left + 1), max(bottom, top + 1)


def _shrunk(picture: Image.Image) -> Image.Image:
    """The picture at most PHOTO_SIDE pixels long."""
    small = picture.copy()
    small.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    return small


def _is_cut_out(picture: Image.Image) -> bool:
    """Whether what is opaque is a digit without its paper: part of the picture, and of one shade. Paper
    with ink on it has two."""
    pixels = np.asarray(picture, dtype=np.float32) / 255
    opaque = pixels[..., 3] >= OPAQUE / 255
    if opaque.all() or not opaque.any():
        return False
    colours = pixels[opaque][:, :3]
    low, high = np.quantile(colours, (0.02, 0.98), axis=0)
    return bool((high - low).max() < CONTRAST)


def _on_its_paper(picture: Image.Image) -> Image.Image:
    """The picture in RGB; what is transparent has the commonest colour of what is opaque."""
    pixels = np.asarray(picture)
    opaque = pixels[..., 3] >= OPAQUE
    colour = np.median(pixels[opaque][:, :3] if opaque.any() else [[255, 255, 255]], axis=0)
    paper = Image.new("RGBA", picture.size, (*(int(value) for value in colour), 255))
    paper.alpha_composite(picture)
    return paper.convert("RGB")


def _is_painted(picture: Image.Image) -> bool:
    """Whether no camera made the picture: its border has one shade, and so has most of its area."""
    grey = np.asarray(picture.convert("L"), dtype=np.float32) / 255
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    same = np.abs(grey - np.median(border)) <= FLAT
    return bool((np.abs(border - np.median(border)) <= FLAT).all() and same.mean() >= PAINTED)


def _contrast(band: Image.Image, pen: float) -> tuple[Ink, float]:
    """The contrast of each pixel with the paper around it, 0 to 1, and the contrast of the pen, which
    covers at least the share `pen` of the picture."""
    levels = np.asarray(band.filter(ImageFilter.MedianFilter(3)), dtype=np.float32) / 255
    reach = 1 + round(WINDOW * min(levels.shape))
    bright, dark = _highest_around(levels, reach), 1 - _highest_around(1 - levels, reach)
    # A pen covers less than its paper: against the brightest and the darkest level around, the side with
    # less in it shows the pen.
    if (bright - levels).mean() > (levels - dark).mean():
        levels, bright = 1 - levels, 1 - dark
    # The paper, also under a stroke of the pen: a grey closing with a window wider than a stroke. It keeps
    # the edge of a shadow where it is.
    paper = 1 - _highest_around(1 - bright, reach)
    strength = 1 - levels / np.maximum(paper, DARK)  # a shadow takes the same share from paper and ink
    return strength, float(np.quantile(strength, 1 - pen))


def _highest_around(levels: Levels, reach: int) -> Levels:
    """The highest level in the square around each pixel that reaches so many pixels far. Its time hardly
    grows with the square, and is a tenth of that of Pillow's filters."""
    for _ in range(2):  # down, then across: a square's highest level is the highest of its rows' highest
        levels = np.pad(levels.T, ((reach, reach), (0, 0)))
        seen = 1  # rows whose highest level each row has
        while seen < 2 * reach + 1:
            more = min(seen, 2 * reach + 1 - seen)
            levels = np.maximum(levels[:-more], levels[more:])
            seen += more
    return levels


def _desk(small: Image.Image) -> Image.Image | None:
    """255 where a desk is visible around the paper, else 0; None where there is none. `small`: the
    photograph in RGB, shrunk."""
    desk = _beyond_paper(small.convert("L").filter(ImageFilter.MedianFilter(3)))
    if not desk.getbbox():
        return None
    paper = ImageChops.invert(desk)
    shaded = _is_shade(ImageStat.Stat(small, desk).mean, ImageStat.Stat(small, paper).mean)
    return None if shaded else desk


def _without_desk(photo: Image.Image, small: Image.Image, desk: Image.Image) -> Image.Image:
    """The photograph with the colour of the nearest paper in place of a desk around it. `small`: the
    photograph, shrunk; `desk`: where it is, as `_desk` tells."""
    paper = ImageChops.invert(desk)
    near = ImageFilter.BoxBlur(max(small.size) / 6)
    weight = np.asarray(paper.filter(near), dtype=np.float32) / 255
    mean = ImageStat.Stat(small, paper).mean
    bands = [
        np.asarray(ImageChops.multiply(band, paper).filter(near), dtype=np.float32) + FAR * mean[i]
        for i, band in enumerate(small.split())
    ]
    colours = Image.fromarray((np.stack(bands, -1) / (weight + FAR)[..., None]).round().astype(np.uint8))
    return Image.composite(
        colours.resize(photo.size, Image.Resampling.BILINEAR),
        photo,
        desk.resize(photo.size, Image.Resampling.NEAREST),
    )


def _is_shade(one: list[float], other: list[float]) -> bool:
    """Whether the darker of two colours can be the other one in the shade: less light, of the same hue."""
    dark, bright = sorted((one, other), key=sum)
    left = np.asarray(dark) / np.maximum(bright, 1)
    return bool(left.min() > SHADE and left.max() < SAME_HUE * left.min())


def _beyond_paper(grey: Image.Image) -> Image.Image:
    """255 where a desk is visible around the paper, else 0. A desk touches the border, and is
    clearly darker or brighter than the middle of the picture."""
    small = grey.copy()
    small.thumbnail((DESK_SIDE, DESK_SIDE))
    plain = np.asarray(small.filter(ImageFilter.MedianFilter(DESK_SIDE // 4 | 1)), dtype=np.float32) / 255
    levels = np.sort(plain, axis=None)
    # Otsu's method: split the brightness levels where the two groups differ most.
    count = np.arange(1, levels.size)
    low, high = levels.cumsum()[:-1] / count, levels[::-1].cumsum()[::-1][1:] / count[::-1]
    between = count * count[::-1] * (high - low) ** 2 / levels.size**2
    best = int(between.argmax())
    bright = plain > (levels[best] + levels[best + 1]) / 2
    height, width = plain.shape
    middle = bright[height // 3 : -height // 3, width // 3 : -width // 3]
    paper = bright == (middle.mean() > 0.5)
    edge = np.concatenate([paper[0], paper[-1], paper[:, 0], paper[:, -1]])
    two = between[best] > TWO_SHADES * plain.var() and high[best] - low[best] > CONTRAST
    if not (two and edge.mean() < 0.8 and paper.mean() > 0.25 and (middle == middle[0, 0]).mean() > 0.95):
        return Image.new("L", grey.size)
    desk = Image.fromarray(np.uint8(255) * ~paper).resize(grey.size, Image.Resampling.BILINEAR)
    return desk.point([0] + 255 * [255]).filter(ImageFilter.MaxFilter(5))
