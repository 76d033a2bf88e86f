"""A run is a folder: `config.json`, `events.jsonl`, `model.safetensors`, and perhaps `notes.json`.

Each file has one writer; anybody may read. To compare, share or resume a run, or to restart the server,
the folder is enough.

    config.json         what is trained: layers and their name, recipe, the step that it began from, the
                        person who made it, and what they expected of it; never changed
    events.jsonl        what has happened so far, one event a line (see `events`); its worker writes it
    model.safetensors   the checkpoint of the last finished epoch; its worker writes it
    notes.json          a new name, and whether it is pinned or shared; the app writes it
    test.json           when its test accuracy was opened (see `open_test`); the app writes it once
    line.json           while it waits or trains, its place in line (see `line`); the queue writes it
    worker.lock         held by the worker that trains it, so that there is never a second one
    worker.json         who that is; its worker writes it

Anybody can put something else into such a folder, so what is read is checked, and a run whose config.json
is no such file is listed as damaged.

A design that was saved is a run that nobody has started yet.

A deleted run is moved to the folder `.trash` beside the runs, and can be moved back.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from s5core import checkpoint, configuration
from s5core.checkpoint import Checkpoint
from s5core.errors import UserError
from s5core.events import Epoch, Failed, Finished, Log, LogWriter, Metrics, Stopped, read_log, to_lines
from s5core.files import Version, file_version, move, own_folder, parse_json, read_bytes, write_atomically
from s5core.layers import Layer, Network, check, from_json, to_json
from s5core.recipe import Recipe
from s5core.settings import check_field
from s5core.summary import count_parameters

HOME = own_folder("runs")
TRASH = ".trash"  # no run has such a name
DAYS_IN_TRASH = 7  # a deleted run is removed at the first deletion after that time
SETTLED = 2.0  # seconds after its last change from which on a listing is kept
LONGEST_NAME = 60  # characters of a name that somebody types
LONGEST_TEXT = 300  # and of what they expect of a run
PATIENCE = 3.0  # seconds to wait for a worker whose server has just been killed: it ends after its batch
MAX_BYTES = 2**16  # of config.json and the like; the longest network that can be described has 10 KB

_ID = re.compile(r"[\w-]{1,80}")
_lock = threading.RLock()  # over names and notes: sessions of the app write them in threads


class RunError(UserError):
    """A run that cannot be opened; the message says why."""


class RunTakenError(RunError):
    """A run that another worker trains; the message says which."""


@dataclass(frozen=True)
class Expectation:
    """What somebody expected of a run before it began."""

    text: str = ""  # in one line
    accuracy: float | None = None  # of the last epoch, in percent


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
    design: str = ""  # the name of a network that is not its step's; empty: it is
    shared: bool = False  # whether its owner shows it on the board
    expected: Expectation | None = None

    @cached_property
    def id(self) -> str:
        """The folder's name, as links carry it."""
        return self.folder.name

    @cached_property
    def parameters(self) -> int:
        """Trainable parameters of its network."""
        return count_parameters(self.layers)

    @cached_property
    def events_path(self) -> Path:
        """The log: events.jsonl."""
        return self.folder / "events.jsonl"

    @cached_property
    def model_path(self) -> Path:
        """The checkpoint: model.safetensors. There is none before the first epoch is finished."""
        return self.folder / "model.safetensors"

    def exists(self) -> bool:
        """Whether it is still there: somebody may have deleted it."""
        return (self.folder / "config.json").exists()

    def log(self) -> Log:
        """The events so far. Everybody shares them: only read them."""
        version = file_version(self.events_path)
        return Log() if version is None else _read_log(self.events_path, version)

    def test_opened(self) -> str | None:
        """When its test accuracy was opened, in ISO 8601; None as long as it is sealed."""
        try:
            return _time(_read_json(self.folder / "test.json"), "opened")
        except FileNotFoundError:
            return None
        except DAMAGE:
            return self.created  # whatever is in the file: it was opened

    @property
    def is_sealed(self) -> bool:
        """Whether nobody may see yet what its network answers to the test digits: it is validated on
        training digits that are held out."""
        return self.recipe.split == "holdout" and self.test_opened() is None

    def fail(self, message: str) -> None:
        """Write into the log why the run is not trained, when no worker can do it.

        Raises OSError when the log cannot be written, and RunTakenError when a worker has the run.
        """
        with self.claim(), LogWriter(self.events_path) as log:
            log.write(Failed(message))

    @contextlib.contextmanager
    def claim(self) -> Iterator[None]:
        """Be the only one who trains the run or writes its log, even among the workers of several servers
        on one folder of runs. The system ends a claim with its process.

        Raises RunTakenError where somebody else has it, and OSError when the folder cannot be written.
        """
        if not self.folder.is_dir():  # the lock would make it, and a run that was deleted would come back
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.folder))
        lock = FileLock(self.folder / "worker.lock")
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            raise RunTakenError(f"The run {self.id} is in training already, by {self._holder()}.") from None
        try:
            holder = {"host": socket.gethostname(), "pid": os.getpid()}
            write_atomically(self.folder / "worker.json", _json(holder), make_folder=False)
            yield
        finally:
            lock.release()

    def _holder(self) -> str:
        try:
            holder = _read_json(self.folder / "worker.json")
            return f"process {int(holder['pid'])} on the computer {str(holder['host'])[:80]}"
        except DAMAGE:
            return "another process"

    def checkpoint_file(self) -> bytes:
        """The content of its checkpoint's file, for a download. Raises OSError when it cannot be read."""
        return read_bytes(self.model_path, checkpoint.MAX_BYTES)

    def checkpoint(self) -> Checkpoint:
        """The network after the last finished epoch. Raises CheckpointError when there is none."""
        return checkpoint.load(self.model_path)


# What reading a file raises that another program wrote, or nobody finished.
DAMAGE = (OSError, ValueError, KeyError, TypeError, UserError)


def home() -> Path:
    """Where runs are kept: `$S5_RUNS_DIR`, or `runs/` beside the app (see `own_folder`)."""
    return Path(configuration.value("runs_dir") or HOME)


def create(
    title: str,
    step: str,
    layers: Sequence[Layer],
    recipe: Recipe,
    owner: str = "",
    design: str = "",
    expected: Expectation | None = None,
) -> Run:
    """Make the folder of a new run. Raises OSError when it cannot be written.

    `step` names the step that the run begins from. A network that is no step may have any name. Where
    another run of the step has that title, the new one gets a number. `owner`: id of the person.
    `design`: the network's own name, where it is not the step's.
    """
    now = datetime.now(UTC)
    readable = re.sub(r"[^\w-]+", "-", step)[:40]
    # Ids are in the order of time, also those of runs that are made in one second.
    name = f"{now:%Y%m%d-%H%M%S}-{readable}-{now.microsecond:05x}{uuid.uuid4().hex[:3]}"
    with _lock:
        title = _free_title(title, step)
        created = now.isoformat(timespec="seconds")
        run = Run(
            home() / name,
            title,
            step,
            tuple(layers),
            recipe,
            created,
            owner=owner,
            design=design,
            expected=expected,
        )
        config = {
            "title": title,
            "step": step,
            "layers": to_json(layers),
            "recipe": recipe.to_json(),
            "created": run.created,
            "owner": owner,
            "design": design,
        } | ({"expected": asdict(expected)} if expected else {})
        write_atomically(run.folder / "config.json", _json(config))
        os.utime(home())  # it has a run more only now: see `listing`
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
    if not _ID.fullmatch(id):
        raise RunError(f"{id[:80]!r} is not the name of a run.")
    return id


def open_folder(folder: Path) -> Run:
    """The run in a folder. Raises RunError when there is none or it is damaged."""
    return _open(folder, _look(str(folder)))


def _as_created(folder: Path) -> Run:
    """The run without its notes. Raises RunError like `open_folder`."""
    return _open(folder, _look(str(folder), notes=False))


def _open(folder: Path, found: Run | RunError | None) -> Run:
    if found is None:
        raise RunError(f"There is no run {folder.name} here: it was deleted, or it is on another computer.")
    if isinstance(found, RunError):
        raise found
    return found


def _look(folder: str, notes: bool = True) -> Run | RunError | None:
    """The run in a folder, or why it cannot be read; None where there is no config.json."""
    config = file_version(f"{folder}/config.json")
    if config is None:
        return None
    return _read(folder, config, file_version(f"{folder}/notes.json") if notes else None)


@lru_cache(maxsize=64)
def _read_log(path: Path, version: Version) -> Log:
    """A log, read once for all who watch a run in training."""
    return read_log(path)


@lru_cache(maxsize=2**14)
def _read(folder: str, config: Version, notes: Version | None) -> Run | RunError:
    """The run in a folder, or why it cannot be read. Each version of its files is read once, because
    pages often list all runs."""
    path = Path(folder)
    try:
        run = _read_config(path)
    except DAMAGE as error:
        return RunError(f"The run {path.name} cannot be read: {_reason(error)}.")
    if notes is None:
        return run  # most runs have none
    try:
        kept = _read_json(path / "notes.json")
        return replace(
            run,
            title=_text(kept, "name") or run.title,
            pinned=bool(kept["pinned"]),
            shared=kept.get("shared") is True,  # earlier versions had none
        )
    except DAMAGE:
        return run  # damaged notes must not hide the run


def _read_config(folder: Path) -> Run:
    """The run without its notes. Raises one of DAMAGE."""
    config = _read_json(folder / "config.json")
    layers = from_json(config["layers"])
    _check(layers)
    return Run(
        folder=folder,
        title=_text(config, "title"),
        step=_text(config, "step"),
        layers=layers,
        recipe=Recipe.from_json(config["recipe"]),
        created=_time(config, "created"),
        # Earlier versions had none of these.
        owner=_text(config, "owner") if "owner" in config else "",
        design=_text(config, "design") if "design" in config else "",
        expected=_expectation(config.get("expected")),
    )


def _expectation(data: Any) -> Expectation | None:
    """The expectation in a config.json; None where there is none that can be read."""
    match data:
        case {"text": str(text), "accuracy": None | int() | float() as accuracy}:
            try:
                known = (
                    accuracy if accuracy is None else check_field(Metrics, "validation_accuracy", accuracy)
                )
            except ValueError:
                return None
            return Expectation(one_line(text, LONGEST_TEXT), known)
    return None


@lru_cache(maxsize=256)
def _check(layers: Network) -> None:
    """As `layers.check`, once for each network: most runs have that of a step."""
    check(layers)


def _read_json(path: Path) -> dict[str, Any]:
    """The object in a file of a run. Raises OSError or ValueError."""
    found = parse_json(read_bytes(path, MAX_BYTES))
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} holds no object")
    return found


def _text(data: dict[str, Any], key: str) -> str:
    """A value that must be a text. Raises KeyError or ValueError."""
    if not isinstance(data[key], str):
        raise ValueError(f"{key} is no text")
    return str(data[key])


def _time(data: dict[str, Any], key: str) -> str:
    """A moment in ISO 8601 with its time zone. Raises KeyError or ValueError."""
    found = _text(data, key)
    try:
        moment = datetime.fromisoformat(found)
        moment.astimezone(UTC)  # the first and the last day that there are may have no such moment
    except (ValueError, OverflowError):
        raise ValueError(f"{key} is no time") from None
    if moment.tzinfo is None:
        raise ValueError(f"{key} has no time zone")
    return found


def _reason(error: Exception) -> str:
    """Why a file cannot be read, as the end of a sentence."""
    match error:
        case OSError():
            return str(error.strerror or error)
        case KeyError():
            return f"{error} is missing"
    return str(error).rstrip(".")[:200]


@dataclass(frozen=True)
class Listing:
    """What is in the folder of runs."""

    runs: list[Run]  # first the pinned ones, each group the newest first
    damaged: dict[str, str]  # ids of the folders that cannot be read, and a sentence on each


def listing() -> Listing:
    """All runs, and the folders that should be one. One that is damaged hides no other.

    Whoever adds, removes or renames a run changes the time of the folder that holds them, so that a listing
    counts until then. Everybody shares it: only read it.
    """
    place = home()
    version = file_version(place)
    if version is None:
        return Listing([], {})
    # Within the time that a change takes, and that clocks may differ, there may be another one.
    settled = time.time() - version[0] / 1e9 > SETTLED
    return (_list if settled else _list.__wrapped__)(str(place), version)


@lru_cache(maxsize=4)
def _list(folder: str, version: Version) -> Listing:
    runs, damaged = [], {}
    for id in sorted(_ids(Path(folder)), reverse=True):
        match _look(f"{folder}/{id}"):
            case Run() as run:
                runs.append(run)
            case RunError() as error:
                damaged[id] = str(error)
    return Listing(sorted(runs, key=lambda run: not run.pinned), damaged)


def open_deleted(id: str) -> Run:
    """A run in the trash. Raises RunError when it is no longer there."""
    try:
        return open_folder(home() / TRASH / _checked(id))
    except RunError:
        raise _lost(id) from None


def _lost(id: str) -> RunError:
    return RunError(f"The run {id} is no longer in the trash, so it cannot be brought back.")


def list_runs() -> list[Run]:
    """All runs that can be read, in the order of `listing`."""
    return list(listing().runs)


def _ids(folder: Path) -> Iterator[str]:
    """The folders in a folder that may be runs: those with the name of one."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        yield from (entry.name for entry in entries if _ID.fullmatch(entry.name) and _is_folder(entry))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def rename(run: Run, name: str) -> Run:
    """Give a run another name, in one line; an empty one brings the first name back. Where another
    run of the step has that name, this one gets a number. Raises OSError when it cannot be written."""
    with _lock:
        wanted = one_line(name, LONGEST_NAME) or _as_created(run.folder).title
        return _note(run, title=_free_title(wanted, run.step, run.id))


def pin(run: Run, pinned: bool = True) -> Run:
    """Pin a run, so that lists show it first, or unpin it. Raises OSError when it cannot be written."""
    return _note(run, pinned=pinned)


def share(run: Run, shared: bool = True) -> Run:
    """Show a run on the board, or take it off. Raises OSError when it cannot be written."""
    return _note(run, shared=shared)


def _note(run: Run, **changes: Any) -> Run:
    """Change some of the notes on a run; the others stay as they are."""
    with _lock:
        noted = replace(open_folder(run.folder), **changes)
        notes = {"name": noted.title, "pinned": noted.pinned, "shared": noted.shared}
        write_atomically(run.folder / "notes.json", _json(notes))
        os.utime(run.folder.parent)  # see `listing`
    return noted


def open_test(run: Run) -> None:
    """Record that the test accuracy of a run is opened, and when; the first time counts. Raises OSError when
    it cannot be written."""
    with _lock:
        if run.test_opened() is None:
            now = datetime.now(UTC).isoformat(timespec="seconds")
            write_atomically(run.folder / "test.json", _json({"opened": now}), make_folder=False)


def one_line(text: str, longest: int) -> str:
    """What somebody has typed, in one line of visible letters."""
    clean = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return clean[:longest].strip()


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
            move(run, trash / run.name)


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
            move(home() / TRASH / _checked(id), home() / id)
        except FileNotFoundError:
            raise _lost(id) from None
        with _lock:
            run = open_run(id)
            if (title := _free_title(run.title, run.step, id)) != run.title:
                _note(run, title=title)
