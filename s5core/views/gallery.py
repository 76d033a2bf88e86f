"""Many small pictures side by side: one piece of HTML that wraps at any width.

A digit is 28x28 grey levels, a few hundred bytes. So the pictures are part of the page: sixty digits
are one element, and the browser sends no further request.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from torch import Tensor

from s5core.views.palette import RED
from s5core.views.picture import Picture, data_url

SCALE = 4  # screen pixels for a pixel of a digit; a whole number keeps them all square
GAP = 12  # screen pixels between two tiles
THIN = "1px solid rgba(138,144,153,0.5)"  # the outline of a picture
LOOK = f"display:block;border-radius:4px;outline:{THIN}"


def gallery(images: Tensor, captions: Sequence[str], scale: int = SCALE, framed: Collection[int] = ()) -> str:
    """HTML of enlarged digits with sharp pixels, each above its caption.

    `images`: (N, 1, 28, 28) uint8. `captions`: one for each image, of one or more lines. `framed`:
    the indices of images with a thick frame; their captions must explain the frame. Raises ValueError
    unless there are as many captions as images.
    """
    width = scale * images.shape[-1]
    tiles = [
        _tile(image, caption, width, i in framed)
        for i, (image, caption) in enumerate(zip(images, captions, strict=True))
    ]
    return _wrap(tiles)


@dataclass(frozen=True)
class Exhibit:
    """Pictures above one another, with a title and text below them."""

    pictures: tuple[tuple[Picture, str], ...]  # each with a description for those who cannot see it
    title: str
    lines: tuple[str, ...]


def exhibition(exhibits: Sequence[Exhibit], width: str) -> str:
    """HTML of exhibits side by side, GAP pixels apart. `width`: of each of them, in CSS."""
    return _wrap([_exhibit(exhibit, width) for exhibit in exhibits])


def even_rows(exhibits: Sequence[Exhibit], narrow: int, broad: int) -> str:
    """HTML of exhibits in as few rows as possible, each exhibit `narrow` to `broad` pixels wide.

    All rows have the same length, except that the last one may be shorter.
    """
    count = len(exhibits)
    name = f"rows-of-{count}"  # galleries of the same size share their rules
    rules = "".join(
        f"@container (min-width:{length * (narrow + GAP) - GAP}px)"
        f"{{.{name}{{grid-template-columns:repeat({length},minmax(0,{broad}px))}}}}"
        for length in sorted({-(-count // rows) for rows in range(1, count + 1)})
    )
    tiles = "".join(_exhibit(exhibit, "100%") for exhibit in exhibits)
    return (
        f'<style>{rules}</style><div style="container-type:inline-size">'
        f'<div class="{name}" style="display:grid;gap:16px {GAP}px">{tiles}</div></div>'
    )


def _wrap(tiles: Sequence[str]) -> str:
    return f'<div style="display:flex;flex-wrap:wrap;gap:16px {GAP}px">{"".join(tiles)}</div>'


def _exhibit(exhibit: Exhibit, width: str) -> str:
    look = f"{LOOK};width:100%;margin-bottom:6px"
    pictures = "".join(
        f'<img src="{data_url(shown)}" alt="{html.escape(words)}" style="{look}">'
        for shown, words in exhibit.pictures
    )
    lines = "".join(f"<br>{html.escape(line)}" for line in exhibit.lines)
    return (
        f'<figure style="margin:0;width:{width}">{pictures}'
        f'<figcaption style="font-size:0.875rem;line-height:1.35"><b>{html.escape(exhibit.title)}</b>{lines}'
        "</figcaption></figure>"
    )


def _tile(image: Tensor, caption: str, width: int, framed: bool) -> str:
    words = html.escape(caption)
    alt, shown = words.replace("\n", ", "), words.replace("\n", "<br>")
    # Text in brackets is not broken: it moves to the next line as a whole.
    lines = re.sub(r"\(.*?\)", lambda part: part.group().replace(" ", "&nbsp;"), shown)
    outline = f"4px solid {RED}" if framed else THIN
    source = data_url(image[0].numpy())
    return (
        f'<figure style="margin:0;width:{width}px">'
        f'<img src="{source}" alt="{alt}" width="{width}" height="{width}" style="{LOOK};'
        f'outline:{outline};image-rendering:pixelated">'
        '<figcaption style="font-size:0.875rem;line-height:1.3;margin-top:6px;overflow-wrap:anywhere">'
        f"{lines}</figcaption></figure>"
    )
