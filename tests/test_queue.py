"""The queue on the practice set, with real worker processes and with an executor of the test's own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import torch

from s5core.configuration import ConfigurationError
from s5core.device import cores
from s5core.events import Epoch, Failed, Finished, Stopped
from s5core.files import ROOT
from s5core.recipe import Recipe
from s5core.runs import folder, line
from s5core.runs.executor import EXECUTORS, ExecutorError, Process
from s5core.runs.folder import Run
from s5core.runs.line import Entry
from s5core.runs.queue import Queue
from s5core.train import train
from tests.helpers import TINY, Idle, ThreadWorker, require_no_mnist_at_home, wait_for

pytestmark = pytest.mark.slow  # workers take seconds to start
LONG = Recipe(epochs=500, batch_size=100, device="cpu")


@pytest.fixture(autouse=True)
def home(monkeypatch):
    monkeypatch.setenv("S5_DATA_DIR", "")
    require_no_mnist_at_home()


@pytest.fixture(scope="module")
def shared() -> Iterator[Queue]:
    """One for all tests: its workers take seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("S5_DATA_DIR", "")
        made = Queue(limit=2)
        yield made
        made.close()


@pytest.fixture
def jobs(shared: Queue) -> Iterator[Queue]:
    yield shared
    for run in [*shared.waiting(), *shared.training()]:
        shared.stop(run.id)
    wait_for(lambda: not shared.training())


def started(run: Run) -> bool:
    return bool(run.log().progress)


def new(recipe: Recipe = LONG) -> Run:
    return folder.create("a run", "step5", TINY, recipe)


def test_two_workers_are_ready_before_any_run(jobs):
    wait_for(lambda: [worker.ready for worker in jobs.workers()] == [True, True])
    ready = [worker.handle for worker in jobs.workers()]
    run = new()
    jobs.submit(run)
    wait_for(lambda: started(run))
    assert [worker.handle for worker in jobs.workers()] == ready  # none has to start beside the run


def test_a_run_is_trained_as_the_command_line_would(jobs, practice):
    recipe = Recipe(epochs=2, batch_size=200, device="cpu", rotation=5)
    run = new(recipe)
    jobs.submit(run)
    wait_for(lambda: run.log().end and not jobs.is_active(run.id))
    log = run.log()
    assert isinstance(log.end, Finished) and len(log.epochs) == 2
    expected = [event.state for event in train(TINY, recipe, practice) if isinstance(event, Epoch)][-1]
    assert expected is not None
    for name, tensor in expected.weights.items():
        assert torch.equal(run.checkpoint().weights[name], tensor), name


@pytest.mark.timed
def test_stop_is_quick_and_resume_goes_on(jobs):
    run = new()
    jobs.submit(run)
    wait_for(lambda: run.log().epochs)
    jobs.stop(run.id)
    asked = time.monotonic()
    wait_for(lambda: run.log().end)
    assert time.monotonic() - asked < 1
    kept = len(run.checkpoint().history)
    assert run.log().end == Stopped(kept) and 1 <= kept < 500
    wait_for(lambda: not jobs.is_active(run.id))
    jobs.submit(run)
    wait_for(lambda: len(run.log().epochs) > kept)
    log = run.log()
    assert log.started is not None and log.started.first_epoch == kept + 1
    assert [metrics.epoch for metrics in log.epochs] == list(range(1, len(log.epochs) + 1))


def test_a_third_run_waits_in_line(jobs):
    first, second, third, fourth = (new() for _ in range(4))
    for run in (first, second, third, fourth, fourth):
        jobs.submit(run)
    assert [jobs.place(run.id) for run in (first, second, third, fourth)] == [None, None, 1, 2]
    assert {run.id for run in jobs.training()} == {first.id, second.id}
    jobs.stop(third.id)
    assert jobs.place(third.id) is None and jobs.place(fourth.id) == 1
    wait_for(lambda: started(first) and started(second))
    assert not started(fourth)
    jobs.stop(first.id)
    wait_for(lambda: started(fourth))
    assert not started(third) and not jobs.is_active(third.id)


def test_runs_share_the_cores(jobs):
    def threads() -> list[int]:
        return [worker.threads for worker in jobs.workers() if worker.run is not None]

    count = cores()
    first, second = new(), new()
    jobs.submit(first)
    assert threads() == [count]
    jobs.submit(second)
    assert threads() == [max(1, count // 2)] * 2
    wait_for(lambda: started(first) and started(second))
    jobs.stop(first.id)
    wait_for(lambda: threads() == [count])
    looks = len(second.log().progress)
    wait_for(lambda: len(second.log().progress) > looks)


def test_the_learning_rate_of_a_running_run_changes(jobs):
    run = new(LONG.replace(schedule="constant", learning_rate=0.1))
    jobs.submit(run)
    wait_for(lambda: started(run))
    jobs.set_rate(run.id, 0.025)
    wait_for(lambda: run.log().progress[-1].learning_rate == 0.025)
    assert run.log().progress[0].learning_rate == 0.1


def test_a_rate_that_was_changed_in_a_lost_epoch_is_used_after_resume(jobs):
    run = new(LONG.replace(epochs=2, batch_size=1, schedule="constant", learning_rate=0.1))
    jobs.submit(run)
    wait_for(lambda: started(run))
    jobs.set_rate(run.id, 0.025)
    wait_for(lambda: run.log().peak == 0.025)
    jobs.stop(run.id)
    wait_for(lambda: not jobs.is_active(run.id))
    assert run.log().end == Stopped(0)  # the first epoch was not finished
    jobs.submit(run)
    wait_for(lambda: run.log().end is None and started(run))
    assert run.log().peak == 0.025
    assert {look.learning_rate for look in run.log().progress} == {0.025}


def test_a_run_that_cannot_be_trained_says_why_and_the_next_one_runs(jobs):
    bad, good = new(LONG.replace(device="tpu")), new(Recipe(epochs=1, batch_size=500, device="cpu"))
    jobs.submit(bad)
    jobs.submit(good)
    wait_for(lambda: bad.log().end and good.log().end)
    assert isinstance(bad.log().end, Failed) and "no device 'tpu'" in bad.log().end.message
    assert isinstance(good.log().end, Finished)


def test_a_killed_worker_leaves_a_run_that_can_be_resumed(jobs):
    run = new()
    jobs.submit(run)
    wait_for(lambda: run.model_path.exists())
    (handle,) = [worker.handle for worker in jobs.workers() if worker.run is not None]
    assert isinstance(handle, Process)
    os.kill(handle.pid, signal.SIGKILL)
    wait_for(lambda: not jobs.is_active(run.id))
    assert "ended the worker (SIGKILL), perhaps because memory ran out" in jobs.trouble(run.id)
    kept = len(run.checkpoint().history)
    with open(run.events_path, "ab") as file:
        file.write(b'{"event": "bat')  # as a writer leaves it that is killed in the middle
    jobs.submit(run)
    wait_for(lambda: len(run.log().epochs) > kept)
    assert [metrics.epoch for metrics in run.log().epochs][:kept] == list(range(1, kept + 1))


def test_runs_that_no_worker_can_train_say_so(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    broken = Queue(limit=1)
    first, second = new(), new()
    for run in (first, second):
        broken.submit(run)
    wait_for(lambda: first.log().end and second.log().end)
    assert (
        first.log().end
        == second.log().end
        == Failed(
            "No worker could be started. The worker broke down with exit code 1; the server's log says why."
        )
    )
    assert broken.place(second.id) is None
    broken.close()


SERVER = """
import sys, time
from s5core.runs import folder, line
from s5core.runs.queue import Queue
jobs = Queue(limit=2)
jobs.submit(folder.open_run(sys.argv[1]))
print(*[worker.handle.pid for worker in jobs.workers()], flush=True)
time.sleep(600)
"""


def start_server(run: Run) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SERVER, run.id],
        preexec_fn=heed_interrupts,
        cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


def test_workers_end_with_their_server():
    """However it ends: by Ctrl-C, by another process, or killed. Three servers at once take hardly longer
    than one."""
    endings = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
    runs = [new() for _ in endings]
    servers = [start_server(run) for run in runs]
    pids = [[int(pid) for pid in server.stdout.readline().split()] for server in servers]
    wait_for(lambda: all(run.log().epochs for run in runs))
    for server, ending in zip(servers, endings, strict=True):
        server.send_signal(ending)
    for server, workers, run in zip(servers, pids, runs, strict=True):
        server.wait(timeout=60)
        wait_for(lambda workers=workers: not any(alive(pid) for pid in workers), 60)
        assert run.log().end == Stopped(len(run.checkpoint().history))


def test_a_stopped_run_does_not_come_back_with_the_next_server(jobs):
    first, second, third = new(), new(), new()
    for run in (first, second, third):
        jobs.submit(run)
    wait_for(lambda: started(first) and started(second))
    assert {entry.run.id for entry in line.kept()} == {first.id, second.id, third.id}
    jobs.stop(first.id)
    jobs.stop(third.id)
    wait_for(lambda: not jobs.is_active(first.id))
    assert [entry.run.id for entry in line.kept()] == [second.id]


def test_the_line_of_a_server_that_lives_is_left_to_it():
    run = new()
    line.keep(Entry(run, 1.0))
    first, second = Queue(1, Idle), Queue(1, Idle)
    for each in (first, second):
        each.pause()
        each.restore()
    assert first.waiting() == [run] and second.waiting() == []
    first.close()
    second.restore()
    assert second.waiting() == [run]
    second.close()


def test_a_restored_run_says_so(jobs):
    busy = [new(), new()]
    for run in busy:
        jobs.submit(run)
    left = new()
    line.keep(Entry(left, 1.0))
    jobs.restore()
    jobs.restore()  # what is in line stays there once
    assert jobs.waiting() == [left] and jobs.is_restored(left.id) and not jobs.is_restored(busy[0].id)


def heed_interrupts() -> None:
    """A shell that starts the tests in the background lets its children ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def threaded(monkeypatch) -> Iterator[Queue]:
    """A queue whose workers are threads, chosen as a later executor will be: by one entry."""
    monkeypatch.setitem(EXECUTORS, "threads", ThreadWorker)
    monkeypatch.setenv("S5_EXECUTOR", "threads")
    threads = torch.get_num_threads()
    made = Queue(limit=1)
    yield made
    made.close()
    torch.set_num_threads(threads)


def test_another_executor_is_one_entry(threaded):
    first, second = new(), new(Recipe(epochs=1, batch_size=500, device="cpu"))
    threaded.submit(first)
    threaded.submit(second)
    assert threaded.is_training(first.id) and threaded.place(second.id) == 1
    wait_for(lambda: first.log().epochs)
    assert [type(worker.handle) for worker in threaded.workers()] == [ThreadWorker]
    threaded.set_rate(first.id, 0.0123)
    wait_for(lambda: first.log().peak == 0.0123)
    threaded.stop(first.id)
    wait_for(lambda: second.log().end)
    assert isinstance(first.log().end, Stopped) and isinstance(second.log().end, Finished)
    threaded.submit(first)
    wait_for(lambda: threaded.is_training(first.id) and first.log().end is None)
    threaded.close()
    assert first.log().end == Stopped(len(first.checkpoint().history))
    assert threaded.workers() == []


def test_an_unknown_executor_is_refused(monkeypatch):
    monkeypatch.setenv("S5_EXECUTOR", "cluster")
    with pytest.raises(ExecutorError, match="S5_EXECUTOR is 'cluster', but must be one of: local, ray"):
        Queue(limit=1)


def test_a_limit_that_is_none_is_refused(monkeypatch):
    monkeypatch.setenv("S5_JOBS", "1001")
    with pytest.raises(
        ConfigurationError, match="S5_JOBS is 1,001, but must be at least 0 and at most 1,000"
    ):
        Queue()


def test_a_system_without_signals_tells_how_a_worker_ended():
    """As Windows, whose module `signal` has no SIGKILL."""
    code = "import signal; del signal.SIGKILL; from s5core.runs.executor import _trouble; print(_trouble(1))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert "exit code 1" in found.stdout, found.stderr
