"""The queue: when each run is trained, and by which worker.

A server has one `Queue`. It keeps workers ready, so that a run begins at once, and trains at most
`limit` runs at the same time; the others wait in line (see `line` for whose turn it is).
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, replace

from s5core import configuration
from s5core.device import cores
from s5core.runs import line
from s5core.runs.executor import Executor, Handle, default_executor
from s5core.runs.folder import Run, RunError
from s5core.runs.line import Entry
from s5core.runs.messages import Answer, Done, Ended, Rate, Ready, Room, Stop, Threads, Train

IDLE = 0.5  # seconds that a worker without a run has to end, even one that is still loading what it needs
JOBS = 2  # runs at the same time, where neither a setting nor the executor says how many


@dataclass(eq=False)
class Slot:
    """A worker and what it does."""

    handle: Handle
    entry: Entry | None = None  # the run in training; None while the worker is free
    threads: int = 0  # that the last run was given
    ready: bool = False  # whether it has loaded what it needs

    @property
    def run(self) -> Run | None:
        """The run in training."""
        return self.entry.run if self.entry else None


class Queue:
    """Runs in training and in line. All methods may be called from any thread."""

    def __init__(self, limit: int | None = None, executor: Executor | None = None) -> None:
        """`limit`: how many runs train at the same time; `executor`: what starts the workers. The
        environment says what is not given here; for a bad value there, raises UserError."""
        self._fixed: int = limit or configuration.value("jobs")  # 0: the executor may say
        self.limit = self._fixed or JOBS
        self._executor = executor or default_executor()
        self._lock = threading.RLock()
        self._slots: list[Slot] = []
        self._waiting: list[Entry] = []  # in turn
        self._closed = False
        self._paused = False
        self._claim = line.Claim()
        self._troubles: dict[str, str] = {}
        self.unit: float | None = None  # what `speed.measure` found here; None until a worker is ready
        with self._lock:
            self._schedule()

    def submit(self, run: Run) -> None:
        """Train a run, or go on with it, as soon as it is its turn. A run that is already in training or
        in line stays as it is."""
        with self._lock:
            if not self.is_active(run.id):
                self._troubles.pop(run.id, None)
                self._take_in(Entry(run, time.time()))
                self._schedule()

    def restore(self) -> None:
        """Go on with the line that an earlier server left behind when it came to its end. While another
        server is at work on the same folder of runs, the line there is that server's."""
        with self._lock:
            if not self._claim.acquire():
                return
            for entry in line.kept():
                if not self.is_active(entry.run.id):
                    self._take_in(entry)
            self._schedule()

    def pause(self, paused: bool = True) -> None:
        """Begin no more runs until `pause(False)`. Those in training go on."""
        with self._lock:
            self._paused = paused
            self._schedule()

    @property
    def paused(self) -> bool:
        """Whether no run begins."""
        return self._paused

    def stop(self, id: str) -> None:
        """Take a run out of the line, or stop its training; its finished epochs are kept."""
        with self._lock:
            for entry in self._waiting:
                if entry.run.id == id:
                    line.forget(entry.run)
            self._waiting = [entry for entry in self._waiting if entry.run.id != id]
            if (slot := self._slot_of(id)) and slot.run:
                line.forget(slot.run)  # now: it is not to begin again when the server ends at this moment
                slot.handle.order(Stop())

    def set_rate(self, id: str, rate: float) -> None:
        """Give a run in training another peak learning rate, from its next batch on."""
        with self._lock:
            if slot := self._slot_of(id):
                slot.handle.order(Rate(rate))

    def is_training(self, id: str) -> bool:
        """Whether a worker has the run."""
        with self._lock:
            return self._slot_of(id) is not None

    def place(self, id: str) -> int | None:
        """Place in the line, from 1; None for a run that is not waiting."""
        ids = [run.id for run in self.waiting()]
        return ids.index(id) + 1 if id in ids else None

    def is_restored(self, id: str) -> bool:
        """Whether a run in line was left there by an earlier server."""
        with self._lock:
            return any(entry.run.id == id and entry.restored for entry in self._waiting)

    def count_waiting(self, owner: str) -> int:
        """How many runs of a person are in line."""
        with self._lock:
            return line.runs_of(self._waiting, owner)

    def is_active(self, id: str) -> bool:
        """Whether the run is in training or in line."""
        with self._lock:
            return self.is_training(id) or self.place(id) is not None

    def trouble(self, id: str) -> str:
        """Why the last attempt to train a run here failed, in a sentence; empty where it did not. The
        run's log says it too, unless that could not be written."""
        with self._lock:
            return self._troubles.get(id, "")

    def training(self) -> list[Run]:
        """The runs in training."""
        with self._lock:
            return [slot.run for slot in self._slots if slot.run is not None]

    def waiting(self) -> list[Run]:
        """The runs in line, the next one first."""
        with self._lock:
            return [entry.run for entry in self._waiting]

    def workers(self) -> list[Slot]:
        """The workers as they are at this moment, the oldest first; later changes do not show."""
        with self._lock:
            return [replace(slot) for slot in self._slots]

    def close(self, timeout: float = 10) -> None:
        """End all workers; the next server goes on with their runs, and with those in line. A worker
        that takes longer than `timeout` seconds is ended by force."""
        with self._lock:
            self._closed = True
            slots = sorted(self._slots, key=lambda slot: slot.run is None)
            for slot in slots:
                slot.handle.close()
        for slot in slots:  # those with a run first; the others have nothing to finish
            slot.handle.wait(timeout if slot.run else min(timeout, IDLE))
        self._claim.release()

    def _slot_of(self, id: str) -> Slot | None:
        return next((slot for slot in self._slots if slot.run is not None and slot.run.id == id), None)

    def _schedule(self) -> None:
        """Give waiting runs to free workers, and keep workers in reserve."""
        if self._closed:
            return
        # Free workers; those that are ready come first.
        free = sorted((slot for slot in self._slots if slot.run is None), key=lambda slot: not slot.ready)
        begun = []
        while self._waiting and len(self.training()) < self.limit and not self._paused:
            slot = free.pop(0) if free else self._start()
            slot.entry = replace(self._waiting.pop(0), begun=True)
            line.keep(slot.entry)
            begun.append(slot)
            self._sort()
        # The runs share the cores: with more threads than cores, threads would wait for each other.
        share = max(1, cores() // max(1, len(self.training())))
        for slot in self._slots:
            if slot.run is None:
                continue
            if slot in begun:
                slot.handle.order(Train(str(slot.run.folder.resolve()), share))
            elif slot.threads != share:
                slot.handle.order(Threads(share))
            slot.threads = share
        # In reserve: two while nothing trains, else one, because a worker that starts takes seconds of
        # the cores from the runs. They start one after the other, so that the first is ready soon.
        reserve = 1 if self.training() else 2
        starting = any(not slot.ready for slot in self._slots)
        if len(free) < reserve and len(self._slots) < self.limit and not starting:
            self._start()

    def _start(self) -> Slot:
        def hear(answer: Answer) -> None:
            with self._lock:  # which `_start` holds, so that no answer comes before there is a slot
                self._take(slot, answer)

        slot = Slot(self._executor(hear))
        self._slots.append(slot)
        return slot

    def _take(self, slot: Slot, answer: Answer) -> None:
        """Act on a worker's answer."""
        run = slot.run
        match answer:
            case Ready(unit):
                slot.ready = True
                if unit is not None:  # whatever else runs meanwhile only makes it larger
                    self.unit = unit if self.unit is None else min(unit, self.unit)
            case Room(jobs):
                self.limit = self._fixed or jobs
            case Done(trouble):
                self._note(run, trouble)
                self._release(slot)
            case Ended(trouble):
                self._note(run, trouble)
                self._slots.remove(slot)
                self._release(slot)
                if not slot.ready and not self._closed:
                    self._give_up(run, trouble)
                    return
        self._schedule()

    def _take_in(self, entry: Entry) -> None:
        """Put a run into the line."""
        line.keep(entry)
        self._waiting.append(entry)
        self._sort()

    def _sort(self) -> None:
        training = [slot.entry for slot in self._slots if slot.entry is not None]
        self._waiting = line.in_turn(self._waiting, training)

    def _release(self, slot: Slot) -> None:
        """A worker has left its run. The next run of that owner counts as started now."""
        entry, slot.entry = slot.entry, None
        if entry is None or self._closed:
            return  # after `close` the runs stay in line for the next server
        line.forget(entry.run)
        for i, other in enumerate(self._waiting):
            if other.owner == entry.owner and not other.begun:
                self._waiting[i] = replace(other, since=time.time())
                line.keep(self._waiting[i])
        self._sort()

    def _give_up(self, run: Run | None, trouble: str) -> None:
        """A worker could not start, and another one would fail in the same way: say so in the logs of
        its run and, if there is no worker left, of all that wait."""
        failed = [] if run is None else [run]
        if not self._slots:
            failed += self.waiting()
            self._waiting = []
        trouble = f"No worker could be started. {trouble}".strip()
        for each in failed:
            line.forget(each)
            self._note(each, trouble)
            with contextlib.suppress(OSError, RunError):
                each.fail(trouble)

    def _note(self, run: Run | None, trouble: str) -> None:
        """Keep why a run failed."""
        if run is not None and trouble:
            self._troubles[run.id] = trouble
