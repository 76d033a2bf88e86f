"""The line of runs that wait to be trained: whose turn it is, and what a restarted server finds of it.

The rule: first come, first served among people. One person's second run comes after the first runs of
all others; when the first one ends, the second counts as if it had been started at that moment.

Each run in line or in training has a file `line.json` in its folder, which the server writes and removes.
What a killed server leaves behind is the line with which the next one begins.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from s5core.events import Stopped
from s5core.files import parse_json, read_bytes, write_atomically
from s5core.runs import folder
from s5core.runs.folder import Run, RunError

FILE = "line.json"


@dataclass(frozen=True)
class Entry:
    """A run that waits or trains."""

    run: Run
    since: float  # when it came, in seconds since 1970; later where a run of its owner ended later
    begun: bool = False  # whether a worker had it, before the server was restarted if it waits now
    restored: bool = False  # whether an earlier server left it in line

    @property
    def owner(self) -> str:
        """Whose run it is; runs that nobody owns count as one person's."""
        return self.run.owner


def in_turn(waiting: Iterable[Entry], training: Iterable[Entry] = ()) -> list[Entry]:
    """The waiting runs in the order in which they are trained.

    `training`: the runs in training. They count as their owners' first ones.
    """
    ranks = Counter(entry.owner for entry in training)
    ranked = []
    for entry in sorted(waiting, key=_arrival):
        ranked.append((ranks[entry.owner], entry))
        ranks[entry.owner] += 1
    return [entry for _, entry in sorted(ranked, key=lambda pair: (pair[0], *_arrival(pair[1])))]


def _arrival(entry: Entry) -> tuple[bool, float]:
    """By which runs of the same rank stand in line: what had begun goes on first."""
    return not entry.begun, entry.since


def keep(entry: Entry) -> None:
    """Write down that a run waits or trains. Where that cannot be written, only a restart of the server
    would miss it."""
    content = json.dumps({"since": entry.since, "begun": entry.begun}).encode()
    with contextlib.suppress(OSError):  # a run that was deleted meanwhile must not come back
        write_atomically(entry.run.folder / FILE, content, make_folder=False)


def forget(run: Run) -> None:
    """A run neither waits nor trains any more."""
    with contextlib.suppress(OSError):
        (run.folder / FILE).unlink(missing_ok=True)


class Claim:
    """The right to go on with the line in the folder of runs. One server has it, as long as it lives."""

    def __init__(self) -> None:
        self._lock: FileLock | None = None

    def acquire(self) -> bool:
        """Whether it is ours now. Where the folder cannot be written, nobody has it."""
        if self._lock is None:
            try:
                folder.home().mkdir(parents=True, exist_ok=True)
                lock = FileLock(folder.home() / "line.lock", thread_local=False)
                lock.acquire(timeout=0)
            except (OSError, Timeout):
                return False
            self._lock = lock
        return True

    def release(self) -> None:
        """Leave the line to the next server."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def kept() -> list[Entry]:
    """What the last server left in line or in training, in the order of arrival. A run that had come to
    its end, but not yet left the line, is forgotten."""
    found = []
    for path in folder.home().glob(f"[!.]*/{FILE}"):  # few of the runs have one, and not those in the trash
        try:
            run = folder.open_run(path.parent.name)
        except RunError:
            continue
        entry = _read(path, run)
        if entry is None:
            continue
        end = run.log().end
        if end is None or isinstance(end, Stopped):  # as a server that ends stops its runs
            found.append(entry)
        else:
            forget(run)
    return sorted(found, key=_arrival)


def _read(path: Path, run: Run) -> Entry | None:
    """The entry in a file; None where there is none that can be read."""
    try:
        content = parse_json(read_bytes(path, folder.MAX_BYTES))
        since = float(content["since"])
        return Entry(run, since if math.isfinite(since) else 0.0, content["begun"] is True, restored=True)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def runs_of(entries: Sequence[Entry], owner: str) -> int:
    """How many of these runs a person owns."""
    return sum(entry.owner == owner for entry in entries)
