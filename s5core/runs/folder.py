"""A run is a folder: `config.json`, `events.jsonl`, `model.safetensors`.

Only its worker writes into it; anybody may read. To compare, share or resume a run, or to restart the
server, the folder is enough.

    config.json         what is trained: layers, recipe, and the step that it began from
    events.jsonl        what has happened so far, one event a line (see `events`)
    model.safetensors   the checkpoint of the last finished epoch
"""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from s5core import checkpoint
from s5core.checkpoint import Checkpoint
from s5core.errors import UserError
from s5core.events import Epoch, Failed, Finished, Log, LogWriter, Stopped, read_log, to_lines
from s5core.files import ROOT, write_atomically
from s5core.layers import Layer, Network, from_json, to_json
from s5core.recipe import Recipe

HOME = ROOT / "runs"


class RunError(UserError):
    """A run that cannot be opened; the message says why."""


@dataclass(frozen=True)
class Run:
    """A run: its folder, and what is trained."""

    folder: Path
    title: str  # as lists show it
    step: str  # name of the step that it began from, or of another network
    layers: Network
    recipe: Recipe
    created: str  # ISO 8601, UTC

    @property
    def id(self) -> str:
        """The folder's name, as links carry it."""
        return self.folder.name

    @property
    def label(self) -> str:
        """The title and the end of the id: runs may have the same title."""
        return f"{self.title} ({self.id[-6:]})"

    @property
    def short(self) -> str:
        """For places with little room: "Run 3f9a21"."""
        return f"Run {self.id[-6:]}"

    @property
    def events_path(self) -> Path:
        """The log: events.jsonl."""
        return self.folder / "events.jsonl"

    @property
    def model_path(self) -> Path:
        """The checkpoint: model.safetensors. There is none before the first epoch is finished."""
        return self.folder / "model.safetensors"

    def log(self) -> Log:
        """The events so far."""
        return read_log(self.events_path)

    def fail(self, message: str) -> None:
        """Write into the log why the run is not trained, when no worker can do it.

        Raises OSError when the log cannot be written.
        """
        with LogWriter(self.events_path) as log:
            log.write(Failed(message))

    def checkpoint(self) -> Checkpoint:
        """The network after the last finished epoch. Raises CheckpointError when there is none."""
        return checkpoint.load(self.model_path)


def home() -> Path:
    """Where runs are kept: `$S5_RUNS_DIR`, or `runs/` beside the app."""
    return Path(os.environ.get("S5_RUNS_DIR") or HOME)


def create(title: str, step: str, layers: Sequence[Layer], recipe: Recipe) -> Run:
    """Make the folder of a new run. Raises OSError when it cannot be written.

    `step` names the step that the run begins from. A network that is no step may have any name.
    """
    now = datetime.now(UTC)
    readable = re.sub(r"[^\w-]+", "-", step)[:40]
    name = f"{now:%Y%m%d-%H%M%S}-{readable}-{uuid.uuid4().hex[:6]}"
    run = Run(home() / name, title, step, tuple(layers), recipe, now.isoformat(timespec="seconds"))
    config = {
        "title": title,
        "step": step,
        "layers": to_json(layers),
        "recipe": recipe.to_json(),
        "created": run.created,
    }
    write_atomically(run.folder / "config.json", (json.dumps(config, indent=1) + "\n").encode())
    return run


def adopt(made: Checkpoint, step: str, title: str) -> Run:
    """Make a run of a checkpoint from elsewhere, such as an upload; see `create` for `step` and `title`."""
    run = create(title, step, made.layers, made.recipe)
    history = [Epoch(metrics) for metrics in made.history]
    end = Stopped(len(made.history)) if made.state else Finished.of(made.history)
    checkpoint.save(made, run.model_path)
    write_atomically(run.events_path, to_lines([*history, end]))
    return run


def open_run(id: str) -> Run:
    """The run with this id. Raises RunError when there is none or its folder is damaged."""
    if not re.fullmatch(r"[\w-]{1,80}", id):
        raise RunError(f"{id[:80]!r} is not the name of a run.")
    return open_folder(home() / id)


def open_folder(folder: Path) -> Run:
    """The run in a folder. Raises RunError when there is none or it is damaged."""
    path = folder / "config.json"
    try:
        return _read_config(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise RunError(
            f"There is no run {folder.name} here: it was deleted, or it is on another computer."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, UserError) as error:
        raise RunError(f"The run {folder.name} cannot be read: {error}") from error


@lru_cache(maxsize=4096)
def _read_config(path: Path, changed: int) -> Run:
    """The run that a config.json describes. It is read once, because pages often list all runs."""
    config = json.loads(path.read_text())
    return Run(
        folder=path.parent,
        title=str(config["title"]),
        step=str(config["step"]),
        layers=from_json(config["layers"]),
        recipe=Recipe.from_json(config["recipe"]),
        created=str(config["created"]),
    )


def list_runs() -> list[Run]:
    """All runs that can be read, the newest first."""
    found = []
    for folder in sorted(home().glob("*/config.json"), reverse=True):
        try:
            found.append(open_run(folder.parent.name))
        except RunError:
            continue  # one damaged folder must not hide the other runs
    return found
