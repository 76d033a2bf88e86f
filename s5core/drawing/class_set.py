"""The class set: digits that a class has drawn and kept, and how networks read them.

A digit is one file, `<runs folder>/class_digits/<id>.json`, so that any number of students can
keep one at the same moment:

    {"strokes": [[[x, y], …], …], "label": 7, "nickname": "Ada", "time": "2030-01-31T09:15:00.250+00:00"}

Strokes are in pixels of the canvas. Nothing else about a person is kept.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from pathlib import Path

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
from s5core.files import write_atomically
from s5core.layers import CLASSES
from s5core.runs import folder

MAX_DIGITS = 1000  # thirty students with thirty digits each
MAX_POINTS = 10_000  # of a drawing; a digit has some hundred
MAX_BYTES = 2**18  # of a file; more than MAX_POINTS need
NICKNAME = 20  # characters
SPACING = 1  # pixel of the canvas, a tenth of the networks'; points closer together tell nothing
REACH = 10 * sketch.SIDE  # how far off the canvas a stroke may have been moved, in pixels
PEN = 20  # pixels of the canvas: drawings are exported with the pen that it begins with

FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for the beginning of one


class ClassDigitsError(UserError):
    """A drawing that cannot be kept; the message says why."""


@dataclass(frozen=True)
class ClassDigit:
    """A digit that someone drew and kept."""

    id: str  # the file's name without its ending
    label: int  # what was meant, 0 to 9
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
class ClassDigits:
    """The set as it stands: what could be read of it, and what could not."""

    digits: tuple[ClassDigit, ...]  # the oldest first
    damaged: tuple[str, ...]  # names of files that hold no digit

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
    """A network that reads the set again and again, and each digit of it only once.

    `model`: in eval mode, on the CPU.
    """

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self._logits: dict[Key, Tensor] = {}  # (10,) each

    def read(self, digits: ClassDigits) -> Evaluation:
        """The answers to all digits of a set that is not empty, in its order."""
        known = self._logits
        new = [each for each in digits.digits if _key(each) not in known]
        if new:
            found = evaluate(self.model, *_batch(new)).logits
            known = known | {_key(each): logits for each, logits in zip(new, found, strict=True)}
        # What is deleted is forgotten. Sessions that read at the same moment disturb nobody: each
        # makes a dictionary of its own.
        read = {_key(each): known[_key(each)] for each in digits.digits}
        self._logits = read
        return Evaluation(torch.stack(list(read.values())), digits.labels)


def _key(each: ClassDigit) -> Key:
    """What tells a digit from all others, and from itself before it was corrected."""
    return each.id, each.time


def _batch(digits: list[ClassDigit]) -> tuple[Tensor, Tensor]:
    some = ClassDigits(tuple(digits), ())
    return some.images, some.labels


def home() -> Path:
    """The folder of the set, beside the runs."""
    return folder.home() / "class_digits"


def clean(nickname: str) -> str:
    """A nickname of printable characters in one short line; it may be empty."""
    plain = " ".join(unicodedata.normalize("NFKC", nickname).split())
    # What is no character to see would hide or turn round the text around it.
    visible = "".join(letter for letter in plain if unicodedata.category(letter)[0] != "C")
    return visible[:NICKNAME].strip()


def id_of(strokes: list[Stroke], author: str) -> str:
    """The id that a drawing gets: the same one however often its author keeps it.

    `author`: what tells those who draw at the same time apart. It is not kept, and cannot be
    found out from the id as long as it is random.
    """
    content = json.dumps([author, _thin(strokes)])
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def keep(strokes: list[Stroke], label: int, nickname: str, author: str) -> ClassDigit:
    """Put a drawing into the set. Keeping it again changes its label and nickname, or nothing.

    `strokes`: in pixels of the canvas. `label`: 0 to 9. `author`: as for `id_of`.
    Raises ClassDigitsError for an empty or overlong drawing or a full set, DigitError for several
    digits side by side, OSError when the file cannot be written. The bound is not exact: all who
    keep one at the same moment get in.
    """
    if label not in range(CLASSES):
        raise ValueError(f"{label} is no digit")
    thin = _thin(strokes)
    if not thin:
        raise ClassDigitsError("There is nothing drawn yet: draw a digit.")
    if not _is_sane(thin):
        raise ClassDigitsError("This drawing is too large for one digit: clear the canvas and draw it anew.")
    made = ClassDigit(id_of(strokes, author), label, clean(nickname), datetime.now(UTC), thin)
    fit.of_strokes(thin)  # refuses what no network is shown
    if old := find(made.id):
        if old.name == made.name:
            return old
    elif len(_files()) >= MAX_DIGITS:
        raise ClassDigitsError(
            f"The class set is full with {MAX_DIGITS:,} digits: delete some of them first."
        )
    content = {
        "strokes": thin,
        "label": made.label,
        "nickname": made.nickname,
        "time": made.time.isoformat(),
    }
    write_atomically(_path(made.id), (json.dumps(content) + "\n").encode())
    return made


def _thin(strokes: list[Stroke]) -> list[Stroke]:
    """The strokes to a tenth of a pixel, without points that hardly differ from their neighbours."""
    thinned = []
    for stroke in strokes:
        points = stroke[:1]
        for point in stroke[1:]:
            if max(abs(point[0] - points[-1][0]), abs(point[1] - points[-1][1])) >= SPACING:
                points.append(point)
        points[-1:] = stroke[-1:]  # a stroke ends where its pen was lifted
        thinned.append([(round(float(x), 1), round(float(y), 1)) for x, y in points])
    return [stroke for stroke in thinned if stroke]


def _is_sane(strokes: list[Stroke]) -> bool:
    """Whether a drawing is no larger than one that a person draws on the canvas."""
    numbers = [number for stroke in strokes for point in stroke for number in point]
    return len(numbers) <= 2 * MAX_POINTS and all(abs(number) <= REACH for number in numbers)  # nor NaN


def find(id: str) -> ClassDigit | None:
    """The digit of that id; None when there is none or its file is damaged."""
    try:
        return _open(_path(id))
    except ClassDigitsError:
        return None


def load() -> ClassDigits:
    """All digits of the set, and the names of the files that are none."""
    digits, damaged = [], []
    for path in _files():
        try:
            digits.append(_open(path))
        except ClassDigitsError:
            if path.exists():  # else it was deleted since the folder was listed
                damaged.append(path.name)
    return ClassDigits(tuple(sorted(digits, key=lambda each: (each.time, each.id))), tuple(damaged))


def version() -> int:
    """A number that changes whenever a digit is kept or deleted."""
    try:
        return home().stat().st_mtime_ns
    except OSError:
        return 0  # nothing has been kept yet


def delete(ids: Iterable[str]) -> None:
    """Delete digits for good; those that are gone already are no error. Raises OSError when
    a file cannot be deleted."""
    for id in ids:
        _path(id).unlink(missing_ok=True)


def delete_all() -> None:
    """Delete the whole set for good, damaged files as well. Raises OSError when a file cannot
    be deleted."""
    for path in _files():
        path.unlink(missing_ok=True)


def archive(digits: ClassDigits, readings: Mapping[str, Evaluation]) -> bytes:
    """The set as a ZIP file: of each digit the 28x28 that the networks see and the 280x280
    drawing as PNG, and digits.csv with what each network reads.

    `readings`: by the network's name, of the same digits in their order.
    """
    packed, table = io.BytesIO(), io.StringIO()
    columns = [f"{name}: {what}" for name in readings for what in ("answer", "confidence")]
    writer = csv.writer(table)
    writer.writerow(["file", "label", "nickname", "time", *map(_cell, columns)])
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
            writer.writerow([png, each.label, _cell(each.nickname), time, *read])
        # Spreadsheets take a file without the mark for another encoding than UTF-8.
        file.writestr("digits.csv", table.getvalue().encode("utf-8-sig"), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _cell(text: str) -> str:
    """A text as a spreadsheet shows it, never as a formula that it computes."""
    plain = unicodedata.normalize("NFKC", text).lstrip()  # a wide equals sign is one as well
    return f"'{text}" if plain.startswith(FORMULA) else text


def _png(picture: NDArray[np.uint8]) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, "PNG")
    return packed.getvalue()


def _path(id: str) -> Path:
    """The file of a digit. Raises ValueError for what is no id."""
    if not re.fullmatch(r"[\w-]{1,80}", id):
        raise ValueError(f"{id[:80]!r} is no id of a digit")
    return home() / f"{id}.json"


def _files() -> list[Path]:
    """The files of the set, without those that are being written."""
    return sorted(home().glob("*.json"))


def _open(path: Path) -> ClassDigit:
    """The digit in a file. Raises ClassDigitsError when it holds none."""
    try:
        found = path.stat()
        return _read(path, found.st_mtime_ns, found.st_ino)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError, RecursionError, DigitError) as error:
        raise ClassDigitsError(f"{path.name} holds no digit: {error}") from error


@lru_cache(maxsize=2 * MAX_DIGITS)
def _read(path: Path, changed: int, place: int) -> ClassDigit:
    """The digit in a file, read once: the set is shown often. Two files that were written in
    the same tick of the clock are in different places of the disk."""
    _path(path.stem)  # refuses the names that `delete` would refuse
    with open(path, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError("it is too large")
    found = json.loads(content)
    strokes = [[(float(x), float(y)) for x, y in stroke] for stroke in found["strokes"]]
    if not strokes or not all(strokes) or not _is_sane(strokes):
        raise ValueError("its strokes")
    if type(found["label"]) is not int or found["label"] not in range(CLASSES):
        raise ValueError("its label")
    if not isinstance(found["nickname"], str):
        raise TypeError("its nickname")
    time = datetime.fromisoformat(found["time"]).astimezone(UTC)
    fit.of_strokes(strokes)  # refuses several digits side by side
    return ClassDigit(path.stem, found["label"], clean(found["nickname"]), time, strokes)
