"""MNIST as tensors: find it, download it, check it; where there is none, the practice set.

`load` looks in this order: the folder that the caller names, `$S5_DATA_DIR`, `data/` beside the
app (all in torchvision's layout, packed or unpacked; `own_folder` says where `data/` is if the app's
folder cannot be written). If none has MNIST, it downloads MNIST into
`data/`. If that fails, it returns the practice set: 5,000 real MNIST digits that come with the app.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import queue
import threading
import urllib.request
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.error import URLError

import numpy as np
import torch
from torch import Tensor

from s5core import configuration
from s5core.errors import UserError
from s5core.files import ROOT, own_folder, write_atomically
from s5core.layers import CLASSES
from s5core.recipe import Split
from s5core.words import command

BESIDE = ROOT / "data"
HOME = BESIDE if (BESIDE / "MNIST").is_dir() else own_folder("data")

# MD5 of the unpacked files: a packed one has other bytes on every machine that packs it.
FILES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}

SILENCE = 4.0  # seconds without a byte, then a mirror counts as dead; torchvision names two

MNIST = "MNIST"  # the name of its digits
PRACTICE = "practice set"  # the name of the digits that replace a missing MNIST
PRACTICE_FILE = Path(__file__).with_name("practice_digits.npz")  # source and licence: the .txt beside it
PRACTICE_DIGEST = "e613f869dab204a63ca426b433eb82b9fbeea13c331b12de387c1c5339df8224"  # SHA-256 of the file

HOLDOUT = 1 / 12  # share of the training digits that "holdout" validates on: 5,000 of 60,000

Progress = Callable[[str, int, int], None]  # file, bytes so far, bytes in all (0: unknown)


class DataError(UserError):
    """A file of digits cannot be used; the message names the file and the remedy."""


class DownloadError(UserError):
    """MNIST could not be downloaded; the message says why."""


@dataclass(frozen=True)
class Digits:
    """Digits to train with and digits to validate with, all on one device."""

    name: str  # "MNIST" or PRACTICE, followed by " holdout" if these validate on training digits
    train_images: Tensor  # (N, 1, 28, 28) uint8, 0 is background
    train_labels: Tensor  # (N,) int64, 0 to 9
    validation_images: Tensor  # (M, 1, 28, 28) uint8
    validation_labels: Tensor  # (M,) int64
    notice: str = ""  # what a user must know about these digits, in whole sentences

    def to(self, device: str) -> Digits:
        """The same digits on another device."""
        return replace(
            self,
            train_images=self.train_images.to(device),
            train_labels=self.train_labels.to(device),
            validation_images=self.validation_images.to(device),
            validation_labels=self.validation_labels.to(device),
        )


def load(
    split: Split = "test",
    folder: str | os.PathLike[str] | None = None,
    download: bool = True,
    progress: Progress | None = None,
) -> Digits:
    """MNIST, or the practice set where MNIST cannot be found or downloaded, on the CPU.

    `split`: "test" validates on the 10,000 test digits; "holdout" sets aside a twelfth of the
    training digits (5,000 of 60,000) and validates on those. `progress` is called for every
    piece of a download.
    Raises DataError if `folder` or `$S5_DATA_DIR` names a folder without MNIST, and if a file
    does not hold what its name says.
    """
    named = folder if folder is not None else configuration.value("data_dir")
    if named:
        digits = read_mnist(Path(named))
    else:
        trouble = ""
        if download and missing_files(HOME):
            try:
                download_mnist(HOME, progress)
            except DownloadError as error:
                trouble = str(error)
        digits = practice_set(trouble) if missing_files(HOME) else read_mnist(HOME)
    return divide(digits, split)


def missing_files(root: Path) -> list[str]:
    """Names of the MNIST files that a folder has neither packed nor unpacked."""
    return [name for name in FILES if not os.path.exists(_find(root, name))]


def read_mnist(root: Path) -> Digits:
    """MNIST from a folder in torchvision's layout (`MNIST/raw/…`), packed or unpacked.

    Raises DataError for a file that is missing, that cannot be read, or that differs from the
    published one.
    """
    missing = missing_files(root)
    if missing:
        raise DataError(
            f"{_find(root, missing[0])} is missing: put MNIST's four files there, or fetch them with "
            f"{command('data', '--download', root)}."
        )
    arrays = {name: _read(root, name) for name in FILES}
    images = {name: torch.from_numpy(arrays[f"{name}-images-idx3-ubyte"]) for name in ("train", "t10k")}
    labels = {name: torch.from_numpy(arrays[f"{name}-labels-idx1-ubyte"]) for name in ("train", "t10k")}
    return Digits(
        MNIST,
        train_images=images["train"].view(-1, 1, 28, 28),
        train_labels=labels["train"].long(),
        validation_images=images["t10k"].view(-1, 1, 28, 28),
        validation_labels=labels["t10k"].long(),
    )


def _find(root: Path, name: str) -> Path:
    """The path of the unpacked file if it exists, else of the packed one."""
    unpacked = root / "MNIST" / "raw" / name
    # os.path.exists, because Path.exists raises an error for a folder that the user may not enter.
    return unpacked if os.path.exists(unpacked) else unpacked.with_name(f"{name}.gz")


def _read(root: Path, name: str) -> np.ndarray:
    """The content of a file after its header, as uint8. The file is checked first."""
    path = _find(root, name)
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        content = b""  # a damaged archive: the sum below will not match
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): it must be a readable file.") from error
    digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if digest != FILES[name]:
        swapped = [other for other, sum_ in FILES.items() if sum_ == digest]
        what = (
            f"holds {swapped[0]}" if swapped else "is damaged (its MD5 sum is not that of the published file)"
        )
        raise DataError(f"{path} {what}: delete it, then run {command('data', '--download', root)}.")
    header = 16 if "images" in name else 8
    return np.frombuffer(content, np.uint8, offset=header).copy()


def download_mnist(root: Path, progress: Progress | None = None) -> None:
    """Fetch the missing files of MNIST from torchvision's mirrors into a folder.

    A file is checked before it gets its name. So an interruption, or a second download at the
    same time, leaves no damaged file. Raises DownloadError; if the network is dead, within
    10 seconds.
    """
    from torchvision.datasets import MNIST  # takes a second to import; most starts need no download

    mirrors = list(MNIST.mirrors)
    for name in missing_files(root):
        packed = f"{name}.gz"
        for mirror in list(mirrors):
            try:
                content = _fetch(mirror + packed, progress)
                digest = hashlib.md5(gzip.decompress(content), usedforsecurity=False).hexdigest()
                if digest != FILES[name]:
                    raise DownloadError(f"{mirror} sent another file as {packed}")
            except (DownloadError, EOFError, zlib.error, gzip.BadGzipFile) as error:
                mirrors.remove(mirror)
                if not mirrors:
                    raise DownloadError(f"no mirror delivered {packed} ({error})") from error
                continue
            try:
                write_atomically(root / "MNIST" / "raw" / packed, content)
            except OSError as error:
                raise DownloadError(f"{root} cannot be written ({error.strerror})") from error
            break


def _fetch(url: str, progress: Progress | None) -> bytes:
    """The content of a URL. Raises DownloadError when no byte has come for SILENCE seconds.

    A thread reads, because the time-out of a socket does not cover the look-up of the host's name.
    """
    arrived: queue.Queue[int | bytes | Exception] = queue.Queue()

    def read() -> None:
        try:
            with urllib.request.urlopen(url, timeout=SILENCE) as response:
                arrived.put(int(response.headers.get("Content-Length") or 0))
                while chunk := response.read(1 << 16):
                    arrived.put(chunk)
            arrived.put(b"")
        except Exception as error:  # of any kind: the waiting thread reports it
            arrived.put(error)

    threading.Thread(target=read, daemon=True).start()
    content, total = bytearray(), 0
    while True:
        try:
            item = arrived.get(timeout=SILENCE)
        except queue.Empty:
            raise DownloadError(f"{url} was silent for {SILENCE:g} s") from None
        match item:
            case Exception():
                reason = item.reason if type(item) is URLError else item  # URLError only wraps it
                raise DownloadError(f"{url}: {reason}") from item
            case int():
                total = item
            case b"":
                return bytes(content)
            case _:
                content += item
        if progress is not None:
            progress(url.rsplit("/", 1)[-1], len(content), total)


def practice_set(trouble: str = "") -> Digits:
    """5,000 of MNIST's training digits, which come with the app: of each class 400 to train with
    and 100 to validate with, always the same ones.

    `trouble`: why MNIST is missing; the notice repeats it. Raises DataError if the file is damaged.
    """
    content = PRACTICE_FILE.read_bytes() if PRACTICE_FILE.exists() else b""
    if hashlib.sha256(content).hexdigest() != PRACTICE_DIGEST:
        raise DataError(f"{PRACTICE_FILE} is missing or damaged: install the app again.")
    with np.load(io.BytesIO(content)) as arrays:
        images = torch.from_numpy(arrays["images"]).view(-1, 1, 28, 28)
        labels = torch.from_numpy(arrays["labels"]).long()
    generator = torch.Generator().manual_seed(0)
    train, validation = [], []
    for label in range(CLASSES):
        members = (labels == label).nonzero().flatten()
        members = members[torch.randperm(len(members), generator=generator)]
        train.append(members[100:])
        validation.append(members[:100])
    chosen, kept = torch.cat(train), torch.cat(validation)
    return Digits(
        PRACTICE,
        train_images=images[chosen],
        train_labels=labels[chosen],
        validation_images=images[kept],
        validation_labels=labels[kept],
        notice=(
            f"MNIST is not on this machine{f': {trouble}' if trouble else ''}. These are the practice "
            "digits: 5,000 real digits of MNIST, 4,000 to train with and 1,000 to validate with. Everything "
            "works with them, but they are too few to reach 99.4 %."
        ),
    )


def divide(digits: Digits, split: Split) -> Digits:
    """The digits as a recipe with this split trains and validates with them."""
    return hold_out(digits) if split == "holdout" else digits


def hold_out(digits: Digits) -> Digits:
    """Validate on a twelfth of the training digits, always the same ones, and train with the rest."""
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(digits.train_labels), generator=generator)
    kept = round(len(order) * HOLDOUT)
    chosen, held = order[kept:], order[:kept]
    return replace(
        digits,
        name=f"{digits.name} holdout",
        train_images=digits.train_images[chosen],
        train_labels=digits.train_labels[chosen],
        validation_images=digits.train_images[held],
        validation_labels=digits.train_labels[held],
    )


def indices_of_class(labels: Tensor, label: int) -> list[int]:
    """Positions in `labels` (N,) of the class `label`."""
    return [int(i) for i in (labels == label).nonzero().flatten()]
