"""Files that others may have written, and files that no reader ever finds half-written.

Whatever lies in a folder that people can reach, or comes as an upload, is read with `read_bytes` and
`parse_json`: they never wait, take no more memory than their caller allows, and raise nothing but what
they say. Types and ranges are then checked by whoever knows them (see `settings`).
"""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
import time
import uuid
from io import FileIO
from pathlib import Path
from typing import Any, Literal

import platformdirs

ROOT = Path(__file__).resolve().parent.parent  # the folder of streamlit_app.py
NAME = "five-steps"  # of the app's folder among the data that programs keep for a user

MAX_DEPTH = 32  # of JSON; ours has 4 at the most
PATIENCE = 0.5  # seconds in which to try again what another program's look at a file can prevent


def own_folder(name: str) -> Path:
    """The folder of this name in which the app keeps what it makes: beside the app, or, where this user
    may not write there, where programs keep a user's data (~/.local/share on Linux)."""
    beside = ROOT / name
    if _is_open(beside if beside.exists() else ROOT):
        return beside
    return Path(platformdirs.user_data_dir(NAME, appauthor=False)) / name


def _is_open(folder: Path) -> bool:
    """Whether this user may write there. It is tried, because on Windows the mode of a folder does not
    tell; a disk that is full is no other place."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError as error:
        return error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS)


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file, of at most `most` bytes.

    Raises FileNotFoundError where there is none, and OSError with a sentence in `strerror` for one that
    is too large, cannot be read, or is no regular file: a named pipe would let its reader wait for ever.
    """
    with open_regular(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(most + 1) if size <= most else b""
    if max(size, len(content)) > most:
        raise OSError(0, f"it is larger than {_size(most)}", str(path))
    return content


def open_regular(path: Path, mode: Literal["rb", "r+b", "ab"]) -> FileIO:
    """A file as `open` opens it, unbuffered. Raises OSError for what is no regular file."""
    file = open(path, mode, buffering=0, opener=_open_at_once)  # noqa: SIM115 (the caller closes it)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(0, "it is no regular file", str(path))
    return file


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting for another program at the other end of a pipe."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def _size(number: int) -> str:
    return f"{number >> 20} MiB" if number >= 2**20 else f"{number >> 10} KiB"


Version = tuple[int, int, int]  # time of the last change in ns, inode and size


def file_version(path: Path | str) -> Version | None:
    """What changes whenever a file is written, so that a cache can tell; None where there is no file. It
    costs a hundredth of reading one."""
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # it cannot be reached: to read it will tell why
        return 0, 0, 0
    return found.st_mtime_ns, found.st_ino, found.st_size


def parse_json(content: str | bytes) -> Any:
    """The JSON data in a text. Raises ValueError for anything else, and for what is nested deeper than
    MAX_DEPTH: whoever walks through it later would run out of stack."""
    try:
        text = content.decode() if isinstance(content, bytes) else content
        data = json.loads(text.removeprefix("\ufeff"))  # Windows' editor begins a file so
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels") from None
    level = [data]
    for _ in range(MAX_DEPTH):
        inner = [item for item in level if isinstance(item, (dict, list))]
        if not inner:
            return data
        level = [child for item in inner for child in (item.values() if isinstance(item, dict) else item)]
    raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


def write_atomically(path: Path, content: bytes, make_folder: bool = True) -> None:
    """Write a file under another name, then move it into place: whoever reads it, even after a crash,
    finds the old file or the new one. Folders that are missing are made; without `make_folder`, a
    missing folder is an error.

    Raises OSError when the file cannot be written; an old file is then unchanged.
    """
    if make_folder:
        path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        move(part, path)
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise OSError unless a file could be written there now; folders that are missing are made. Ask
    before long work, whose result would have no place."""
    if path.is_dir():
        raise IsADirectoryError(0, "it is a folder", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    trial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        trial.write_bytes(b"")
    finally:
        trial.unlink(missing_ok=True)


def move(source: Path, target: Path) -> None:
    """Move a file or folder to another name on the same disk, in place of a file that has it.

    Windows refuses that while anybody has the file open, if only to read it or to scan it for viruses:
    for a moment it is tried again. Raises OSError when that does not help.
    """
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return os.replace(source, target)
        except PermissionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
