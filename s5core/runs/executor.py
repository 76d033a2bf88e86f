"""Executors: where the workers of the queue run.

An executor starts a worker and returns a handle, through which the queue sends its orders. A new kind
of executor is one callable of that form and one entry in `EXECUTORS`.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable
from itertools import count
from typing import Protocol

from s5core import child, configuration
from s5core.errors import UserError
from s5core.runs.messages import Answer, Begin, Ended, Order, Quit, from_line, to_line

KILLED = getattr(signal, "SIGKILL", 9)  # Windows has no such signal
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


class Child:
    """A process on this machine that takes orders and gives answers in lines. It ends when its stdin does,
    and so with this process."""

    def __init__(self, module: str) -> None:
        self._process = child.start(module)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def listen(self, take: Callable[[str], None], end: Callable[[str], None]) -> None:
        """Call `take` in another thread with each line of the process, and then `end` with why it ended."""

        def read() -> None:
            assert self._process.stdout is not None
            for line in self._process.stdout:
                with contextlib.suppress(ValueError):  # the half of a line that a killed worker has left
                    take(line)
            end(_trouble(self._process.wait()))

        threading.Thread(target=read, daemon=True).start()

    def send(self, line: str) -> None:
        """Write a line into the pipe."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # the process has ended, or the pipe is closed
            self._process.stdin.write(line)
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


class Process(Child):
    """The executor `local`: a process on this machine."""

    def __init__(self, hear: Hear) -> None:
        super().__init__("s5core.runs.worker")
        self.listen(lambda line: hear(from_line(line)), lambda trouble: hear(Ended(trouble)))

    def order(self, order: Order) -> None:
        """Send an order through the pipe."""
        self.send(to_line(order))


class Bridge(Child):
    """The process through which a server reaches a Ray cluster (see `cluster`). All workers there share it,
    so that each line begins with a worker's number."""

    def __init__(self) -> None:
        super().__init__("s5core.runs.cluster")
        self._lock = threading.Lock()
        self._hear: dict[int, Hear] = {}  # of the workers that have not ended
        self._open: set[int] = set()  # workers that have not been told to quit
        self._ended: Ended | None = None
        self.listen(self._take, self._end)

    def add(self, number: int, hear: Hear) -> None:
        """Begin a worker."""
        with self._lock:
            if self._ended is None:
                self._hear[number] = hear
                self._open.add(number)
                self.send(f"{number} {to_line(Begin())}")
                return
        threading.Thread(target=hear, args=(self._ended,), daemon=True).start()

    def order(self, number: int, order: Order) -> None:
        """Send a worker an order."""
        with self._lock:  # whole lines, whoever sends them
            self.send(f"{number} {to_line(order)}")

    def leave(self, number: int) -> None:
        """Tell a worker to quit, and with the last one the process."""
        self.order(number, Quit())
        with self._lock:
            self._open.discard(number)
            if not self._open:
                self.close()

    @property
    def closed(self) -> bool:
        """Whether it takes no more workers."""
        return self._ended is not None or not self._open

    def _take(self, line: str) -> None:
        number, _, message = line.partition(" ")
        self._pass_on(int(number), from_line(message))

    def _end(self, trouble: str) -> None:
        with self._lock:
            self._ended = Ended(trouble)
            left = list(self._hear)
        for number in left:
            self._pass_on(number, self._ended)

    def _pass_on(self, number: int, answer: Answer) -> None:
        with self._lock:
            hear = self._hear.get(number)
            if isinstance(answer, Ended):
                self._hear.pop(number, None)
                self._open.discard(number)
        if hear is not None:
            hear(answer)


class Remote:
    """A worker on a Ray cluster."""

    def __init__(self, bridge: Bridge, number: int, hear: Hear) -> None:
        self._bridge, self._number = bridge, number
        self._ended = threading.Event()

        def take(answer: Answer) -> None:
            hear(answer)
            if isinstance(answer, Ended):
                self._ended.set()

        bridge.add(number, take)

    def order(self, order: Order) -> None:
        """Send an order by way of the bridge."""
        self._bridge.order(self._number, order)

    def close(self) -> None:
        """Send Quit."""
        self._bridge.leave(self._number)

    def wait(self, timeout: float) -> None:
        """Wait for the worker's end; after `timeout` seconds, end the bridge: without it there is none."""
        if not self._ended.wait(timeout):
            self._bridge.wait(0)


class Cluster:
    """The executor `ray`: workers on the machines of a cluster."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = count(1)
        self._bridge: Bridge | None = None

    def __call__(self, hear: Hear) -> Remote:
        """Start a worker, through a new bridge where there is none at work."""
        with self._lock:
            if self._bridge is None or self._bridge.closed:
                self._bridge = Bridge()
            return Remote(self._bridge, next(self._numbers), hear)


def _trouble(code: int) -> str:
    """Why a worker has ended, by its exit code, in a sentence; empty where it was told to."""
    if code == 0:
        return ""
    if code == -KILLED:
        return (
            "The system ended the worker (SIGKILL), perhaps because memory ran out: lower the batch size, "
            "or train fewer runs at the same time."
        )
    return f"The worker broke down with exit code {code}; the server's log says why."


EXECUTORS: dict[str, Executor] = {"local": Process, "ray": Cluster()}


def default_executor() -> Executor:
    """The executor that `$S5_EXECUTOR` names; `local` where it is not set.

    Raises ExecutorError for a name that none has.
    """
    name = configuration.value("executor")
    if name not in EXECUTORS:
        raise ExecutorError(f"S5_EXECUTOR is {name!r}, but must be one of: {', '.join(EXECUTORS)}.")
    return EXECUTORS[name]
