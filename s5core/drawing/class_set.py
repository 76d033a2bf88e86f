"""The class set: the digits that a class has drawn and kept, and how networks read them.

Each digit has its own file, `<runs folder>/class_digits/<id>.json`, so any number of students can
keep a digit at the same moment:

    {"strokes": [[[x, y], …], …], "label": 7, "nickname": "Ada", "time": "2030-01-31T09:15:00.250+00:00"}

Strokes are in pixels of the canvas. Nothing else about a person is kept. The digits of the last
deletion are in the folder `deleted` beside them, until they are brought back or the next deletion.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from s5core.drawing import fit, sketch
from s5core.drawing.fit import DigitError
from s5core.drawing.sketch import Stroke
from s5core.errors import UserError
from s5core.evaluate import Evaluation, evaluate
from s5core.files import Version, file_version, move, parse_json, read_bytes, write_atomically
from s5core.layers import CLASSES
from s5core.runs import folder
from s5core.runs.people import clean_nickname
from s5core.words import cell

MAX_DIGITS = 1000  # thirty students with thirty digits each
MAX_POINTS = 10_000  # of a drawing; a digit has a few hundred
MAX_BYTES = 2**18  # of a file; MAX_POINTS need less
MAX_TABLE = 2**25  # bytes of all strokes in an archive; a thousand usual digits need a tenth
STROKES = "digits.json"  # the file in an archive from which the digits can be read again
SPACING = 1  # pixel of the canvas, a tenth of a pixel of the 28x28: closer points add no detail
REACH = 10 * sketch.SIDE  # pixels: the largest coordinate of a stroke that was moved off the canvas
PEN = 20  # pixels: the pen for the exported pictures, the canvas's own at first


class ClassSetError(UserError):
    """A drawing cannot be kept, or a file holds no digit; the message says why."""


# What reading a digit from a foreign file can raise.
BAD = (OSError, ValueError, KeyError, TypeError, ArithmeticError, DigitError)


@dataclass(frozen=True)
class ClassDigit:
    """A digit that someone drew and kept."""

    id: str  # the name of its file without the ending
    label: int  # the digit that the person meant, 0 to 9
    nickname: str  # cleaned; may be empty
    time: datetime  # UTC
    strokes: list[Stroke] = field(repr=False)

    @cached_property
    def seen(self) -> Tensor:
        """The digit as the networks see it: (1, 1, 28, 28) uint8, 0 is background."""
        return fit.of_strokes(self.strokes)

    @property
    def name(self) -> str:
        """Label and nickname, as lists show them: "7 by Ada"."""
        return f"{self.label} by {self.nickname}" if self.nickname else str(self.label)


@dataclass(frozen=True)
class ClassSet:
    """The whole set at one moment."""

    digits: tuple[ClassDigit, ...]  # the oldest first
    damaged: tuple[str, ...]  # names of the files that hold no digit

    @property
    def images(self) -> Tensor:
        """(N, 1, 28, 28) uint8."""
        return torch.cat([each.seen for each in self.digits])

    @property
    def labels(self) -> Tensor:
        """(N,) int64."""
        return torch.tensor([each.label for each in self.digits])


Key = tuple[str, datetime]


class Reader:
    """A network that can read the set again and again, but reads each digit only once.

    `model`: in eval mode, on the CPU.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self._logits: dict[Key, Tensor] = {}  # (10,) each

    def read(self, digits: ClassSet) -> Evaluation:
        """The answers to all digits, in their order. There must be at least one digit."""
        known = self._logits
        new = ClassSet(tuple(each for each in digits.digits if _key(each) not in known), ())
        if new.digits:
            found = evaluate(self.model, new.images, new.labels).logits
            known = known | {_key(each): logits for each, logits in zip(new.digits, found, strict=True)}
        # The new dictionary has no deleted digits. Sessions may read at the same moment, because
        # none of them changes a dictionary that another one uses.
        read = {_key(each): known[_key(each)] for each in digits.digits}
        self._logits = read
        return Evaluation(torch.stack(list(read.values())), digits.labels)


def _key(each: ClassDigit) -> Key:
    """A key that no other digit has; it changes when the digit is corrected."""
    return each.id, each.time


def home() -> Path:
    """The folder of the set, inside the folder of the runs."""
    return folder.home() / "class_digits"


def _bin() -> Path:
    """The folder of the last deletion."""
    return home() / "deleted"


def id_of(strokes: list[Stroke], author: str) -> str:
    """The id of a drawing. It stays the same when its author keeps the drawing again.

    `author`: a random word for each person who draws. It is not kept, and nobody can compute it
    from the id.
    """
    content = json.dumps([author, _thin(strokes)])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def keep(strokes: list[Stroke], label: int, nickname: str, author: str) -> ClassDigit:
    """Put a drawing into the set. Keeping it again only changes its label and nickname.

    `strokes`: in pixels of the canvas. `label`: 0 to 9. `author`: as for `id_of`.
    Raises ClassSetError if the drawing is empty or too large or the set is full, DigitError if
    there are several digits, OSError if the file cannot be written. A set may grow a little beyond
    MAX_DIGITS when several people keep a digit at the same moment.
    """
    if label not in range(CLASSES):
        raise ValueError(f"{label} is no digit")
    thin = _thin(strokes)
    if not thin:
        raise ClassSetError("There is nothing drawn yet: draw a digit first.")
    if not _is_sane(thin):
        raise ClassSetError("This drawing is too large for one digit: clear the canvas and draw it again.")
    made = ClassDigit(id_of(strokes, author), label, clean_nickname(nickname), datetime.now(UTC), thin)
    fit.of_strokes(thin)  # raises DigitError for what the networks never see
    if old := find(made.id):
        if old.name == made.name:
            return old
    elif len(_files()) >= MAX_DIGITS:
        raise ClassSetError(f"The class set is full with {MAX_DIGITS:,} digits: delete some of them first.")
    _write(made)
    return made


def _write(each: ClassDigit) -> None:
    write_atomically(_path(each.id), _content(each))


def _content(each: ClassDigit) -> bytes:
    """What is in its file."""
    return (json.dumps(_to_json(each)) + "\n").encode()


def _to_json(each: ClassDigit) -> dict[str, Any]:
    return {
        "strokes": each.strokes,
        "label": each.label,
        "nickname": each.nickname,
        "time": each.time.isoformat(),
    }


def _thin(strokes: list[Stroke]) -> list[Stroke]:
    """The strokes, rounded to a tenth of a pixel, without points that are close to their neighbours."""
    thinned = []
    for stroke in strokes:
        points = stroke[:1]
        for point in stroke[1:]:
            if max(abs(point[0] - points[-1][0]), abs(point[1] - points[-1][1])) >= SPACING:
                points.append(point)
        points[-1:] = stroke[-1:]  # keep the point where the pen was lifted
        thinned.append([(round(float(x), 1), round(float(y), 1)) for x, y in points])
    return [stroke for stroke in thinned if stroke]


def _is_sane(strokes: list[Stroke]) -> bool:
    """Whether a person could have made this drawing on the canvas."""
    numbers = [number for stroke in strokes for point in stroke for number in point]
    return len(numbers) <= 2 * MAX_POINTS and all(abs(number) <= REACH for number in numbers)  # False for NaN


def find(id: str) -> ClassDigit | None:
    """The digit with this id; None if there is none, or if its file is damaged."""
    try:
        return _open(_path(id))
    except ClassSetError:
        return None


def load() -> ClassSet:
    """All digits of the set, and the names of the files that hold no digit."""
    digits, damaged = [], []
    for path in _files():
        try:
            digits.append(_open(path))
        except ClassSetError:
            if path.exists():  # else somebody deleted it after the folder was listed
                damaged.append(path.name)
    return ClassSet(tuple(sorted(digits, key=lambda each: (each.time, each.id))), tuple(damaged))


def version() -> int:
    """A number that changes whenever a digit is kept or deleted."""
    try:
        return home().stat().st_mtime_ns
    except OSError:
        return 0  # nothing has been kept yet


def delete(ids: Iterable[str]) -> None:
    """Delete digits. An id without a digit is ignored. `bring_back` undoes it until the next deletion.
    Raises OSError if a file cannot be moved."""
    _move_aside([_path(id) for id in ids])


def delete_all() -> None:
    """Delete the whole set, damaged files too; otherwise as `delete`."""
    _move_aside(_files())


def _move_aside(paths: Sequence[Path]) -> None:
    """Move files into the folder of the last deletion, after those of the deletion before have gone."""
    if not paths:
        return
    forget_deleted()
    _bin().mkdir(parents=True, exist_ok=True)
    for path in paths:
        with suppress(FileNotFoundError):  # somebody else has deleted it
            move(path, _bin() / path.name)


def deleted() -> int:
    """How many files the last deletion moved aside, and `bring_back` can bring back."""
    return len(list(_bin().glob("*.json")))


def bring_back() -> int:
    """Undo the last deletion. A digit that was kept again since then stays as it is. Returns how many
    files came back. Raises OSError if a file cannot be moved."""
    back = 0
    for path in _bin().glob("*.json"):
        with suppress(FileNotFoundError):  # somebody else brings them back at the same moment
            if (home() / path.name).exists():
                path.unlink()
            else:
                move(path, home() / path.name)
                back += 1
    return back


def forget_deleted() -> None:
    """Remove the digits of the last deletion from the disk. Raises OSError if a file cannot be removed."""
    for path in _bin().glob("*.json"):
        path.unlink(missing_ok=True)


def archive(digits: ClassSet, readings: Mapping[str, Evaluation]) -> bytes:
    """The set as a ZIP file: for each digit two PNG files, the 28x28 that the networks see and the
    280x280 drawing; a table of the digits and the networks' answers, digits.csv; and the strokes,
    digits.json, from which `read_archive` brings the digits into another set.

    `readings`: for each network's name its answers to these digits, in their order.
    """
    packed, table = io.BytesIO(), io.StringIO()
    columns = [f"{name}: {what}" for name in readings for what in ("answer", "confidence")]
    writer = csv.writer(table)
    writer.writerow(["file", "label", "nickname", "time", *map(cell, columns)])
    answers = {name: answer.probabilities.max(1) for name, answer in readings.items()}
    with zipfile.ZipFile(packed, "w") as file:
        for i, each in enumerate(digits.digits):
            png = f"{each.label}_{each.id}.png"
            file.writestr(f"28x28/{png}", _png(each.seen[0, 0].numpy()))
            file.writestr(f"280x280/{png}", _png(sketch.paint(each.strokes, PEN)))
            read = [
                cell
                for confidence, answer in answers.values()
                for cell in (int(answer[i]), f"{confidence[i]:.4f}")
            ]
            time = each.time.isoformat(timespec="seconds")
            writer.writerow([png, each.label, cell(each.nickname), time, *read])
        # Spreadsheets recognise UTF-8 only by the mark that utf-8-sig puts first.
        file.writestr("digits.csv", table.getvalue().encode("utf-8-sig"), zipfile.ZIP_DEFLATED)
        strokes = json.dumps([{"id": each.id} | _to_json(each) for each in digits.digits])
        file.writestr(STROKES, strokes, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


@dataclass(frozen=True)
class Imported:
    """What became of the digits in an archive."""

    new: int  # digits that are now in the set
    known: int  # digits that were already in it
    bad: tuple[str, ...]  # for each entry that holds no digit: which one it is, and why


def read_archive(packed: bytes) -> Imported:
    """Put the digits of a ZIP file that `archive` made into the set. A digit that is in the set already
    stays as it is. An entry that holds no digit is left out.

    Raises ClassSetError if it is no such file or the set has no room for its digits; then nothing is
    kept. Raises OSError if a file cannot be written.
    """
    entries = _entries(packed)
    digits, bad = [], []
    for place, entry in enumerate(entries, 1):
        try:
            each = _digit(str(entry["id"]), entry)
            if len(_content(each)) > MAX_BYTES:  # its file could not be read
                raise ValueError("its strokes are too large")
            digits.append(each)
        except BAD as error:
            missing = isinstance(error, KeyError)
            bad.append(f"entry {place} ({f'{error} is missing' if missing else str(error)[:200]})")
    there = load().digits
    known = {each.id for each in there} | {_drawing(each) for each in there}
    new = []
    for each in digits:
        if not {each.id, _drawing(each)} & known:
            new.append(each)
            known |= {each.id, _drawing(each)}
    room = MAX_DIGITS - len(_files())
    if len(new) > room:
        raise ClassSetError(
            f"The file holds {len(new):,} new digits, and the class set has room for {max(room, 0):,}: "
            "delete some digits first."
        )
    for each in new:
        _write(each)
    return Imported(len(new), len(digits) - len(new), tuple(bad))


def _entries(packed: bytes) -> list[Any]:
    """The entries of an archive's table of strokes, still unchecked."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as file, file.open(STROKES) as member:
            content = member.read(MAX_TABLE + 1)
        if len(content) > MAX_TABLE:
            raise ClassSetError("The digits in this ZIP file are too large.")
        entries = parse_json(content)
    except KeyError:
        raise ClassSetError(
            f"This ZIP file has no {STROKES}. Only a file that was downloaded from this page can be read."
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ClassSetError("This is no ZIP file, or it is damaged.") from error
    except ValueError as error:
        raise ClassSetError(f"The file {STROKES} in this ZIP file is damaged.") from error
    if not isinstance(entries, list) or len(entries) > MAX_DIGITS:
        raise ClassSetError(f"The file {STROKES} is no list of at most {MAX_DIGITS:,} digits.")
    return entries


def _drawing(each: ClassDigit) -> str:
    """The strokes of a digit as text, equal for equal drawings."""
    return json.dumps(each.strokes)


def _png(picture: NDArray[np.uint8]) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, "PNG")
    return packed.getvalue()


def _path(id: str) -> Path:
    """The file of a digit. Raises ValueError if `id` cannot be the id of a digit."""
    if not re.fullmatch(r"[\w-]{1,80}", id, re.ASCII):  # others may be too long for the name of a file
        raise ValueError(f"{id[:80]!r} is no id of a digit")
    return home() / f"{id}.json"


def _files() -> list[Path]:
    """The files of the set. A file that is being written still has another ending."""
    return sorted(home().glob("*.json"))


def _open(path: Path) -> ClassDigit:
    """The digit in a file. Raises ClassSetError if it holds no digit."""
    try:
        return _read(path, file_version(path))
    except BAD as error:
        raise ClassSetError(f"{path.name} holds no digit: {error}") from error


@lru_cache(maxsize=2 * MAX_DIGITS)
def _read(path: Path, version: Version | None) -> ClassDigit:
    """The digit in a file. The set is shown often, so the cache reads each version of a file once."""
    return _digit(path.stem, parse_json(read_bytes(path, MAX_BYTES)))


def _digit(id: str, found: Any) -> ClassDigit:
    """The digit in JSON data from a foreign file. Raises one of BAD if it holds none."""
    _path(id)  # raises ValueError for an id that `delete` would not accept
    strokes = [[(float(x), float(y)) for x, y in stroke] for stroke in found["strokes"]]
    if not strokes or not all(strokes) or not _is_sane(strokes):
        raise ValueError("its strokes are missing or too large")
    if type(found["label"]) is not int or found["label"] not in range(CLASSES):
        raise ValueError("its label is not a digit")
    if not isinstance(found["nickname"], str):
        raise TypeError("its nickname is not a text")
    time = datetime.fromisoformat(found["time"]).astimezone(UTC)
    fit.of_strokes(strokes)  # raises DigitError for several digits
    return ClassDigit(id, found["label"], clean_nickname(found["nickname"]), time, strokes)
