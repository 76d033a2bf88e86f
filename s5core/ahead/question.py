"""What can be asked about a network, and where this server keeps the answers.

A question is a class with these members, and an entry in `reader.QUESTIONS`. Its answer is kept in a
file, whose name holds all on which the answer depends, so that a file is never stale.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from s5core.runs import folder

MAX_BYTES = 2**24
MOST = 500  # files that a server keeps; 250 MB at the most

Report = Callable[[float], None]  # the share that is done, 0 to 1
Answer_co = TypeVar("Answer_co", covariant=True)


class Question(Protocol[Answer_co]):
    """What a page asks, and a reader finds out."""

    @property
    def file(self) -> str:
        """The name of the file with the answer."""

    def look_up(self) -> Answer_co | None:
        """The answer, if a file has it."""

    def order(self) -> dict[str, Any]:
        """The question as JSON data, from which a reader makes it again."""

    def find_out(self, report: Report, place: Path) -> None:
        """Find the answer, which takes seconds, and keep it in a folder. Raises UserError, and OSError
        when it cannot be written."""


def home() -> Path:
    """Where this server keeps answers."""
    return folder.home() / ".known"  # no run has such a name


def prune(place: Path) -> None:
    """Remove the oldest answers in a folder, so that MOST are left."""
    files = sorted(place.iterdir(), key=lambda file: file.stat().st_mtime)
    for file in files[:-MOST]:
        file.unlink(missing_ok=True)
