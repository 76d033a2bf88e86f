import json

from s5core.worker import EventLog


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
