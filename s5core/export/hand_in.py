"""What learners hand in, checked: figures are computed again from the weights and compared with what is
claimed.

A hand-in is a checkpoint or a report, which holds one. Nobody can claim another accuracy than that of
their weights, or another number of parameters; and the same weights in two hand-ins are noticed. What the
page of a report shows is not computed again: its digest, which stands beside it, only tells of a change by
somebody who has not changed the digest as well.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from s5core import checkpoint, data, steps, target
from s5core.checkpoint import Checkpoint
from s5core.data import PRACTICE, Digits
from s5core.errors import UserError
from s5core.evaluate import evaluate
from s5core.export.report import DATA, FORMAT, KEYS, digest
from s5core.files import parse_json, read_bytes
from s5core.settings import check_field, field_types, setting
from s5core.words import command, count

ENDINGS = (".safetensors", ".html")
MAX_BYTES = 2 * checkpoint.MAX_BYTES  # a report holds a checkpoint as base64
CLOSE = 0.05  # points of accuracy by which another machine may differ: 5 of 10,000 digits
EXERCISE = "MNIST"  # name of the digits on which the exercise's accuracy counts: nobody trains with these
DIGITS = tuple(f"{name}{held}" for name in (EXERCISE, PRACTICE) for held in ("", " holdout"))

Verdict = Literal["right", "differs", "unchecked"]


@dataclass(frozen=True)
class Claims:
    """What a hand-in says of itself."""

    accuracy: float = setting(range="[0, 100]")  # in the last epoch, percent of the validation digits
    parameters: int = setting(range="[0, 1e12]")
    epochs: int = setting(range="[1, 1000]")
    data: str = setting(choices=DIGITS)  # name of the digits, as in `data.Digits`


@dataclass(frozen=True)
class HandIn:
    """A hand-in as its file has it."""

    claims: Claims
    checkpoint: Checkpoint
    intact: bool  # whether its text is as it was written; a checkpoint has none


@dataclass(frozen=True)
class Finding:
    """What became of a hand-in. Figures are None where they could not be found."""

    file: str
    verdict: Verdict
    reason: str  # in sentences; empty where all is right
    accuracy: float | None = None  # computed again, percent
    claimed_accuracy: float | None = None
    parameters: int | None = None
    claimed_parameters: int | None = None
    epochs: int | None = None
    claimed_epochs: int | None = None
    data: str = ""
    digits: int | None = None  # that were read
    weights: str = ""  # a digest, by which equal weights are found

    @property
    def tells_target(self) -> bool:
        """Whether its accuracy was computed on the digits of the exercise."""
        return self.accuracy is not None and self.data == EXERCISE

    @property
    def meets_target(self) -> bool:
        """Whether the figures that were computed keep the exercise's three bounds, on its own digits:
        others are fewer, or some that a network may have been trained with."""
        if self.accuracy is None or self.parameters is None or self.epochs is None:
            return False
        return (
            self.tells_target
            and target.ACCURACY.met_by(self.accuracy)
            and target.PARAMETERS.met_by(self.parameters)
            and target.EPOCHS.met_by(self.epochs)
        )

    def to_json(self) -> dict[str, Any]:
        """All figures as JSON data."""
        return asdict(self) | {"meets_target": self.meets_target}


class HandInError(UserError):
    """A file that is no hand-in; the message says why."""


def files(paths: Iterable[Path]) -> list[tuple[str, Path]]:
    """The hand-ins among files and folders, with the names to call them by. A file that was named is one
    whatever its ending. Raises HandInError for a path that does not exist, and where there is none."""
    found = []
    for path in paths:
        if path.is_dir():
            inside = sorted(
                each for each in path.rglob("*") if each.suffix.lower() in ENDINGS and each.is_file()
            )
            found += [(str(each.relative_to(path)), each) for each in inside]
        elif path.exists():
            found.append((path.name, path))
        else:
            raise HandInError(f"There is no file or folder {path}.")
    if not found:
        raise HandInError("There is no hand-in: checkpoints end in .safetensors, reports in .html.")
    return found


def read(path: Path) -> HandIn:
    """The hand-in in a file. Raises UserError, which says what is wrong with it."""
    try:
        content = read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise HandInError(f"It cannot be read: {error.strerror}.") from error
    if path.suffix.lower() == ".html":
        return _of_report(content)
    made = checkpoint.from_bytes(content, "It")
    return HandIn(Claims(made.accuracy, made.parameters, len(made.history), made.data), made, intact=True)


def _of_report(content: bytes) -> HandIn:
    blocks = DATA.findall(content)
    if len(blocks) != 1:
        raise HandInError(
            f"It is cut off, or no report of this program: {command('export', 'RUN', '--to', 'report')} "
            "writes one."
        )
    try:
        found = parse_json(blocks[0][1])
        if b"<" in blocks[0][1]:  # ours has none, and a browser would show what follows a </SCRIPT>
            raise ValueError("the data are not only data")
        if found["format"] != FORMAT:
            raise HandInError(
                f"It has format {found['format']!r} of reports, and this version reads format {FORMAT}."
            )
        if found.keys() != KEYS or found["claims"].keys() != field_types(Claims).keys():
            raise ValueError("the data are not those of a report")
        packed = base64.b64decode(found["checkpoint"], validate=True)
        claims = Claims(**{name: check_field(Claims, name, told) for name, told in found["claims"].items()})
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise HandInError("It is a damaged report: the data at its end cannot be read.") from error
    return HandIn(
        claims, checkpoint.from_bytes(packed, "The checkpoint in it"), intact=digest(content) == found["text"]
    )


def check_all(named: Sequence[tuple[str, Path]], load: Callable[[], Digits]) -> Iterator[Finding]:
    """Check hand-ins one after the other. `load` gives MNIST, or the practice digits where there is none.

    A damaged file is reported, and the others go on. Equal weights are noticed in the later of two files,
    and in one that has those of a shipped step.
    """
    known = {
        weights_digest(made): f"the shipped {name}"
        for name, made in checkpoint.load_shipped(steps.STEPS).items()
    }
    for name, path in named:
        try:
            finding = check(name, read(path), load)
        except UserError as error:
            yield Finding(name, "unchecked", str(error))
            continue
        if same := known.get(finding.weights):
            reason = f"{finding.reason} It has the same weights as {same}.".strip()
            finding = replace(finding, reason=reason)
        known.setdefault(finding.weights, name)
        yield finding


def check(name: str, handed: HandIn, load: Callable[[], Digits]) -> Finding:
    """Compute a hand-in's figures again. Raises UserError where the digits for it are not here."""
    made, claims = handed.checkpoint, handed.claims
    digits = _digits(made.data, load)
    found = evaluate(made.model(), digits.validation_images, digits.validation_labels)
    epochs = len(made.history)
    reasons = []
    if abs(found.accuracy - claims.accuracy) > CLOSE:
        reasons.append(f"It claims {claims.accuracy:.2f} %, and its weights reach {found.accuracy:.2f} %.")
    elif abs(found.accuracy - made.accuracy) > CLOSE:
        reasons.append(
            f"Its training ended with {made.accuracy:.2f} %, and its weights reach {found.accuracy:.2f} %."
        )
    if claims.parameters != made.parameters:
        reasons.append(
            f"It claims {claims.parameters:,} parameters, and its network has {made.parameters:,}."
        )
    if claims.epochs != epochs:
        reasons.append(f"It claims {count(claims.epochs, 'epoch')}, and its history has {epochs:,}.")
    if claims.data != made.data:
        reasons.append(f"It claims to have read {claims.data}, and its checkpoint names {made.data}.")
    if not handed.intact:
        reasons.append("The text of the report was changed after it was written: do not trust what it shows.")
    return Finding(
        file=name,
        verdict="differs" if reasons else "right",
        reason=" ".join(reasons),
        accuracy=round(found.accuracy, 4),
        claimed_accuracy=claims.accuracy,
        parameters=made.parameters,
        claimed_parameters=claims.parameters,
        epochs=epochs,
        claimed_epochs=claims.epochs,
        data=digits.name,
        digits=len(found.labels),
        weights=weights_digest(made),
    )


def _digits(name: str, load: Callable[[], Digits]) -> Digits:
    """The digits of that name, on which an accuracy was measured."""
    if name not in DIGITS:
        raise HandInError(
            f"It names digits that this program does not have: they must be {', '.join(DIGITS[:-1])} or "
            f"{DIGITS[-1]}."
        )
    held = name.endswith(" holdout")
    if name.startswith(PRACTICE):
        digits = data.practice_set()
    else:
        digits = load()
        if digits.name != EXERCISE:
            raise HandInError(
                "Its accuracy was measured on MNIST, which is not here: name its folder with --data."
            )
    return data.hold_out(digits) if held else digits


def weights_digest(made: Checkpoint) -> str:
    """What two networks with equal weights have in common."""
    found = hashlib.sha256()
    for name, tensor in sorted(made.weights.items()):
        found.update(name.encode())
        found.update(tensor.contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
