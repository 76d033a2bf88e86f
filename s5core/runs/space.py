"""The disk space of the runs: when a limit is reached, the oldest runs that are not pinned go.

Nothing goes unannounced: from 80 % of the limit on, the runs that would go first are named, and only runs
that were named are removed. Deleted runs in the trash go before them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from s5core.layers import Layer
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.summary import count_parameters

GB = 10**9
WARN = 0.8  # share of the limit from which on runs are announced
LOG = 200_000  # bytes for a run's events and config.json; most have less


@dataclass(frozen=True)
class Space:
    """The runs' part of the disk at one moment, in bytes."""

    used: int
    limit: int
    next: tuple[Run, ...]  # that would go first, as many as bring it back to 80 %; none below 80 %

    @property
    def is_short(self) -> bool:
        """Whether runs are announced."""
        return self.used > WARN * self.limit


def needed(layers: Sequence[Layer]) -> int:
    """About how many bytes a run takes: weights, optimiser and their average, 4 bytes each, and its log."""
    return 12 * count_parameters(layers) + LOG


def measure(limit: float, is_active: Callable[[str], bool]) -> Space:
    """What all runs take, the trash included. `limit`: in gigabytes; `is_active`: whether the run of an
    id waits or trains, and so has to stay."""
    sizes = {path.name: _size(path) for path in _folders(folder.home())}
    used = sum(sizes.values()) + sum(map(_size, _folders(folder.home() / folder.TRASH)))
    bound = int(limit * GB)
    oldest: list[Run] = []
    left = used
    if used > WARN * bound:
        for run in sorted(folder.list_runs(), key=lambda run: run.created):
            if left <= WARN * bound:
                break
            if not run.pinned and not is_active(run.id):
                oldest.append(run)
                left -= sizes.get(run.id, 0)
    return Space(used, bound, tuple(oldest))


def make_room(space: Space, bytes: int, announced: Sequence[Run]) -> bool:
    """Remove runs until there are `bytes` more below the limit: first those in the trash, then those of
    `announced`, the first first. Returns whether there is room then."""
    left = space.used + bytes - space.limit
    trash = sorted(_folders(folder.home() / folder.TRASH), key=lambda path: path.stat().st_mtime)
    for path in [*trash, *(run.folder for run in announced)]:
        if left <= 0:
            break
        left -= _size(path)
        shutil.rmtree(path, ignore_errors=True)
    return left <= 0


def _folders(home: Path) -> list[Path]:
    with contextlib.suppress(OSError), os.scandir(home) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
    return []


def _size(path: Path) -> int:
    """Bytes of the files in a folder."""
    total = 0
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                total += entry.stat().st_size
    return total
