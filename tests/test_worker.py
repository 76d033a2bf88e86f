import json
import queue

import torch

from s5core import runs
from s5core.layers import Conv, GlobalAvgPool, MaxPool
from s5core.recipe import Recipe
from s5core.worker import EventLog, Order, Worker


def test_a_run_goes_on_with_as_many_threads_as_it_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path))
    monkeypatch.setenv("S5_DATA_DIR", "")
    run = runs.create("a run", "step5", (Conv(4), MaxPool(4), Conv(10), GlobalAvgPool()), Recipe(epochs=1))
    orders: queue.Queue[Order] = queue.Queue()
    orders.put({"order": "threads", "value": 3})
    before = torch.get_num_threads()
    Worker(orders).train(run)
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == 3 and len(run.log().epochs) == 1


def test_what_a_killed_writer_left_unfinished_is_cut_off(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"event": "epoch"}\n{"event": "ba')
    log = EventLog(path)
    log.write({"event": "stopped", "epoch": 1})
    log.close()
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["epoch", "stopped"]


def test_each_line_can_be_read_at_once(tmp_path):
    path = tmp_path / "events.jsonl"
    log = EventLog(path)
    log.write({"event": "batch"})
    assert path.read_text() == '{"event": "batch"}\n'
    log.close()
