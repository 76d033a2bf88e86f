"""JSON data as letters that every chat and every address leaves alone, and back.

A packed text is the number of its format, a point, and JSON, compressed and written in base64url. Such a
text comes from anywhere: it may be cut off, or made to unpack to more than memory holds.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from typing import Any

from s5core.files import parse_json

LONGEST = 8_000  # characters that are looked at; a step has under 1,000
MOST = 2**16  # bytes that they may unpack to

_TEXT = re.compile(r"(\d{1,3})\.([A-Za-z0-9_-]{20,})")


def pack(data: Any, format: int) -> str:
    """The data as a text. `format`: a number by which a later version knows how to read it."""
    packed = zlib.compress(json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode(), 9)
    return f"{format}.{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def is_packed(text: str) -> bool:
    """Whether a text looks like a packed one."""
    return len(text) <= LONGEST and _TEXT.fullmatch(text.strip()) is not None


def unpack(text: str, format: int) -> Any:
    """The data of a packed text. Raises ValueError, with the reason as the end of a sentence."""
    if len(text) > LONGEST:
        raise ValueError(f"it has {len(text):,} characters, and none of ours has more than {LONGEST:,}")
    found = _TEXT.fullmatch(text.strip())
    if found is None:
        raise ValueError("it is cut off or no link: copy it again, from its first letter to its last")
    if int(found[1]) != format:
        raise ValueError(f"it has format {int(found[1])}, and this version reads format {format}")
    unpacking = zlib.decompressobj()
    try:
        content = unpacking.decompress(base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4)), MOST)
    except (zlib.error, binascii.Error):
        raise ValueError("it is damaged: copy it again, from its first letter to its last") from None
    if not unpacking.eof:
        raise ValueError("it is cut off, or unpacks to too much")
    return parse_json(content)
