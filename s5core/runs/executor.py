"""Executors: where the workers of the queue run.

An executor starts a worker and returns a handle, through which the queue sends its orders. A new kind
of executor is one callable of that form and one entry in `EXECUTORS`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Protocol

from s5core import configuration
from s5core.errors import UserError
from s5core.files import ROOT
from s5core.runs.messages import Answer, Ended, Order, from_line, to_line

Hear = Callable[[Answer], None]


class ExecutorError(UserError):
    """A name that no executor has."""


class Handle(Protocol):
    """A worker that was started, as the queue sees it. Only `wait` waits for the worker."""

    def order(self, order: Order) -> None:
        """Send an order. One that reaches no worker, because it has just ended, is lost."""

    def close(self) -> None:
        """Tell the worker to quit: it stops between two batches and ends."""

    def wait(self, timeout: float) -> None:
        """Wait until a closed worker has ended; after `timeout` seconds, end it by force."""


class Executor(Protocol):
    """Starts workers, each of which does what `worker.Worker.serve` does."""

    def __call__(self, hear: Hear) -> Handle:
        """Start a worker. `hear` is to be called with each of its answers, `Ended` last, and never
        from the thread that calls the executor or the handle."""


class Process:
    """The executor `local`: a process on this machine, which ends when this process ends."""

    def __init__(self, hear: Hear) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "s5core.runs.worker"],
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",  # whatever the system's own code page is
            start_new_session=True,  # a Ctrl-C in the server's terminal is not meant for the worker
        )
        threading.Thread(target=self._listen, args=(hear,), daemon=True).start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def _listen(self, hear: Hear) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with contextlib.suppress(ValueError):  # the half of a line that a killed worker has left
                hear(from_line(line))
        hear(Ended(_trouble(self._process.wait())))

    def order(self, order: Order) -> None:
        """Send an order through the pipe."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # the process has ended, or the pipe is closed
            self._process.stdin.write(to_line(order))
            self._process.stdin.flush()

    def close(self) -> None:
        """Close the pipe, which tells the process to quit."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):
            self._process.stdin.close()

    def wait(self, timeout: float) -> None:
        """Wait for the end of the process, and kill it after `timeout` seconds."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _trouble(code: int) -> str:
    """Why a worker has ended, by its exit code, in a sentence; empty where it was told to."""
    if code == 0:
        return ""
    if code == -signal.SIGKILL:
        return (
            "The system ended the worker (SIGKILL), perhaps because memory ran out: lower the batch size, "
            "or train fewer runs at the same time."
        )
    return f"The worker broke down with exit code {code}; the server's log says why."


EXECUTORS: dict[str, Executor] = {"local": Process}


def default_executor() -> Executor:
    """The executor that `$S5_EXECUTOR` names; `local` where it is not set.

    Raises ExecutorError for a name that none has.
    """
    name = configuration.value("executor")
    if name not in EXECUTORS:
        raise ExecutorError(f"S5_EXECUTOR is {name!r}, but must be one of: {', '.join(EXECUTORS)}.")
    return EXECUTORS[name]
