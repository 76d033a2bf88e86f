"""From an image file or a photograph to its ink, of which `fit` makes the 28x28 digit."""

from __future__ import annotations

import io
import warnings
from operator import itemgetter
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from s5core.drawing import fit
from s5core.drawing.fit import DigitError, Ink

MAX_PIXELS = 65_000_000  # a photograph of a modern phone has 12 to 64 million
MAX_BYTES = 20 * 2**20  # of a file
MAX_RATIO = 20  # of a picture's sides; a digit on a longer strip would be a few pixels wide
PHOTO_SIDE = 400  # pixels: enough for the longer side of a photographed digit
DESK_SIDE = 50  # pixels: enough to tell the paper from the desk around it
TWO_SHADES = 0.85  # share of the variance between paper and desk; a smooth fall of the light has 0.75
SCAN_SIDE = 56  # pixels; a smaller picture, such as one of MNIST's 28x28, comes from no camera
CONTRAST = 0.15  # the least that ink must have with its paper; black on white has 1


def open_image(source: Path | bytes, name: str = "") -> Image.Image:
    """The picture in a file or an upload, turned upright.

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # MAX_PIXELS is ours
            image = Image.open(io.BytesIO(content))
        if image.width * image.height > MAX_PIXELS:
            raise DigitError(f"{name} has {image.width}x{image.height} pixels: use a smaller picture.")
        if max(image.size) > MAX_RATIO * min(image.size):
            raise DigitError(
                f"{name} is a long strip of {image.width}x{image.height} pixels: use a picture of one digit."
            )
        # Decode a JPEG only as large as we need it: 64 million pixels would take 200 MB.
        image.draft(None, (2 * PHOTO_SIDE, 2 * PHOTO_SIDE))
        image.load()
        return ImageOps.exif_transpose(image)
    except Image.DecompressionBombError as error:
        raise DigitError(f"{name} has far too many pixels: use a smaller picture.") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise DigitError(f"{name} is damaged or not a picture: use a PNG or JPEG file.") from error


def ink(photo: Image.Image) -> Ink:
    """The ink on a photograph: light that falls off across the paper does not count, nor does
    the paper's grain, nor a desk around it. Raises DigitError if nothing contrasts with the paper.

    A picture that no camera made, tiny or with a transparent background, goes to `fit.ink`.
    """
    photo = photo.copy()
    photo.thumbnail((PHOTO_SIDE, PHOTO_SIDE))
    if max(photo.size) <= SCAN_SIDE:
        return fit.ink(photo)
    if photo.has_transparency_data and np.asarray(photo.convert("RGBA"))[..., 3].min() < 128:
        return fit.ink(photo)  # a photograph is opaque
    strength, peak = _contrast(photo.convert("L"))
    if peak < CONTRAST:  # colours can be equally bright, such as yellow on white or red on green
        strength, peak = max((_contrast(band) for band in photo.convert("RGB").split()), key=itemgetter(1))
    if peak < CONTRAST:
        raise DigitError(
            "No digit stands out in this picture: write one with a thick pen on plain paper, and try again."
        )
    return np.asarray(((strength / peak - 0.3) / 0.4).clip(0, 1), dtype=np.float32)


def _contrast(band: Image.Image) -> tuple[Ink, float]:
    """The contrast of each pixel with the paper around it, 0 to 1, and the contrast of the pen."""
    grey = band.filter(ImageFilter.MedianFilter(3))
    beyond = _beyond_paper(grey)

    def sheet(fill: int) -> Image.Image:
        return Image.composite(Image.new("L", grey.size, fill), grey, beyond)

    dark_on_light = ImageChops.subtract(_surroundings(sheet(0), ImageFilter.MaxFilter), grey)
    light_on_dark = ImageChops.subtract(grey, _surroundings(sheet(255), ImageFilter.MinFilter))
    sides = [ImageChops.subtract(side, beyond) for side in (dark_on_light, light_on_dark)]
    # A pen covers less than its paper: of the two pictures, the one with less in it shows the pen.
    strength = np.asarray(min(sides, key=lambda side: ImageStat.Stat(side).mean[0]), dtype=np.float32) / 255
    return strength, float(np.quantile(strength, 0.995))


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


def _surroundings(
    grey: Image.Image, extreme: type[ImageFilter.MaxFilter | ImageFilter.MinFilter]
) -> Image.Image:
    """The brightness of the paper at each pixel, also under a stroke of the pen: the brightest
    (or darkest) level of the neighbourhood, smoothed."""
    small = grey.copy()
    small.thumbnail((PHOTO_SIDE // 4, PHOTO_SIDE // 4))
    width = 2 * (min(small.size) // 10) + 3  # odd, and wider than a stroke
    spread = small.filter(extreme(width)).filter(ImageFilter.BoxBlur(width / 2))
    return spread.resize(grey.size, Image.Resampling.BILINEAR)
