"""Digits as small multiples: one piece of HTML that wraps at any width.

A picture is 28x28 grey levels and some hundred bytes, so it travels inside the page: sixty
digits are one element and no further request.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Sequence

from torch import Tensor

from s5core.charts import RED
from s5core.picture import data_url

SCALE = 4  # screen pixels a pixel of a digit; a whole number keeps all of them square


def gallery(images: Tensor, captions: Sequence[str], scale: int = SCALE, framed: Collection[int] = ()) -> str:
    """HTML of enlarged digits with sharp pixels, each above its caption.

    `images`: (N, 1, 28, 28) uint8, one caption each, of one or more lines. `framed`: indices of
    those with a thick frame; their captions must say what it means. Raises ValueError unless
    images and captions match.
    """
    width = scale * images.shape[-1]
    tiles = [
        _tile(image, caption, width, i in framed)
        for i, (image, caption) in enumerate(zip(images, captions, strict=True))
    ]
    return f'<div style="display:flex;flex-wrap:wrap;gap:16px 12px">{"".join(tiles)}</div>'


def _tile(image: Tensor, caption: str, width: int, framed: bool) -> str:
    words = html.escape(caption)
    alt, shown = words.replace("\n", ", "), words.replace("\n", "<br>")
    # What stands in brackets goes to the next line as a whole.
    lines = re.sub(r"\(.*?\)", lambda part: part.group().replace(" ", "&nbsp;"), shown)
    outline = f"4px solid {RED}" if framed else "1px solid rgba(138,144,153,0.5)"
    source = data_url(image[0].numpy())
    return (
        f'<figure style="margin:0;width:{width}px">'
        f'<img src="{source}" alt="{alt}" width="{width}" height="{width}" style="display:block;'
        f'image-rendering:pixelated;border-radius:4px;outline:{outline}">'
        '<figcaption style="font-size:14px;line-height:1.3;margin-top:6px;overflow-wrap:anywhere">'
        f"{lines}</figcaption></figure>"
    )
