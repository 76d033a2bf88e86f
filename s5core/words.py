"""Numbers and commands in words, as pages and the shell show them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import unicodedata

NO_BREAK = "\N{NO-BREAK SPACE}"  # keeps a figure and its unit on one line
MINUS = "\N{MINUS SIGN}"
CODE = re.compile(r"(?<!`)(`[^`\r\n]+`)(?!`)")
FORMULA = ("=", "+", "-", "@")  # a spreadsheet computes a cell that begins with one of these


def count(number: int, noun: str, plural: str = "") -> str:
    """How many there are: "1 digit", "1,000 digits". `plural`: where an s is not enough."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def percent(value: float | None, places: int = 2) -> str:
    """A figure in percent: "99.45 %"; a dash for one that there is not."""
    return "–" if value is None else f"{value:.{places}f}{NO_BREAK}%"


def probability(share: float, places: int = 1) -> str:
    """A probability, 0 to 1: "97.3 %", "over 99.9 %", "under 0.1 %"."""
    edge = 10 ** -(places + 2)
    if share > 1 - edge:  # rounding up to 100 % would say that there is no room for doubt
        return f"over{NO_BREAK}{percent(100 * (1 - edge), places)}"
    if share < edge:
        return f"under{NO_BREAK}{percent(100 * edge, places)}"
    return percent(100 * share, places)


def signed(value: float, places: int = 0) -> str:
    """A change with its sign: "+1,196", "−0.4"; zero has a plus."""
    return f"{round(value, places) + 0:+,.{places}f}".replace("-", MINUS)  # + 0 makes zero of minus zero


def number(value: float, places: int = 2) -> str:
    """A value with a proper minus sign: "−0.42"."""
    return f"{value:.{places}f}".replace("-", MINUS)


def duration(seconds: float) -> str:
    """A time to wait or a time taken: "42 s", "1 min", "3 min 5 s"."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def estimate(seconds: float) -> str:
    """A time that is not known exactly: "55 s", "1 min 10 s", "12 min"."""
    grain = 5 if seconds < 60 else 10 if seconds < 600 else 60
    return duration(grain * max(1, round(seconds / grain)))


def digit(label: int) -> str:
    """A digit with its article: "a 9", "an 8"."""
    return f"{'an' if label == 8 else 'a'} {label}"


def command(*arguments: object) -> str:
    """A command of ours for people to copy into a shell: "`python -m s5core data --download 'my digits'`"."""
    words = ["python", "-m", "s5core", *map(str, arguments)]
    return f"`{subprocess.list2cmdline(words) if os.name == 'nt' else shlex.join(words)}`"


def cell(text: str) -> str:
    """Text that somebody typed, in a form that a spreadsheet shows and never computes as a formula."""
    plain = unicodedata.normalize("NFKC", text).lstrip()  # also finds a full-width equals sign
    return f"'{text}" if plain.startswith(FORMULA) else text


def escape(text: str) -> str:
    """The text without a meaning in Markdown: anybody may give a run, or themselves, a name."""
    return "".join(f"\\{letter}" if letter in r"\`*_{}[]()<>#+-.!|~$:" else letter for letter in text)


def message(text: str) -> str:
    """The text of an error as Markdown: its `commands` are code, and nothing else has a meaning, for it may
    repeat what somebody has typed."""
    return "".join(part if i % 2 else escape(part) for i, part in enumerate(CODE.split(text)))
