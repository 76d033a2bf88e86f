"""Workers on a Ray cluster: `python -m s5core.runs.cluster` connects a server with one.

The cluster's machines only train. A worker is a thread of this process and does what every worker does:
it hears orders and writes the run's log and checkpoints. The training itself is in an actor on some
machine, which sends its events back. Code and digits are sent along, so that the machines share no disk
with the server and need nothing but the packages in requirements.txt and requirements-cluster.txt.

When a machine is lost, the run goes on elsewhere after its last finished epoch. Ray itself could only
begin the whole task again, so that it is told to try nothing twice.

It is a process of its own, because Ray ends a process whose cluster is lost; that must not be the server.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import logging
import os
import queue
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import ray
from ray.exceptions import OutOfMemoryError, RayError, RayTaskError

from s5core import configuration, speed
from s5core.child import take_stdout
from s5core.data import Digits
from s5core.errors import UserError
from s5core.events import Epoch, Progress, State, TrainingEvent
from s5core.files import ROOT
from s5core.layers import Network
from s5core.memory import keep_freed_memory
from s5core.recipe import Recipe, Split
from s5core.runs.messages import Answer, Begin, Ended, Order, Quit, Room, from_line, to_line
from s5core.runs.worker import Shelf, Worker
from s5core.train import train

LOOK = 0.1  # seconds from one look for orders to the next, while nothing comes from the cluster
LOSSES = 3  # times that a run goes on elsewhere without having finished another epoch
REACH = 60.0  # seconds in which a cluster that is just starting is tried again
GRACE = 4.0  # seconds for the workers to write their last event
ROOM = 2.0  # seconds from one look at the cluster's size to the next


class ClusterError(UserError):
    """The cluster cannot be used, or has lost a run too often; the message says why."""


class Trainer:
    """An actor that trains one run on a machine of the cluster, and hears a new rate meanwhile, in another
    thread. A run has one of its own: the cores that it holds are free as soon as the run has ended."""

    def __init__(self) -> None:
        """Ray has told torch how many threads to use: as many as the actor has cores."""
        keep_freed_memory()
        self._rate: float | None = None

    def train(
        self, layers: Network, recipe: Recipe, digits: Digits, resume: State | None
    ) -> Generator[TrainingEvent]:
        """The events of the training."""
        events = train(layers, recipe, digits, resume)
        event: TrainingEvent | None = None
        with contextlib.suppress(StopIteration):
            while True:
                rate = None
                if isinstance(event, Progress):  # a rate is heard only there
                    rate, self._rate = self._rate, None
                event = events.send(rate)
                yield event

    def set_rate(self, rate: float) -> None:
        """Use another peak learning rate, from the next batch on."""
        self._rate = rate


class Link:
    """The connection of this process with the cluster. Workers share it, and the digits that were sent."""

    def __init__(self) -> None:
        self.cpus: int = configuration.value("ray_cpus")
        self.gpus: float = configuration.value("ray_gpus")
        self.shelf = Shelf()
        self._lock = threading.Lock()
        self._sent: dict[Split, tuple[Digits, Any]] = {}
        self._measured: Any = None

    def connect(self) -> None:
        """Connect with the cluster, once. Raises ClusterError when it cannot be reached."""
        with self._lock:
            if ray.is_initialized():
                return
            address = os.environ.get("RAY_ADDRESS", "").strip()
            _wait_for(address)
            try:
                ray.init(
                    address,
                    runtime_env={"py_modules": [str(ROOT / "s5core")]},
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                )
            except (RayError, ConnectionError, RuntimeError, ValueError) as error:
                reason = str(error).strip().splitlines()[0]
                raise ClusterError(f"The Ray cluster at {address} cannot be used: {reason}") from error

    def send(self, digits: Digits, split: Split) -> Any:
        """A reference to digits that every machine of the cluster can have; they are sent once."""
        with self._lock:
            if split not in self._sent or self._sent[split][0] is not digits:
                self._sent[split] = digits, ray.put(digits)
            return self._sent[split][1]

    def hire(self) -> Any:
        """A new actor, on a machine that has room for it, now or later."""
        options = {"num_cpus": self.cpus, "num_gpus": self.gpus, "max_concurrency": 2}
        return ray.remote(Trainer).options(**options, max_restarts=0, max_task_retries=0).remote()

    def measure(self) -> Any:
        """A reference to what `speed.measure` finds on a machine, on the CPU; it is measured once. None where
        the runs are trained on a GPU. Raises UserError when there are no digits."""
        with self._lock:
            if self._measured is None and not self.gpus:
                digits = ray.put(self.shelf.digits("test"))
                task = ray.remote(speed.measure).options(num_cpus=self.cpus, max_retries=0)
                self._measured = task.remote(digits)
            return self._measured

    def room(self) -> int:
        """How many runs the cluster's machines can train at the same time, at least 1."""
        has: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        jobs = has.get("CPU", 0) // self.cpus
        if self.gpus:
            jobs = min(jobs, has.get("GPU", 0) * int(1 / self.gpus + 1e-9))  # 1 // 0.1 is 9
        return max(1, int(jobs))


def _wait_for(address: str) -> None:
    """Wait until something answers at an address. Raises ClusterError when nothing does in time: Ray
    itself would go on trying."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise ClusterError(
            f"RAY_ADDRESS is {address!r}, but must be the address of a Ray cluster, such as 10.0.0.5:6379."
        )
    deadline = time.monotonic() + REACH
    while True:
        try:
            return socket.create_connection((host, int(port)), timeout=5).close()
        except (OSError, OverflowError) as error:
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"No Ray cluster answers at {address}: start it with `ray start --head`, then go on "
                    "with the run."
                ) from error
            time.sleep(1)


class RemoteWorker(Worker):
    """A worker whose runs are trained on the cluster."""

    def __init__(self, orders: queue.Queue[Order], link: Link) -> None:
        super().__init__(orders, link.shelf)
        self._link = link

    def warm_up(self) -> float | None:
        """Connect. Returns the speed of a machine, unless an order comes before it is known."""
        self._link.connect()
        with contextlib.suppress(UserError, RayError):  # a run will say what is wrong
            measured = self._link.measure()
            while measured is not None and self.orders.empty():
                if ray.wait([measured], timeout=LOOK)[0]:
                    unit: float = ray.get(measured)
                    return unit
        return None

    def events(
        self, layers: Network, recipe: Recipe, digits: Digits, resume: State | None
    ) -> Generator[TrainingEvent | None, float | None, None]:
        """The events of a training on the cluster, and None while nothing comes from there. Where a machine
        is lost, they go on from the last epoch, with another Started. Raises ClusterError when that has
        happened too often, and else what `train` raises."""
        sent = self._link.send(digits, recipe.split)
        losses = 0
        while True:
            trainer = self._link.hire()
            try:
                stream = trainer.train.options(num_returns="streaming").remote(layers, recipe, sent, resume)
                while True:
                    arrived = ray.wait([stream], timeout=LOOK)[0]
                    event = ray.get(next(stream)) if arrived else None
                    rate = yield event
                    if isinstance(event, Epoch):
                        resume, losses = event.state, 0
                    if rate is not None:
                        trainer.set_rate.remote(rate)
                        recipe = recipe.replace(learning_rate=rate)
                        resume = resume and dataclasses.replace(resume, peak=rate)
            except StopIteration:
                return
            except RayTaskError as error:  # of `train` itself
                raise _cause(error) from None
            except RayError as error:
                losses += 1
                if losses > LOSSES:
                    raise _loss(error) from error
                print(f"A run goes on from its last epoch: {_first_line(error)}", file=sys.stderr)
            finally:  # at an order to stop, too, in the middle of a batch
                with contextlib.suppress(RayError):
                    ray.kill(trainer)


def _cause(error: RayTaskError) -> Exception:
    """What was raised on the machine."""
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, Exception) else error


def _loss(error: RayError) -> Exception:
    if isinstance(error, OutOfMemoryError):
        return MemoryError()
    return ClusterError(
        f"The machine that trained this run was lost, and so were {LOSSES} more after it "
        f"({_first_line(error)}). The finished epochs are kept."
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]


def serve(orders: queue.Queue[Order], link: Link, answer: Callable[[Answer], None]) -> None:
    """Be one of the workers, until Quit."""
    trouble = ""
    try:
        RemoteWorker(orders, link).serve(answer)
    except UserError as error:
        trouble = str(error)
    except Exception as error:
        traceback.print_exception(error)
        trouble = f"The connection with the cluster broke down ({_first_line(error)})."
    answer(Ended(trouble))


def watch_room(link: Link, answer: Callable[[Answer], None]) -> None:
    """Tell how much room the cluster has, whenever that changes."""
    told = 0
    while True:
        with contextlib.suppress(RayError):
            if ray.is_initialized() and (jobs := link.room()) != told:
                answer(Room(jobs))
                told = jobs
        time.sleep(ROOM)


def main() -> None:
    """Serve the workers that are asked for, each in a thread, until stdin ends."""
    answers, lock = take_stdout(), threading.Lock()
    link = Link()
    orders: dict[int, queue.Queue[Order]] = {}
    threads: list[threading.Thread] = []

    def say(number: int, answer: Answer) -> None:
        with lock, contextlib.suppress(OSError):  # the server is gone
            answers.write(f"{number} {to_line(answer)}")
            answers.flush()

    def tell(room: Answer) -> None:
        for number in list(orders):  # one of them has not ended
            say(number, room)

    threading.Thread(target=watch_room, args=(link, tell), daemon=True).start()
    for line in io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8"):
        text, _, message = line.partition(" ")
        number, order = int(text), from_line(message)
        if isinstance(order, Begin):
            orders[number] = queue.Queue()
            given = orders[number], link, partial(say, number)
            thread = threading.Thread(target=serve, args=given, daemon=True)
            threads.append(thread)
            thread.start()
        else:
            orders[number].put(order)
    for each in orders.values():
        each.put(Quit())
    deadline = time.monotonic() + GRACE
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    os._exit(0)  # the cluster ends the actors of a process that is gone


if __name__ == "__main__":
    main()
