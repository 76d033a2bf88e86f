from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
import torch
from PIL import Image

from s5core.data import Digits
from s5core.views.gallery import GAP, Exhibit, even_rows, exhibition, gallery


def test_pictures_are_the_digits_themselves(practice: Digits) -> None:
    images = practice.validation_images[:3]
    found = re.findall(r"data:image/png;base64,([^\"]+)", gallery(images, ["a", "b", "c"]))
    drawn = [np.array(Image.open(io.BytesIO(base64.b64decode(data)))) for data in found]
    assert torch.equal(torch.from_numpy(np.stack(drawn)), images[:, 0])


def test_captions_are_text_and_brackets_stay_together() -> None:
    page = gallery(torch.zeros(1, 1, 28, 28, dtype=torch.uint8), ["true <4>, said 9 (> 99 %)"])
    assert "<4>" not in page
    assert "true &lt;4&gt;, said 9 (&gt;&nbsp;99&nbsp;%)</figcaption>" in page
    assert 'alt="true &lt;4&gt;, said 9 (&gt; 99 %)"' in page


def test_a_missing_caption_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        gallery(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), ["one"])


def test_enlarged_by_whole_pixels() -> None:
    assert 'width="84" height="84"' in gallery(torch.zeros(1, 1, 28, 28, dtype=torch.uint8), ["a"], scale=3)


def test_a_frame_is_thick_and_a_caption_may_have_lines() -> None:
    page = gallery(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), ["7 by <i>\nread as 1", "4"], framed={0})
    first, second = page.split("</figure>")[:2]
    assert "outline:4px" in first and "outline:1px" in second
    assert 'alt="7 by &lt;i&gt;, read as 1"' in first and "7 by &lt;i&gt;<br>read as 1</figcaption>" in first


def test_an_exhibit_has_its_pictures_above_its_words() -> None:
    dark, light = (np.full((2, 2, 3), level, dtype=np.uint8) for level in (0, 255))
    shown = Exhibit(((dark, "night"), (light, 'day & "noon"')), "2 < 3", ("first", "second"))
    page = exhibition([shown, shown], "31%")
    assert page.count('<figure style="margin:0;width:31%">') == 2
    found = re.findall(r"data:image/png;base64,([^\"]+)", page)
    drawn = [np.array(Image.open(io.BytesIO(base64.b64decode(data)))) for data in found]
    assert np.array_equal(drawn, [dark, light, dark, light])
    assert 'alt="day &amp; &quot;noon&quot;"' in page
    assert "<b>2 &lt; 3</b><br>first<br>second</figcaption>" in page


def test_all_rows_but_the_last_have_the_same_length() -> None:
    dot = Exhibit(((np.zeros((1, 1, 3), dtype=np.uint8), "dot"),), "dot", ())
    page = even_rows([dot] * 9, 80, 144)
    assert page.count("<figure") == 9
    found = re.findall(r"min-width:(\d+)px\){\.rows-of-9{grid-template-columns:repeat\((\d+),", page)
    lengths = [int(length) for _, length in found]
    assert lengths == [1, 2, 3, 5, 9]  # nine, five, three, two rows, one row
    assert [int(width) for width, _ in found] == [80 * n + GAP * (n - 1) for n in lengths]
