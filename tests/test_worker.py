import dataclasses
import queue
from typing import NoReturn

import pytest
import torch

from s5core import checkpoint, halves, speed
from s5core.events import Failed, Finished
from s5core.recipe import Recipe
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.runs.messages import Order, Quit, Rate, Stop, Threads
from s5core.runs.worker import Worker
from tests.helpers import TINY

pytestmark = pytest.mark.slow  # each test trains


@pytest.fixture
def home(monkeypatch) -> None:
    monkeypatch.setenv("S5_DATA_DIR", "")


def test_a_run_goes_on_with_as_many_threads_as_it_is_given(home, monkeypatch):
    monkeypatch.setenv("S5_THREADS", "4")
    run = folder.create("a run", "step5", TINY, Recipe(epochs=1, way="eager"))
    orders: queue.Queue[Order] = queue.Queue()
    orders.put(Threads(3))
    before = torch.get_num_threads()
    Worker(orders).train(run)
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == 3 and len(run.log().epochs) == 1


def test_a_worker_uses_no_more_threads_than_the_setting_says(home, monkeypatch):
    monkeypatch.setenv("S5_THREADS", "2")
    orders: queue.Queue[Order] = queue.Queue()
    worker = Worker(orders)
    orders.put(Threads(3))
    before = torch.get_num_threads()
    worker.train(folder.create("a run", "step5", TINY, Recipe(epochs=1, way="eager")))
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == 2


def test_a_worker_starts_where_no_process_can_help_it(home, monkeypatch):
    def fail() -> NoReturn:
        raise OSError("no processes are left")

    monkeypatch.setenv("S5_THREADS", "2")
    monkeypatch.setattr(halves, "prepare", fail)
    monkeypatch.setattr(speed, "measure", lambda _: 1e-6)
    before = torch.get_num_threads()
    assert Worker(queue.Queue()).warm_up() == 1e-6
    used = torch.get_num_threads()
    torch.set_num_threads(before)
    assert used == 2


class Late(queue.Queue[Order]):
    """Orders that come once the log has this many lines of an event."""

    def __init__(self, run: Run, event: str, lines: int, *orders: Order) -> None:
        super().__init__()
        self.run, self.event, self.lines, self.late = run, event, lines, list(orders)

    def empty(self) -> bool:
        if self.late and self.run.events_path.read_text().count(f'"event": "{self.event}"') == self.lines:
            for order in self.late:
                self.put(order)
            self.late = []
        return super().empty()


@pytest.mark.parametrize("order", [Stop(), Quit()])
def test_a_run_that_is_stopped_after_its_last_epoch_is_finished(home, order):
    run = folder.create("a run", "step5", TINY, Recipe(epochs=2))
    worker = Worker(Late(run, "epoch", 2, order))
    assert worker.train(run) == "" and worker.quits == isinstance(order, Quit)
    assert isinstance(run.log().end, Finished) and run.checkpoint().state is None


def test_a_worker_killed_after_its_last_epoch_has_finished_the_run(home):
    run = folder.create("a run", "step5", TINY, Recipe(epochs=1))
    Worker(queue.Queue()).train(run)
    end, trained = run.log().end, run.model_path.read_bytes()
    lines = run.events_path.read_text().splitlines(keepends=True)
    run.events_path.write_text("".join(lines[:-1]))
    assert run.log().end is None
    Worker(queue.Queue()).train(run)
    assert run.log().end == end and run.model_path.read_bytes() == trained


def test_a_rate_that_comes_between_two_epochs_counts_in_the_next(home):
    run = folder.create("a run", "step5", TINY, Recipe(epochs=2, schedule="constant", learning_rate=0.1))
    Worker(Late(run, "epoch", 1, Rate(0.01))).train(run)
    assert [metrics.learning_rate for metrics in run.log().epochs] == [0.1, 0.01]
    assert run.log().peak == 0.01


@pytest.mark.parametrize(("event", "kept"), [("progress", 0), ("epoch", 1)])
def test_a_rate_that_was_changed_in_a_lost_epoch_counts_when_the_run_goes_on(home, event, kept):
    run = folder.create("a run", "step5", TINY, Recipe(epochs=2, schedule="constant", learning_rate=0.1))
    Worker(Late(run, event, 1, Rate(0.01), Stop())).train(run)
    assert len(run.log().epochs) == kept and run.log().peak == 0.01
    Worker(queue.Queue()).train(run)
    log = run.log()
    assert isinstance(log.end, Finished) and log.peak == 0.01
    assert {past.learning_rate for past in log.progress if past.epoch > kept} == {0.01}
    assert run.checkpoint().recipe == run.recipe


def test_a_run_does_not_go_on_with_other_digits(home):
    run = folder.create("a run", "step5", TINY, Recipe(epochs=2))
    Worker(Late(run, "epoch", 1, Stop())).train(run)
    checkpoint.save(dataclasses.replace(run.checkpoint(), data="MNIST"), run.model_path)
    kept = run.model_path.read_bytes()
    Worker(queue.Queue()).train(run)
    assert isinstance(run.log().end, Failed) and "began with other digits" in run.log().end.message
    assert run.model_path.read_bytes() == kept
