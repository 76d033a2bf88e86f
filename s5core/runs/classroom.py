"""What people may do with the runs of a server: the one place where permissions and limits are checked.

Pages start, stop and change runs through a `Classroom` and never directly, so that a button which a
browser should not show has no effect either. A method raises ClassroomError, with a sentence for the
person, before anything has changed.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import shutil
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from pathlib import Path

from s5core.checkpoint import Checkpoint
from s5core.configuration import Configuration, ConfigurationError, variable
from s5core.errors import UserError
from s5core.files import parse_json, read_bytes, write_atomically
from s5core.layers import Layer
from s5core.recipe import Recipe
from s5core.runs import folder, group, outcome, people, space
from s5core.runs.folder import Expectation, Run, RunError
from s5core.runs.people import Person
from s5core.runs.queue import Queue
from s5core.runs.space import Space
from s5core.summary import count_parameters
from s5core.words import count

LEAST_SECRET = 8  # characters of a teacher's secret
TRIES, TRIES_OF_ALL = 5, 30  # wrong secrets within WINDOW from one address, and from all
WINDOW = 60.0  # seconds
FRESH = 10.0  # seconds for which a measure of the disk space is used again
PATIENCE = 10.0  # seconds to wait until all runs have stopped


class ClassroomError(UserError):
    """Something that a person may not do, or not now; the message says why."""


class Classroom:
    """The people of a server and its queue. All methods may be called from any thread."""

    def __init__(self, queue: Queue, configuration: Configuration) -> None:
        """Raises ConfigurationError for a teacher's secret that is easy to guess."""
        self.queue = queue
        self.limits = configuration
        self._secret = configuration.teacher_secret.encode()
        if self._secret and len(configuration.teacher_secret) < LEAST_SECRET:
            raise ConfigurationError(
                f"{variable('teacher_secret')} could be guessed: it has fewer than {LEAST_SECRET} characters."
            )
        self._lock = threading.Lock()  # over the people
        self._changes = threading.RLock()  # over the runs: two changes at once could pass a limit together
        self._present: Counter[str] = Counter()  # open pages by the person's id
        self._teachers: set[str] = set()
        self._wrong: deque[tuple[float, str]] = deque(maxlen=TRIES_OF_ALL)  # when, and from which address
        self._space: tuple[float, Space] | None = None  # when it was measured
        self._announced: set[str] = set()  # ids of runs that will go when the disk is full
        self.locked = False  # whether only teachers may change anything
        self._read_state()

    def close(self) -> None:
        """End the workers; the next server goes on with their runs."""
        self.queue.close()

    # The people

    def enter(self, id: str) -> None:
        """A person has opened a page."""
        with self._lock:
            self._present[id] += 1

    def leave(self, id: str) -> None:
        """A person has closed a page."""
        with self._lock:
            self._present[id] -= 1
            self._present += Counter()  # without those that have none

    def person(self, id: str, is_local: bool) -> Person:
        """A person and what they may change now. `is_local`: whether they sit at the server's machine.

        Who is alone there may do everything. Where there is a teacher's secret there is a class, and
        nobody counts as alone.
        """
        with self._lock:
            is_alone = is_local and not self._secret and not self._present.keys() - {id}
            return Person(id, id in self._teachers, is_alone)

    @property
    def has_secret(self) -> bool:
        """Whether somebody can become a teacher."""
        return bool(self._secret)

    def admit(self, person: Person, secret: str, address: str) -> None:
        """Make a person a teacher who knows the secret. `address`: of their machine.

        Raises ClassroomError for a wrong secret, and for any after too many wrong ones.
        """
        if not self._secret:
            raise ClassroomError(f"Nobody can be a teacher here: {variable('teacher_secret')} is not set.")
        with self._lock:
            now = time.monotonic()
            recent = [origin for when, origin in self._wrong if now - when < WINDOW]
            if recent.count(address) >= TRIES or len(recent) >= TRIES_OF_ALL:
                raise ClassroomError(f"There were too many wrong secrets. Try again in {WINDOW:.0f} seconds.")
            if not hmac.compare_digest(secret.encode(), self._secret):
                self._wrong.append((now, address))
                raise ClassroomError("This is not the teacher's secret.")
            self._teachers.add(person.id)

    def dismiss(self, person: Person) -> None:
        """A teacher wants to be one no more."""
        with self._lock:
            self._teachers.discard(person.id)

    # Runs

    def start(
        self,
        person: Person,
        title: str,
        step: str,
        layers: Sequence[Layer],
        recipe: Recipe,
        design: str = "",
        expected: Expectation | None = None,
    ) -> Run:
        """Make a run and put it in line; see `folder.create`. Raises OSError when it cannot be written."""
        with self._changes:
            self._require_unlocked(person)
            return self._start(title, step, layers, recipe, person.id, design, expected)

    def _start(
        self,
        title: str,
        step: str,
        layers: Sequence[Layer],
        recipe: Recipe,
        owner: str,
        design: str = "",
        expected: Expectation | None = None,
    ) -> Run:
        self._require_turn(owner)
        self._require_size(layers, recipe)
        self._require_room(space.needed(layers))
        run = folder.create(title, step, layers, recipe, owner, design, expected)
        self.queue.submit(run)
        return run

    def save(self, person: Person, step: str, layers: Sequence[Layer], recipe: Recipe, design: str) -> Run:
        """Keep a network of this name as a run that is not started yet; see `folder.create`. Raises OSError
        like `start`."""
        with self._changes:
            self._require_unlocked(person)
            own = [run for run in folder.list_runs() if run.owner == person.id and run.design]
            saved = sum(
                outcome.of(run).state == "not started" and not self.queue.is_active(run.id) for run in own
            )
            if saved >= self.limits.designs:
                raise ClassroomError(
                    f"You have saved {count(saved, 'design')} that you have not trained, and more are not "
                    f"allowed here ({variable('designs')}). Delete one first, on the page Runs."
                )
            self._require_size(layers, recipe)
            self._require_room(space.needed(layers))
            return folder.create(design, step, layers, recipe, person.id, design)

    def repeat(self, person: Person, id: str, seeds: int) -> None:
        """Train the network of a run with its recipe again, so often that its group has `seeds` runs. They
        are its owner's, and each takes its own turn in line.

        As many begin as its owner may have in line. Raises ClassroomError where that is not all of them:
        whoever repeats the run again later starts the others. Raises OSError like `start`.
        """
        with self._changes:
            run = self._require(person, id)
            if reason := group.why_alone(run):
                raise ClassroomError(reason)
            found = group.of(run)
            missing = found.missing_seeds(seeds)
            for done, seed in enumerate(missing):
                recipe = run.recipe.replace(seed=seed)
                try:
                    self._start(
                        f"{found.title}, seed {seed}", run.step, run.layers, recipe, run.owner, run.design
                    )
                except ClassroomError as error:
                    if not done:
                        raise
                    raise ClassroomError(
                        f"{done} of {count(len(missing), 'run')} are in line. {error} Then repeat again for "
                        "the others."
                    ) from None

    def adopt(self, person: Person, made: Checkpoint, step: str, title: str) -> Run:
        """Keep an uploaded checkpoint as a run; see `folder.adopt`. Raises OSError like `start`."""
        with self._changes:
            self._require_unlocked(person)
            own = [run for run in folder.list_runs() if run.owner == person.id]
            opened = sum(outcome.of(run).state == "opened from a file" for run in own)
            if opened >= self.limits.uploads:
                raise ClassroomError(
                    f"You have opened {count(opened, 'checkpoint')}, and more are not allowed here "
                    f"({variable('uploads')}). Delete one first."
                )
            self._require_room(space.needed(made.layers))
            return folder.adopt(made, step, title, person.id)

    def resume(self, person: Person, id: str) -> None:
        """Put a run in line again."""
        with self._changes:
            run = self._require(person, id)
            if not self.queue.is_active(id):
                self._require_turn(run.owner)
                self._require_size(run.layers, run.recipe)
                self.queue.submit(run)

    def stop(self, person: Person, id: str) -> None:
        """Stop a run, or take it out of the line."""
        self._require(person, id)
        self.queue.stop(id)

    def set_rate(self, person: Person, id: str, rate: float) -> None:
        """Give a run in training another peak learning rate. Raises RecipeError for one out of range."""
        run = self._require(person, id)
        self.queue.set_rate(id, run.recipe.replace(learning_rate=rate).learning_rate)

    def rename(self, person: Person, id: str, name: str) -> None:
        """Give a run another name; see `folder.rename`. Raises OSError when it cannot be written."""
        folder.rename(self._require(person, id), name)

    def pin(self, person: Person, ids: Iterable[str], pinned: bool) -> None:
        """Pin runs, or unpin them. Raises OSError when that cannot be written."""
        for run in [self._require(person, id) for id in ids]:
            folder.pin(run, pinned)

    def share(self, person: Person, ids: Iterable[str], shared: bool) -> None:
        """Show runs on the board, or take them off. Raises OSError when that cannot be written."""
        for run in [self._require(person, id) for id in ids]:
            folder.share(run, shared)

    def open_test(self, person: Person, id: str) -> None:
        """Open the test accuracy of a run that is validated on held-out digits; see `folder.open_test`.
        Raises OSError when that cannot be written."""
        run = self._require(person, id)
        if outcome.of(run).state != "finished":
            raise ClassroomError("Only the test accuracy of a finished run can be opened.")
        folder.open_test(run)

    def delete(self, person: Person, ids: Sequence[str]) -> None:
        """Move runs to the trash. Raises OSError when a folder cannot be moved."""
        with self._changes:
            for id in ids:
                with contextlib.suppress(RunError):  # somebody else has deleted it
                    self._require(person, id)
            if any(map(self.queue.is_active, ids)):  # somebody has resumed it in another browser
                raise ClassroomError(
                    "One of these runs is training or waiting. Stop it first, on the page Train."
                )
            folder.delete(ids)

    def restore(self, person: Person, ids: Sequence[str]) -> None:
        """Bring deleted runs back. Raises OSError when a folder cannot be moved."""
        with self._changes:
            for id in ids:
                self._check(person, folder.open_deleted(id))
            folder.restore(ids)

    # The disk

    def space(self) -> Space:
        """How much of the disk the runs take, as it was within the last ten seconds. Whoever shows it
        announces which runs will go."""
        with self._changes:
            now = time.monotonic()
            if self._space is None or now - self._space[0] > FRESH:
                self._space = now, space.measure(self.limits.disk, self.queue.is_active)
            found = self._space[1]
            self._announced = {run.id for run in found.next}
            return found

    def _require_room(self, bytes: int) -> None:
        announced = self._announced
        self._space = None
        found = self.space()
        if found.used + bytes <= found.limit:
            return
        if not space.make_room(found, bytes, [run for run in found.next if run.id in announced]):
            names = ", ".join(run.title for run in found.next[:3])
            next = f" Next time the oldest will go: {names}. Pin what you want to keep." if names else ""
            raise ClassroomError(
                f"The runs take all of the {self.limits.disk:g} GB that they may ({variable('disk')}). "
                f"Delete some on the page Runs.{next}"
            )

    # The teacher

    def pause(self, person: Person, paused: bool) -> None:
        """Let no run begin, or let them begin again."""
        self._require_teacher(person)
        self.queue.pause(paused)
        self._write_state()

    def lock(self, person: Person, locked: bool) -> None:
        """Let only teachers start and change runs, or everybody again."""
        self._require_teacher(person)
        self.locked = locked
        self._write_state()

    def clear(self, person: Person) -> int:
        """Stop and remove all runs of those who are no teachers, the trash too, and forget their
        nicknames. It cannot be undone. Returns how many runs there were. Raises OSError when one of them
        cannot be removed."""
        self._require_teacher(person)
        found = [run for run in folder.list_runs() if run.owner and run.owner not in self._teachers]
        for run in found:
            self.queue.stop(run.id)
        deadline = time.monotonic() + PATIENCE
        while any(self.queue.is_active(run.id) for run in found) and time.monotonic() < deadline:
            time.sleep(0.05)
        for run in found:
            shutil.rmtree(run.folder, ignore_errors=True)
        shutil.rmtree(folder.home() / folder.TRASH, ignore_errors=True)
        people.forget_nicknames(frozenset(self._teachers))
        if left := [run.title for run in found if run.folder.exists()]:
            raise ClassroomError(f"These runs could not be removed: {', '.join(left)}. Try again.")
        return len(found)

    # The checks

    def _require(self, person: Person, id: str) -> Run:
        """The run, if the person may change it now. Raises RunError where there is none."""
        self._require_unlocked(person)
        run = folder.open_run(id)
        self._check(person, run)
        return run

    def _check(self, person: Person, run: Run) -> None:
        if not person.may_change(run):
            raise ClassroomError(f"The run {run.title} is not yours, so you cannot change it.")

    def _require_unlocked(self, person: Person) -> None:
        if self.locked and not person.may_change_all:
            raise ClassroomError("The teacher has locked the controls. You can look at everything meanwhile.")

    def _require_teacher(self, person: Person) -> None:
        if not person.is_teacher:
            raise ClassroomError("Only a teacher can do this.")

    def _require_turn(self, owner: str) -> None:
        """That the owner, and all together, have room in line."""
        own, all = self.queue.count_waiting(owner), len(self.queue.waiting())
        if own >= self.limits.waiting:
            raise ClassroomError(
                f"{count(own, 'run')} of yours {'waits' if own == 1 else 'wait'} in line already, and more "
                f"are not allowed here ({variable('waiting')}). Wait until one begins, or take one out."
            )
        if all >= self.limits.line:
            raise ClassroomError(
                f"{count(all, 'run')} wait in line already, and more are not allowed here "
                f"({variable('line')}). Try again when the line is shorter."
            )

    def _require_size(self, layers: Sequence[Layer], recipe: Recipe) -> None:
        """That the run is not larger than one may be."""
        sizes = (
            ("epochs", "epochs", recipe.epochs),
            ("batch", "digits in a batch", recipe.batch_size),
            ("parameters", "parameters", count_parameters(layers)),
        )
        for setting, what, found in sizes:
            most: int = getattr(self.limits, setting)
            if found > most:
                raise ClassroomError(
                    f"This run would have {found:,} {what}. Here it may have {most:,} at most "
                    f"({variable(setting)})."
                )

    # Whether the line is paused and the controls are locked outlives a restart of the server.

    def _read_state(self) -> None:
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            state = parse_json(read_bytes(_state_path(), folder.MAX_BYTES))
            if self._secret:  # without a teacher nobody could end it
                self.locked = state["locked"] is True
                self.queue.pause(state["paused"] is True)

    def _write_state(self) -> None:
        content = json.dumps({"locked": self.locked, "paused": self.queue.paused}).encode()
        with contextlib.suppress(OSError):  # then only a restart would forget it
            write_atomically(_state_path(), content)


def _state_path() -> Path:
    return folder.home() / "classroom.json"
