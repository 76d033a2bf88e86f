"""What the command `check` prints about hand-ins: a table for people, or CSV for a gradebook."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterator, Sequence

from s5core.export.hand_in import Finding
from s5core.words import cell

WORDS = {"right": "right", "differs": "DIFFERS", "unchecked": "NOT CHECKED"}
HEAD = ("hand-in", "accuracy", "claimed", "parameters", "epochs", "digits", "target", "verdict")


def to_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """A line for each hand-in, and one below it where something is wrong."""
    width = min(40, max(len(HEAD[0]), *(len(each.file) for each in findings)))
    yield (
        f"{HEAD[0]:<{width}} {HEAD[1]:>9} {HEAD[2]:>9} {HEAD[3]:>11} {HEAD[4]:>6}  "
        f"{HEAD[5]:<20} {HEAD[6]:>6}  {HEAD[7]}"
    )
    for each in findings:
        name = textwrap.shorten(each.file, width, placeholder=" …") if len(each.file) > width else each.file
        met = "met" if each.meets_target else "missed" if each.tells_target else "–"
        yield (
            f"{name:<{width}} {_percent(each.accuracy):>9} {_percent(each.claimed_accuracy):>9} "
            f"{_count(each.parameters):>11} {_count(each.epochs):>6}  "
            f"{each.data or '–':<20} {met:>6}  {WORDS[each.verdict]}"
        )
        if each.reason:
            yield f"{'':<{width}}   {each.reason}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} %"


def _count(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def to_csv(findings: Sequence[Finding]) -> bytes:
    """All figures as CSV, which spreadsheets open."""
    rows = [each.to_json() for each in findings]
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]))
    table.writeheader()
    table.writerows(
        {name: cell(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in rows
    )
    return text.getvalue().encode("utf-8-sig")  # the mark lets Excel read it as UTF-8
