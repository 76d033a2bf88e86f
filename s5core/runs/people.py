"""Who uses the app: people without accounts.

A person is known by a random token, which only their browser has. Files and pages name the person by
its hash, the id: whoever reads a run's folder learns whose it is, and cannot act for them. A person may
give themselves a nickname, which is kept in `people.json` beside the runs.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from s5core.files import Version, file_version, parse_json, read_bytes, write_atomically
from s5core.runs import folder
from s5core.runs.folder import Run

NICKNAME = 20  # characters at most
MOST = 1000  # nicknames; those that were given first make room

_lock = threading.Lock()  # over people.json: sessions of the app write it in threads
MOST_NAMES = 2**20  # bytes of people.json


@dataclass(frozen=True)
class Person:
    """Somebody at this moment, and what they may change."""

    id: str  # 16 letters and digits
    is_teacher: bool = False
    is_alone: bool = False  # at the server's own machine, and nobody else is there

    @property
    def may_change_all(self) -> bool:
        """Whether everybody's runs are theirs to change."""
        return self.is_teacher or self.is_alone

    def may_change(self, run: Run) -> bool:
        """Whether they may stop, resume, rename, pin and delete a run."""
        return self.may_change_all or run.owner == self.id


def new_token() -> str:
    """A token that nobody can guess: 43 letters, digits, - and _."""
    return secrets.token_urlsafe(32)


def id_of(token: str) -> str:
    """The id of the person who has a token."""
    return hashlib.sha256(token.encode()).hexdigest()[:16]


def clean_nickname(nickname: str) -> str:
    """The nickname in one short line of visible characters; it may be empty."""
    plain = " ".join(unicodedata.normalize("NFKC", nickname).split())
    # Control characters can hide the text around them, or reverse its direction.
    visible = "".join(letter for letter in plain if unicodedata.category(letter)[0] != "C")
    return visible[:NICKNAME].strip()


def nickname(id: str) -> str:
    """A person's nickname; empty while they have none."""
    return _nicknames().get(id, "")


def name(id: str) -> str:
    """What others call a person: the nickname, or "guest 3f2a"; empty for nobody."""
    return (nickname(id) or f"guest {id[:4]}") if id else ""


def set_nickname(id: str, nickname: str) -> None:
    """Give a person another nickname; an empty one takes it away. Raises OSError when it cannot be
    written."""
    with _lock:
        known = {other: word for other, word in _nicknames().items() if other != id}
        if clean := clean_nickname(nickname):
            known[id] = clean
        _write(dict(list(known.items())[-MOST:]))


def forget_nicknames(but: frozenset[str] = frozenset()) -> None:
    """Forget all nicknames, but not those of some ids. Raises OSError when that cannot be written."""
    with _lock:
        _write({id: word for id, word in _nicknames().items() if id in but})


def _path() -> Path:
    return folder.home() / "people.json"


def _write(known: dict[str, str]) -> None:
    write_atomically(_path(), (json.dumps(known, indent=1) + "\n").encode())


def _nicknames() -> dict[str, str]:
    """The nicknames by id; none where the file is damaged. Everybody shares them: only read."""
    version = file_version(_path())
    return {} if version is None else _read(_path(), version)


@lru_cache(maxsize=4)
def _read(path: Path, version: Version) -> dict[str, str]:
    try:
        known = parse_json(read_bytes(path, MOST_NAMES))
        return {str(id): clean_nickname(str(word)) for id, word in known.items()}
    except (OSError, ValueError, AttributeError):
        return {}
