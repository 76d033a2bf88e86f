"""What a link carries: packed, and unpacked only where it is whole, of a known format and not too much."""

from __future__ import annotations

import pytest

from s5core.packing import LONGEST, MOST, is_packed, pack, unpack

DATA = {"title": "Größe", "values": [1, 2.5, None, True], "text": "x" * 100}


def test_what_was_packed_is_unpacked():
    text = pack(DATA, 3)
    assert text.startswith("3.") and is_packed(text) and is_packed(f" {text}\n")
    assert unpack(text, 3) == unpack(f" {text}\n", 3) == DATA
    assert text.isascii() and not set(text) & set(" %&?=#/+")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "cut off"),
        ("step5", "cut off"),
        (pack(DATA, 1)[:-9], "cut off|damaged"),
        ("1." + "A" * 40, "damaged"),
        (pack(DATA, 2), "format 2, and this version reads format 1"),
        ("1." + "A" * LONGEST, "characters"),
        (pack("x" * 2 * MOST, 1), "unpacks to too much"),
        (pack("x" * 100, 1).replace(".", "!"), "cut off"),
    ],
)
def test_anything_else_is_refused(text, reason):
    with pytest.raises(ValueError, match=reason):
        unpack(text, 1)
