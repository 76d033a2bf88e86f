"""What can go wrong from outside, really done: the rest goes on, nothing finished is lost, and whoever
meets it reads one sentence.

Other such tests are with what they belong to: checkpoints with odd tensors or metadata in
test_checkpoint.py, pictures that are damaged in test_photo.py, killed workers and servers in test_queue.py,
and what a page shows of these faults in app/test_faults.py.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import math
import os
import platform
import resource
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from s5core import checkpoint, data
from s5core.__main__ import main
from s5core.checkpoint import CheckpointError
from s5core.data import DataError
from s5core.drawing import photo, reading, sketch
from s5core.drawing.fit import DigitError
from s5core.drawing.reading import Reading
from s5core.events import (
    MAX_BYTES,
    Epoch,
    Failed,
    Finished,
    LogWriter,
    Metrics,
    Progress,
    Started,
    Stopped,
    to_json,
    to_lines,
)
from s5core.files import ROOT
from s5core.layers import Conv, GlobalAvgPool
from s5core.recipe import Recipe
from s5core.runs import catalogue, folder, outcome
from s5core.runs.folder import Run, RunError, RunTakenError
from s5core.runs.queue import Queue
from s5core.steps import STEPS
from s5core.views import live
from tests.helpers import NOWHERE, TINY, ThreadWorker, require_no_mnist_at_home, wait_for

LONG = Recipe(epochs=500, batch_size=200, device="cpu")
SHORT = Recipe(epochs=1, batch_size=500, device="cpu")

unix = pytest.mark.skipif(os.name == "nt", reason="needs limits and pipes as Unix has them")


def new(recipe: Recipe = LONG) -> Run:
    return folder.create("a run", "step5", TINY, recipe)


@pytest.fixture(scope="module")
def shared() -> Iterator[Queue]:
    """A queue that trains one run at a time, in a thread of this process."""
    require_no_mnist_at_home()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in NOWHERE.items():
            patch.setenv(name, value)
        threads = torch.get_num_threads()
        made = Queue(limit=1, executor=ThreadWorker)
        yield made
        made.close()
        torch.set_num_threads(threads)


@pytest.fixture
def jobs(shared: Queue, nowhere: None) -> Iterator[Queue]:
    yield shared
    for run in [*shared.waiting(), *shared.training()]:
        shared.stop(run.id)
    wait_for(lambda: not shared.training())


def end(jobs: Queue, run: Run) -> str:
    """Train a run to its end; returns the trouble that it came to."""
    jobs.submit(run)
    wait_for(lambda: not jobs.is_active(run.id))
    return jobs.trouble(run.id)


# A run that is deleted, written to by another server, or has no room.


@pytest.mark.slow
@pytest.mark.parametrize("way", ["moved to the trash", "removed"])
def test_a_run_that_is_deleted_in_training_ends_and_frees_its_place(jobs, way):
    gone, next_one = new(), new(SHORT)
    jobs.submit(gone)
    jobs.submit(next_one)
    wait_for(lambda: gone.model_path.exists())
    folder.delete([gone.id]) if way == "moved to the trash" else shutil.rmtree(gone.folder)
    wait_for(lambda: jobs.is_training(next_one.id))
    wait_for(lambda: next_one.log().end)
    assert isinstance(next_one.log().end, Finished)
    assert not gone.folder.exists() and not jobs.trouble(gone.id)
    if way == "moved to the trash":
        folder.restore([gone.id])
        kept = len(gone.checkpoint().history)  # nothing finished is lost
        jobs.submit(gone)
        wait_for(lambda: (started := gone.log().started) and started.first_epoch == kept + 1)


@pytest.mark.slow
def test_a_run_that_is_deleted_in_line_is_passed_over(jobs):
    first, gone, last = new(), new(), new(SHORT)
    for run in (first, gone, last):
        jobs.submit(run)
    shutil.rmtree(gone.folder)
    jobs.stop(first.id)
    wait_for(lambda: isinstance(last.log().end, Finished))
    assert "it was deleted" in jobs.trouble(gone.id) and not gone.folder.exists()


@pytest.mark.slow
def test_of_two_servers_on_one_folder_the_second_says_who_has_the_run(jobs):
    run = new()
    jobs.submit(run)
    wait_for(lambda: run.model_path.exists())
    other = Queue(limit=1, executor=ThreadWorker)
    try:
        kept = len(run.log().epochs)
        trouble = end(other, run)
        assert f"by process {os.getpid()} on the computer {socket.gethostname()}" in trouble
        assert end(other, run) == trouble  # Resume repeats it
        assert jobs.is_training(run.id)
        wait_for(lambda: len(run.log().epochs) > kept)  # the first goes on
        epochs = [metrics.epoch for metrics in run.log().epochs]
        assert epochs == list(range(1, len(epochs) + 1))  # one writer
        jobs.stop(run.id)
        wait_for(lambda: isinstance(run.log().end, Stopped) and not jobs.is_active(run.id))
        other.submit(run)
        wait_for(lambda: run.log().end is None)  # now it is free for the other
        assert not other.trouble(run.id)
    finally:
        other.close()


def test_only_the_worker_that_has_a_run_writes_its_log():
    run = new()
    with run.claim(), pytest.raises(RunTakenError, match="is in training already, by process"):
        run.fail("No worker.")
    assert run.log().end is None
    run.fail("No worker.")
    assert run.log().end == Failed("No worker.")


@contextlib.contextmanager
def room(size: int) -> Iterator[None]:
    """No file of this process can grow beyond this size: a write fails as on a full disk, after the part
    that still fits."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@unix
@pytest.mark.slow
@pytest.mark.parametrize("size", [100, 500, 2500], ids=["no start", "no second line", "no checkpoint"])
def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(jobs, size):
    run = new(SHORT.replace(epochs=2))
    with room(size):
        trouble = end(jobs, run)
        assert "could not be written" in trouble and "File too large" in trouble
        assert end(jobs, run) == trouble  # Resume repeats it
        assert not run.events_path.exists() or run.events_path.read_bytes()[-1:] in (b"", b"\n")
    assert end(jobs, run) == "" and isinstance(run.log().end, Finished)
    assert len(run.log().epochs) == len(run.checkpoint().history) == 2


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[None]:
    """A folder in which nothing can be written, not even by root: root is somebody else meanwhile."""
    path.chmod(0o555)
    if os.geteuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(os.getuid())
        path.chmod(0o755)


@pytest.fixture
def open_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of runs that everybody can reach; pytest's own folders are closed to others."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    monkeypatch.setenv("S5_RUNS_DIR", str(path))
    yield
    shutil.rmtree(path)


@unix
@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_named(jobs, open_home):
    run = new(SHORT)
    with read_only(run.folder):
        trouble = end(jobs, run)
        assert "could not be written" in trouble and "Permission denied" in trouble
        assert end(jobs, run) == trouble
        assert folder.list_runs() == [run]
    assert end(jobs, run) == "" and isinstance(run.log().end, Finished)


@unix
@pytest.mark.slow
@pytest.mark.skipif(platform.system() != "Linux", reason="only Linux bounds a process's memory")
def test_a_run_that_needs_too_much_memory_says_what_to_lower(jobs):
    big = folder.create("big", "step5", (Conv(512, padding=1), Conv(10), GlobalAvgPool()), SHORT)
    big = folder.create("big", "step5", big.layers, SHORT.replace(batch_size=4000))
    jobs.submit(small := new(SHORT))  # all that training sets up first is there
    wait_for(lambda: not jobs.is_active(small.id))
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**28, before[1]))
    try:
        trouble = end(jobs, big)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert trouble == (
        "There was not enough memory to train this network with 4,000 digits in a batch: lower the batch "
        "size, or use fewer channels."
    )
    assert big.log().end == Failed(trouble)
    assert end(jobs, new(SHORT)) == ""  # the same worker trains the next


# Files that somebody else has put there.

DEEP = "[" * 200_000


def put_fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def put_huge(path: Path) -> None:
    with open(path, "ab") as file:
        file.truncate(2**34)  # 16 GiB without a block on the disk


def put_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def put_loop(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(path)


def put_device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def put(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


ODD_FILES = {
    "deep": put(DEEP),
    "deep inside": put('{"title": ' + "[" * 500 + "]" * 500 + "}"),
    "binary": lambda path: path.write_bytes(b"\xff\0" * 500),
    "pipe": put_fifo,
    "huge": put_huge,
    "folder": put_folder,
    "loop": put_loop,
    "device": put_device,
}
odd_files = pytest.mark.parametrize("spoil", ODD_FILES.values(), ids=ODD_FILES)


@pytest.fixture
def at_once() -> Iterator[None]:
    """Whatever the test does takes less than a second, and little memory."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.monotonic() - began < 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024  # KiB


@unix
@odd_files
def test_an_odd_config_makes_a_damaged_run_and_nothing_else_notices(spoil, at_once):
    good, bad = new(), new()
    spoil(bad.folder / "config.json")
    listing = folder.listing()
    assert listing.runs == [good] and list(listing.damaged) == [bad.id]
    assert listing.damaged[bad.id].startswith(f"The run {bad.id} cannot be read: ")
    with pytest.raises(RunError, match="cannot be read"):
        folder.open_run(bad.id)
    assert new().title == "a run (2)"
    folder.delete([bad.id])  # it can be removed as any other
    assert folder.listing().damaged == {}


CONFIGS: dict[str, object] = {
    "title": [7, {"a": "title"}],
    "created": ["yesterday", "2026-01-01T00:00:00", 5],
    "layers": [[], [{"layer": "Conv", "channels": 10**400}], [{"layer": "Conv", "channels": 9}], {}],
    "recipe": [{"epochs": float("nan")}, {"epochs": 10**400}, {"learning_rate": 1e400}, []],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in CONFIGS for value in CONFIGS[key]])
def test_a_config_with_a_value_that_cannot_be_is_damaged(key, value):
    run = new()
    path = run.folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    (sentence,) = folder.listing().damaged.values()
    assert "\n" not in sentence and len(sentence) < 400 and sentence.endswith(".")


@unix
@odd_files
def test_odd_notes_hide_no_run(spoil, at_once):
    run = new()
    spoil(run.folder / "notes.json")
    assert folder.list_runs() == [run]


@unix
@odd_files
def test_an_odd_checkpoint_is_refused_in_a_sentence(spoil, at_once):
    run = new()
    spoil(run.model_path)
    with pytest.raises(CheckpointError) as caught:
        run.checkpoint()
    assert "\n" not in str(caught.value)


@unix
@pytest.mark.parametrize("name", ["pipe", "folder", "loop", "device"])
def test_a_log_that_is_no_file_is_a_failed_run(name, at_once):
    run = new()
    ODD_FILES[name](run.events_path)
    end = run.log().end
    assert isinstance(end, Failed) and end.message.startswith("The log of this run cannot be read: ")
    assert outcome.of(run).state == "failed"
    with pytest.raises(OSError):  # noqa: PT011 (the reason is the system's)
        run.fail("No worker.")


@unix
def test_a_huge_log_is_read_from_both_ends(at_once):
    run = new()
    run.events_path.write_bytes(to_lines([STARTED, Progress(1, 1, 2.0, 50.0, 0.1, 900.0)]))
    put_huge(run.events_path)
    assert run.log().started == STARTED


STARTED = Started("CPU", "practice set", 4000, 1000, 90, 14, 32, 1)
LINES = {
    "event": ["progress", "of a later version", ["progress"], None],
    "epoch": [0, -1, 1.5, 10**400, 2000, "1", True, None],
    "batch": [0, 10**30],
    "loss": [float("nan"), float("inf"), -1.0, "2.3", 10**400],
    "accuracy": [101, -1],
    "learning_rate": [-0.1, float("nan")],
    "images_per_second": [0, -5, float("inf")],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key in LINES for value in LINES[key]][1:])
def test_a_line_with_a_value_that_cannot_be_is_passed_over(key, value):
    run, good = new(), Progress(1, 2, 2.0, 50.0, 0.1, 900.0)
    odd = json.dumps(to_json(Progress(1, 1, 2.0, 50.0, 0.1, 900.0)) | {key: value})
    run.events_path.write_bytes(to_lines([STARTED]) + odd.encode() + b"\n" + to_lines([good]))
    log = run.log()
    assert (log.started, log.progress) == (STARTED, [good])
    assert live.training_accuracy(log, 128)


@pytest.mark.parametrize("field", ["batches", "epochs", "train_digits", "validation_digits"])
def test_a_start_with_nothing_to_do_is_none(field):
    run = new()
    run.events_path.write_bytes(json.dumps(to_json(STARTED) | {field: 0}).encode() + b"\n")
    assert run.log().started is None


def test_a_log_that_goes_back_or_does_not_fit_its_recipe_makes_a_chart():
    run = new()
    looks = [
        Progress(epoch, batch, 2.0, 50.0, 0.1, 9.0) for epoch, batch in [(1, 5), (1, 5), (1, 2), (9, 31)]
    ]
    tiny = dataclasses.replace(STARTED, train_digits=1)
    run.events_path.write_bytes(
        to_lines([tiny, *looks, Epoch(metrics(3)), Epoch(metrics(3)), Epoch(metrics(2))])
    )
    log = run.log()
    assert [(look.epoch, look.batch) for look in log.progress] == [(1, 5), (9, 31)]
    assert [each.epoch for each in log.epochs] == [3]
    assert all(math.isfinite(y) for _, y in live.training_accuracy(log, 10_000))


def metrics(epoch: int) -> Metrics:
    return Metrics(epoch, 0.5, 80.0, 0.4, 90.0, 100, 0.1, 1.5)


def test_200_mb_of_events_are_read_in_a_moment():
    run = new()
    looks = b"".join(to_lines([Progress(1, batch, 2.0, 50.0, 0.1, 900.0)]) for batch in range(1, 1001))
    last = Progress(1, 5000, 2.0, 50.0, 0.1, 900.0)
    with open(run.events_path, "wb") as file:
        file.write(to_lines([dataclasses.replace(STARTED, batches=10_000)]))
        while file.tell() < 200 * 2**20:
            file.write(looks)
        file.write(to_lines([last, Stopped(0)]))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    log = run.log()
    assert time.process_time() - began < 0.5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB
    assert log.started is not None and log.progress[-1] == last and log.end == Stopped(0)
    assert outcome.of(run).state == "stopped"


def test_a_chart_gets_at_most_a_few_thousand_points():
    run = new()
    looks = [Progress(1 + i // 1000, 1 + i % 1000, 2.0, 50.0, 0.1, 900.0) for i in range(20_000)]
    started = dataclasses.replace(STARTED, batches=1000, train_digits=128_000)
    run.events_path.write_bytes(to_lines([started, *looks]))
    log = run.log()
    assert 1000 < len(log.progress) <= 2001 and log.progress[-1] == looks[-1]
    assert len(live.training_accuracy(log, 128)) <= 2001


def test_the_log_of_a_long_run_stays_small(monkeypatch):
    clock = 0.0
    monkeypatch.setattr("s5core.events.time.monotonic", lambda: clock)
    run = new()
    with LogWriter(run.events_path) as log:
        for i in range(4 * 60 * 60 * 10):  # ten hours, four times a second
            clock = i / 4
            log.write(Progress(1 + i // 1000, 1 + i % 1000, 2.0, 50.0, 0.1, 900.0))
    lines = run.events_path.read_bytes().count(b"\n")
    assert 2000 < lines < 20_000 and run.events_path.stat().st_size < MAX_BYTES / 2


def test_5000_runs_take_a_tenth_of_a_second():
    first = new(Recipe(epochs=14))
    log = to_lines([STARTED, *[Epoch(metrics(epoch)) for epoch in range(1, 15)], Stopped(14)])
    config = json.loads((first.folder / "config.json").read_text())
    for i in range(4999):
        other = first.folder.with_name(f"20260101-000000-step5-{i:06}")
        other.mkdir()
        (other / "config.json").write_text(json.dumps(config | {"title": f"run {i}"}))
        (other / "events.jsonl").write_bytes(log)

    assert len(folder.list_runs()) == 5000  # the first look reads them
    times = []
    for _ in range(3):
        began = time.process_time()
        assert len(catalogue.runs(STEPS["step5"])) == catalogue.LISTED  # as each page's sidebar does
        times.append(time.process_time() - began)
    assert min(times) < 0.1
    os.utime(folder.home(), (1e9, 1e9))  # nothing has changed for a while
    assert folder.listing() is folder.listing()


def test_answers_that_are_no_numbers_are_a_doubt():
    sure, lost = Reading((0.01,) * 9 + (0.91,)), Reading((math.nan,) * 10)
    assert reading.doubt({"one": sure}, "one") is None
    found = reading.doubt({"one": lost}, "one")
    assert found is not None
    assert found.why == "What **one** answers to this picture is no probability."
    assert "only 1 of 3 networks read a 9" in str(
        reading.doubt({"one": sure, "two": lost, "three": lost}, "one")
    )


# Windows refuses to replace a file while somebody reads it.


def refuse(monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Let `os.replace` be refused so often, as Windows does; returns how often it was called."""
    real, calls = os.replace, [0]

    def replace(source: Path, target: Path) -> None:
        calls[0] += 1
        if calls[0] <= times:
            raise PermissionError(13, "Access is denied")
        real(source, target)

    monkeypatch.setattr("os.replace", replace)
    return calls


@pytest.mark.slow
def test_a_run_goes_on_after_a_refused_replacement(jobs, monkeypatch):
    run = new(SHORT)
    calls = refuse(monkeypatch, 2)
    assert end(jobs, run) == "" and calls[0] > 2
    assert isinstance(run.log().end, Finished) and len(run.checkpoint().history) == 1


def test_a_replacement_that_stays_refused_is_told_and_leaves_the_old_file(monkeypatch):
    run = folder.rename(new(), "old")
    refuse(monkeypatch, 10**6)
    with pytest.raises(PermissionError):
        folder.rename(run, "new")
    assert folder.open_run(run.id).title == "old"
    assert {path.name for path in run.folder.iterdir()} == {"config.json", "notes.json"}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to list open files")
def test_reading_a_run_holds_no_file_open():
    run = folder.rename(new(), "mine")
    run.fail("No worker.")
    checkpoint.save(checkpoint.load(checkpoint.shipped_path("step1")), run.model_path)
    folder.open_run(run.id), run.log(), outcome.of(run), run.checkpoint()
    held = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if fd_exists(fd)]
    assert not [path for path in held if path.startswith(str(run.folder))]


def fd_exists(fd: str) -> bool:
    return os.path.lexists(f"/proc/self/fd/{fd}")


# A run whose device is not here.


@pytest.mark.slow
def test_a_run_on_a_device_that_is_not_here_says_so_and_the_next_one_trains(jobs):
    assert "This computer has no device 'cuda:99'" in end(jobs, new(SHORT.replace(device="cuda:99")))
    assert end(jobs, new(SHORT)) == ""


# Pictures that are far too large.


def picture(format: str, mode: str, side: int) -> bytes:
    packed = io.BytesIO()
    Image.new(mode, (side, side)).save(packed, format, **({"lossless": True} if format == "WEBP" else {}))
    return packed.getvalue()


UPLOADS = """
import resource, sys, threading
from pathlib import Path
from s5core.drawing import fit, photo
from s5core.drawing.fit import DigitError
def read(path):
    try:
        fit.of_ink(photo.ink(photo.open_image(path)))
    except DigitError:
        refused.append(path)
for path in map(Path, sys.argv[1:]):
    refused = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    threads = [threading.Thread(target=read, args=(path,)) for _ in range(20)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(len(refused), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@unix
@pytest.mark.slow
def test_twenty_large_pictures_at_once_take_little_memory(tmp_path):
    """Some are refused for their size, the others because they hold no digit."""
    kinds = [("WEBP", "RGB", 8000), ("PNG", "L", 8000), ("JPEG", "L", 8000), ("PNG", "RGBA", 2500)]
    paths = [tmp_path / f"{format}{side}" for format, _, side in kinds]
    for path, kind in zip(paths, kinds, strict=True):
        path.write_bytes(picture(*kind))
    done = subprocess.run(
        [sys.executable, "-c", UPLOADS, *paths], cwd=ROOT, capture_output=True, check=True, text=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == len(kinds)
    for line in lines:
        refused, megabytes = map(int, line.split())
        assert refused == 20
        assert megabytes < 500


@pytest.mark.parametrize(("format", "mode", "side"), [("PNG", "1", 5100), ("WEBP", "RGB", 3600)])
def test_the_bound_of_a_format_is_told(format, mode, side):
    with pytest.raises(DigitError, match=rf"{side}x{side} pixels, and a {format} file may have at most"):
        photo.open_image(picture(format, mode, side))


def test_a_format_that_starts_another_program_is_no_picture():
    packed = io.BytesIO()
    Image.new("RGB", (50, 50)).save(packed, "EPS")  # which Ghostscript would draw
    with pytest.raises(DigitError, match="use a PNG or JPEG file"):
        photo.open_image(packed.getvalue())


# The command line.


def shell(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "s5core", *map(str, arguments)],
        cwd=ROOT, env=os.environ | NOWHERE | environment, capture_output=True, encoding="latin-1",
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "cp437"])
def test_any_code_page_can_be_printed_on(encoding):
    done = shell("steps", PYTHONIOENCODING=encoding)
    assert done.returncode == 0 and "step5_published" in done.stdout and not done.stderr
    if encoding == "ascii":
        assert "+/-" in done.stdout and done.stdout.isascii()


@pytest.mark.slow
def test_workers_understand_their_orders_on_any_code_page(nowhere, monkeypatch):
    monkeypatch.setenv("PYTHONIOENCODING", "cp037")  # in which even a line of ASCII has other bytes
    queue = Queue(limit=1)
    try:
        assert end(queue, run := new(SHORT)) == "" and isinstance(run.log().end, Finished)
    finally:
        queue.close()


def test_a_command_for_a_path_with_blanks_can_be_copied(tmp_path):
    place = tmp_path / "my digits"
    with pytest.raises(DataError) as caught:
        data.read_mnist(place)
    command = str(caught.value).split("`")[1]
    assert shlex.split(command) == ["python", "-m", "s5core", "data", "--download", str(place)]


@pytest.fixture
def s5core(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command in this process; returns its exit code and what it printed."""

    def run(*arguments: object) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["s5core", *map(str, arguments)])
        with pytest.raises(SystemExit) as exited:
            main()
        printed = capsys.readouterr()
        return exited.value.code or 0, printed.out, printed.err.replace("\n", " ")

    return run


def test_one_unreadable_picture_leaves_the_others_their_answers(s5core, tmp_path):
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    drawn = Image.fromarray(sketch.hard_digit("2 with a loop", 20).pixels)
    drawn.save(paths[0])
    paths[1].write_bytes(b"no picture")
    drawn.save(paths[2])
    network = checkpoint.shipped_path("step5")
    code, out, err = s5core("predict", network, *paths)
    assert code == 1 and [line.split(" (")[0] for line in out.splitlines()] == [
        f"{paths[0]}: 2",
        f"{paths[2]}: 2",
    ]
    assert f"{paths[1]} is damaged or not a picture" in err
    code, out, _ = s5core("predict", network, *paths, "--json")
    assert code == 1 and [answer.get("digit") for answer in json.loads(out)] == [2, None, 2]
    assert "is damaged" in json.loads(out)[1]["error"]


@pytest.mark.parametrize("out", ["a folder", "below a file", "closed"])
def test_a_place_that_cannot_be_written_is_found_before_the_first_epoch(s5core, tmp_path, out, monkeypatch):
    def train_nothing(*_: object) -> None:
        raise AssertionError("it has begun to train")

    monkeypatch.setattr("s5core.shell.output.train", train_nothing)
    (tmp_path / "file").write_text("")
    places = {"a folder": tmp_path, "below a file": tmp_path / "file" / "x", "closed": Path("/proc/none/x")}
    code, printed, err = s5core("train", "1", "--seeds", "1", "--out", places[out])
    assert code == 1 and not printed and f"{places[out]} cannot be written: " in err
