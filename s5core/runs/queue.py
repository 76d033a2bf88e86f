"""The queue: which run trains when, and on which worker.

One `Jobs` a server. It keeps warm workers in reserve, so that a run starts at once, and
never trains more than `limit` runs side by side; the others wait in line.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from s5core.device import cores
from s5core.errors import UserError
from s5core.files import ROOT
from s5core.runs.folder import Run


class JobsError(UserError):
    """A setting of the queue that cannot be."""


def default_limit() -> int:
    """Runs side by side: `$S5_JOBS`, or two. Raises JobsError unless it is a number from 1 on."""
    wanted = os.environ.get("S5_JOBS") or "2"
    if not wanted.isdecimal() or int(wanted) < 1:
        raise JobsError(f"S5_JOBS is {wanted!r}, but must be a whole number from 1 on.")
    return int(wanted)


class Process:
    """A worker process and the run that it trains, if any."""

    def __init__(self, on_message: Callable[[Process, dict[str, Any] | None], None]) -> None:
        self.run: Run | None = None
        self.threads = 0  # that the run was given
        self.ready = False
        self._process = subprocess.Popen(
            [sys.executable, "-m", "s5core.runs.worker"],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C in the server's terminal is not meant for it
        )
        self._on_message = on_message
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._on_message(self, json.loads(line))
        self._process.wait()
        self._on_message(self, None)

    def order(self, **order: Any) -> None:
        """Send an order; one to a process that has just ended is lost, as it should be."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """End the process: it stops between two batches."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.close()

    def wait(self, timeout: float) -> None:
        """Wait for the end of a closed process, and kill it after `timeout` seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Jobs:
    """Runs in training and in line. All methods may be called from any thread."""

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit or default_limit()
        self._lock = threading.RLock()
        self._processes: list[Process] = []
        self._waiting: list[Run] = []
        self._closed = False
        with self._lock:
            self._schedule()

    def submit(self, run: Run) -> None:
        """Train a run, or train it on, as soon as there is room. Again is once."""
        with self._lock:
            if not self.is_active(run.id):
                self._waiting.append(run)
                self._schedule()

    def stop(self, id: str) -> None:
        """Take a run out of the line, or stop its training; finished epochs are kept."""
        with self._lock:
            self._waiting = [run for run in self._waiting if run.id != id]
            if process := self._process_of(id):
                process.order(order="stop")

    def set_rate(self, id: str, rate: float) -> None:
        """Give a run in training another peak learning rate, from its next batch on."""
        with self._lock:
            if process := self._process_of(id):
                process.order(order="rate", value=rate)

    def is_training(self, id: str) -> bool:
        """Whether a worker has the run."""
        with self._lock:
            return self._process_of(id) is not None

    def place(self, id: str) -> int | None:
        """Place in the line, from 1; None for a run that is not waiting."""
        with self._lock:
            ids = [run.id for run in self._waiting]
            return ids.index(id) + 1 if id in ids else None

    def is_active(self, id: str) -> bool:
        """Whether the run is training or waiting."""
        return self.is_training(id) or self.place(id) is not None

    def training(self) -> list[Run]:
        """The runs in training."""
        with self._lock:
            return [process.run for process in self._processes if process.run is not None]

    def close(self, timeout: float = 10) -> None:
        """End all workers; their runs can be resumed."""
        with self._lock:
            self._closed = True
            processes = list(self._processes)
            for process in processes:
                process.close()
        for process in processes:
            process.wait(timeout)

    def _process_of(self, id: str) -> Process | None:
        return next((p for p in self._processes if p.run is not None and p.run.id == id), None)

    def _schedule(self) -> None:
        """Give waiting runs to idle workers, and keep workers in reserve."""
        if self._closed:
            return
        idle = [process for process in self._processes if process.run is None]
        begun = []
        while self._waiting and len(self.training()) < self.limit:
            process = next((p for p in idle if p.ready), None) or (idle[0] if idle else self._start())
            idle = [other for other in idle if other is not process]
            process.run = self._waiting.pop(0)
            begun.append(process)
        # The cores are shared among the runs: more threads than cores would wait for each other.
        share = max(1, cores() // max(1, len(self.training())))
        for process in self._processes:
            if process.run is None:
                continue
            if process in begun:
                process.order(order="train", run=str(process.run.folder.resolve()), threads=share)
            elif process.threads != share:
                process.order(order="threads", value=share)
            process.threads = share
        # Two while nothing trains: a worker that starts beside a run takes seconds of its cores.
        # One after the other, so that the first is soon ready.
        reserve = 1 if self.training() else 2
        starting = any(not process.ready for process in self._processes)
        if len(idle) < reserve and len(self._processes) < self.limit and not starting:
            self._start()

    def _give_up(self, run: Run | None) -> None:
        """A worker could not even start: another one would fare no better."""
        if self._closed:
            return  # it was not let
        doomed = [] if run is None else [run]
        if not self._processes:
            doomed += self._waiting
            self._waiting = []
        for run in doomed:
            run.fail("No worker could be started; the server's log says why.")

    def _start(self) -> Process:
        process = Process(self._heard)
        self._processes.append(process)
        return process

    def _heard(self, process: Process, message: dict[str, Any] | None) -> None:
        """A worker's answer; None when it has ended."""
        with self._lock:
            if message is None:
                self._processes.remove(process)
                if not process.ready:
                    self._give_up(process.run)
                    return
                process.run = None
            elif "ready" in message:
                process.ready = True
            elif "done" in message:
                process.run = None
            self._schedule()
