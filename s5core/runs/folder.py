"""A run is a folder: `config.json`, `events.jsonl`, `model.safetensors`, and perhaps `notes.json`.

Each file has one writer; anybody may read. To compare, share or resume a run, or to restart the server,
the folder is enough.

    config.json         what is trained: layers, recipe, the step that it began from, and the person who
                        made it; never changed
    events.jsonl        what has happened so far, one event a line (see `events`); its worker writes it
    model.safetensors   the checkpoint of the last finished epoch; its worker writes it
    notes.json          a new name, and whether it is pinned; the app writes it
    line.json           while it waits or trains, its place in line (see `line`); the queue writes it

A deleted run is moved to the folder `.trash` beside the runs, and can be moved back.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from s5core import checkpoint, configuration
from s5core.checkpoint import Checkpoint
from s5core.errors import UserError
from s5core.events import Epoch, Failed, Finished, Log, LogWriter, Stopped, read_log, to_lines
from s5core.files import ROOT, write_atomically
from s5core.layers import Layer, Network, from_json, to_json
from s5core.recipe import Recipe

HOME = ROOT / "runs"
TRASH = ".trash"  # no run has such a name
DAYS_IN_TRASH = 7  # a deleted run is removed at the first deletion after that time
LONGEST_NAME = 60  # characters of a name that somebody types

_lock = threading.RLock()  # over names and notes: sessions of the app write them in threads


class RunError(UserError):
    """A run that cannot be opened; the message says why."""


@dataclass(frozen=True)
class Run:
    """A run: its folder, and what is trained."""

    folder: Path
    title: str  # as lists show it; no other run of its step has the same
    step: str  # name of the step that it began from, or of another network
    layers: Network
    recipe: Recipe
    created: str  # ISO 8601, UTC
    pinned: bool = False  # lists show it first
    owner: str = ""  # id of the person who made it (see `people`); empty: nobody in the app

    @property
    def id(self) -> str:
        """The folder's name, as links carry it."""
        return self.folder.name

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
    return Path(configuration.value("runs_dir") or HOME)


def create(title: str, step: str, layers: Sequence[Layer], recipe: Recipe, owner: str = "") -> Run:
    """Make the folder of a new run. Raises OSError when it cannot be written.

    `step` names the step that the run begins from. A network that is no step may have any name. Where
    another run of the step has that title, the new one gets a number. `owner`: id of the person.
    """
    now = datetime.now(UTC)
    readable = re.sub(r"[^\w-]+", "-", step)[:40]
    name = f"{now:%Y%m%d-%H%M%S}-{readable}-{uuid.uuid4().hex[:6]}"
    with _lock:
        title = _free_title(title, step)
        created = now.isoformat(timespec="seconds")
        run = Run(home() / name, title, step, tuple(layers), recipe, created, owner=owner)
        config = {
            "title": title,
            "step": step,
            "layers": to_json(layers),
            "recipe": recipe.to_json(),
            "created": run.created,
            "owner": owner,
        }
        write_atomically(run.folder / "config.json", _json(config))
    return run


def _json(data: dict[str, Any]) -> bytes:
    return (json.dumps(data, indent=1) + "\n").encode()


def _free_title(title: str, step: str, id: str = "") -> str:
    """The title, with a number where another run of the step has it; `id`: of the run itself."""
    taken = {run.title for run in list_runs() if run.step == step and run.id != id}
    numbered = (f"{title} ({number})" for number in count(2))
    return title if title not in taken else next(name for name in numbered if name not in taken)


def adopt(made: Checkpoint, step: str, title: str, owner: str = "") -> Run:
    """Make a run of a checkpoint from elsewhere, such as an upload; see `create` for the other values."""
    run = create(title, step, made.layers, made.recipe, owner)
    history = [Epoch(metrics) for metrics in made.history]
    end = Stopped(len(made.history)) if made.state else Finished.of(made.history)
    checkpoint.save(made, run.model_path)
    write_atomically(run.events_path, to_lines([*history, end]))
    return run


def open_run(id: str) -> Run:
    """The run with this id. Raises RunError when there is none or its folder is damaged."""
    return open_folder(home() / _checked(id))


def _checked(id: str) -> str:
    """The id, if it cannot lead out of the folder of runs. Raises RunError for any other."""
    if not re.fullmatch(r"[\w-]{1,80}", id):
        raise RunError(f"{id[:80]!r} is not the name of a run.")
    return id


def open_folder(folder: Path) -> Run:
    """The run in a folder. Raises RunError when there is none or it is damaged."""
    run = _as_created(folder)
    notes = folder / "notes.json"
    try:
        title, pinned = _read_notes(notes, notes.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, TypeError):
        return run  # most runs have no notes; damaged ones must not hide the run
    return replace(run, title=title or run.title, pinned=pinned)


def _as_created(folder: Path) -> Run:
    """The run without its notes. Raises RunError like `open_folder`."""
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
        owner=str(config.get("owner", "")),  # earlier versions had none
    )


@lru_cache(maxsize=4096)
def _read_notes(path: Path, changed: int) -> tuple[str, bool]:
    """The name and the pin in a notes.json; the name is empty where the run was not renamed."""
    notes = json.loads(path.read_text())
    return str(notes["name"]), bool(notes["pinned"])


def open_deleted(id: str) -> Run:
    """A run in the trash. Raises RunError when it is no longer there."""
    try:
        return open_folder(home() / TRASH / _checked(id))
    except RunError:
        raise _lost(id) from None


def _lost(id: str) -> RunError:
    return RunError(f"The run {id} is no longer in the trash, so it cannot be brought back.")


def list_runs() -> list[Run]:
    """All runs that can be read: first the pinned ones, each group the newest first."""
    found = []
    for id in sorted(_ids(home()), reverse=True):
        try:
            found.append(open_run(id))
        except RunError:
            continue  # one damaged folder must not hide the other runs
    return sorted(found, key=lambda run: not run.pinned)


def _ids(folder: Path) -> Iterator[str]:
    """The folders in a folder, without hidden ones."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        yield from (entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def rename(run: Run, name: str) -> Run:
    """Give a run another name, in one line; an empty one brings the first name back. Where another
    run of the step has that name, this one gets a number. Raises OSError when it cannot be written."""
    clean = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    with _lock:
        wanted = clean[:LONGEST_NAME].strip() or _as_created(run.folder).title
        return _note(run, _free_title(wanted, run.step, run.id), open_folder(run.folder).pinned)


def pin(run: Run, pinned: bool = True) -> Run:
    """Pin a run, so that lists show it first, or unpin it. Raises OSError when it cannot be written."""
    with _lock:
        return _note(run, open_folder(run.folder).title, pinned)


def _note(run: Run, name: str, pinned: bool) -> Run:
    write_atomically(run.folder / "notes.json", _json({"name": name, "pinned": pinned}))
    return replace(run, title=name, pinned=pinned)


def delete(ids: Iterable[str]) -> None:
    """Move runs to the trash, and remove from it what has been there for more than DAYS_IN_TRASH. A run
    that is not there is passed over. None of them may be in training. Raises OSError when a folder
    cannot be moved."""
    trash = home() / TRASH
    trash.mkdir(parents=True, exist_ok=True)
    for old in _ids(trash):
        if time.time() - (trash / old).stat().st_mtime > DAYS_IN_TRASH * 24 * 60 * 60:
            shutil.rmtree(trash / old, ignore_errors=True)
    for run in (home() / _checked(id) for id in ids):
        with contextlib.suppress(FileNotFoundError):
            os.utime(run)  # the time of its deletion
            os.replace(run, trash / run.name)


def deleted() -> list[Run]:
    """The runs in the trash that can be read, the newest first."""
    found = []
    for id in sorted(_ids(home() / TRASH), reverse=True):
        with contextlib.suppress(RunError):
            found.append(open_folder(home() / TRASH / id))
    return found


def restore(ids: Iterable[str]) -> None:
    """Move deleted runs back. Where its name was given to another run meanwhile, a run gets a number.
    Raises RunError for one that is no longer in the trash."""
    for id in ids:
        try:
            os.replace(home() / TRASH / _checked(id), home() / id)
        except FileNotFoundError:
            raise _lost(id) from None
        with _lock:
            run = open_run(id)
            if (title := _free_title(run.title, run.step, id)) != run.title:
                _note(run, title, run.pinned)
