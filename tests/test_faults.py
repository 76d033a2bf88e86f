"""What can go wrong from outside, really done: the rest goes on, nothing finished is lost, and whoever
meets it reads one sentence."""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from s5core.events import Failed, Finished, Stopped
from s5core.layers import Conv, GlobalAvgPool
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.folder import Run, RunTakenError
from s5core.runs.queue import Queue
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
    wait_for(lambda: jobs.is_training(next_one.id), 1)
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
