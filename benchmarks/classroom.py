"""Measure a class of thirty on one server while two runs train.

    python -m benchmarks.classroom [--seconds 60]

starts the app on this machine, twice, and opens its pages over WebSocket connections, without a browser.
It takes four minutes and writes `benchmarks/results/classroom.json`. Nothing else should be
running. Needs MNIST: set $S5_DATA_DIR; and Linux, whose /proc tells what a process takes.

1. One person opens each page, then again: the server's time for it.
2. 200 people open a page, and their connections break. What they leave behind is counted at the end.
3. On a fresh server two runs train while nobody looks.
4. Thirty people open the app at the same moment.
5. For a minute half of them watch a run, and the others go from page to page and draw. How fast the server's
   memory grows can only be told from more, such as 1200 seconds: it goes up and down by 80 MB, so the
   lowest of many looks are compared.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from time import monotonic, process_time
from typing import Any

from benchmarks import files
from benchmarks.server import DIRECT, App, serve
from benchmarks.session import Session, session
from s5core.checkpoint import current_versions
from s5core.device import cores
from s5core.export import link
from s5core.runs import folder, forecast
from s5core.runs.folder import Run
from s5core.steps import STEPS

PAGES = ("", "design", "train", "runs", "lessons", "inside", "draw", "digits", "mistakes")
ROUNDS = 4  # in which one person opens all pages
CLASS = 30  # people
ABANDONED = 200  # connections that break
FORGOTTEN = 130.0  # seconds after which Streamlit has forgotten a broken connection: 120, and some more
SETTLED = 15.0  # seconds after the clicks until the queue has another worker in reserve, which costs time
ALONE = 25.0  # seconds in which the runs train before the class comes
SAMPLE = 2.0  # seconds between two looks at the server's memory
LOOK = 2.0  # seconds between two looks at a run, as on the page Train
STAY = 4.0  # seconds that somebody looks at a page before they open another
STEP = "step5"  # is trained
EPOCHS = 100  # long enough for all of it
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Waits:
    """Seconds that people waited for something."""

    seconds: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """In milliseconds."""
        ordered = sorted(self.seconds)
        return {
            "count": len(ordered),
            "median": _milliseconds(statistics.median(ordered)),
            "p95": _milliseconds(ordered[int(0.95 * (len(ordered) - 1))]),
            "max": _milliseconds(ordered[-1]),
        }


def cpu_seconds(pid: int) -> float:
    """How long a process has computed, all its threads together."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / TICK


def footprint(pid: int) -> dict[str, int]:
    """What a process holds: memory in MB, threads and open files."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
    )
    return {
        "megabytes": int(status["VmRSS"].split()[0]) >> 10,
        "threads": int(status["Threads"]),
        "files": len(os.listdir(f"/proc/{pid}/fd")),
    }


async def server_time(app: App) -> dict[str, dict[str, int]]:
    """Milliseconds that the server computes for each page: at the first visit of all, and later (median)."""
    found: dict[str, list[int]] = {page: [] for page in PAGES}
    async with session(app) as person:
        for _ in range(ROUNDS):
            for page in PAGES:
                before = cpu_seconds(app.pid)
                await person.open(page)
                await asyncio.sleep(0.3)  # what it does after its answer counts, too
                found[page].append(_milliseconds(cpu_seconds(app.pid) - before))
    return {
        page or "start": {"first": times[0], "later": round(statistics.median(times[1:]))}
        for page, times in found.items()
    }


async def abandon(app: App) -> None:
    """Open a page as many people, and break their connections without a word."""
    for _ in range(ABANDONED):
        async with session(app) as person:
            await person.open("")
            person.drop()


async def begin_runs(app: App) -> list[Run]:
    """Let two people start a run each. Returns when both are in training."""
    step = STEPS[STEP]
    text = link.write(step.name, step.layers, step.recipe.replace(epochs=EPOCHS))
    for _ in range(2):
        async with session(app) as person:
            await person.open("train", f"{link.PARAMETER}={text}")
            await person.click("Train")
    while len(runs := folder.list_runs()) < 2 or not all(run.log().progress for run in runs):
        await asyncio.sleep(0.2)
    return runs


async def training_speed(runs: Sequence[Run], meanwhile: Awaitable[object]) -> float:
    """Digits in a second, of all runs together, while something goes on."""
    began, before = monotonic(), sum(map(_digits_done, runs))
    await meanwhile
    return (sum(map(_digits_done, runs)) - before) / (monotonic() - began)


def _digits_done(run: Run) -> float:
    log = run.log()
    assert log.started is not None
    return forecast.epochs_done(log) * log.started.train_digits


async def until(deadline: float, pause: float, act: Callable[[], Awaitable[object]]) -> None:
    """Act again and again, with a pause before each time."""
    while monotonic() + pause < deadline:
        await asyncio.sleep(pause)
        await act()


async def watch(person: Session, run: Run, deadline: float, pages: Waits, refreshes: Waits) -> None:
    """Look at a run on the page Train."""
    pages.seconds.append(await person.open("train", f"step={run.step}&run={run.id}"))

    async def look() -> None:
        refreshes.seconds.append(await person.tick())

    await until(deadline, LOOK, look)


async def wander(person: Session, pages: Iterator[str], deadline: float, waits: Waits) -> None:
    """Go from page to page; where there is a canvas, draw a digit."""

    async def visit() -> None:
        page = next(pages)
        waits.seconds.append(await person.open(page))
        if page in ("", "draw"):
            waits.seconds.append(await person.draw())

    await until(deadline, STAY, visit)


async def probe(app: App, deadline: float, waits: Waits) -> None:
    """Ask for the server's health twenty times a second: how long it stands still for everybody."""

    def ask() -> None:
        DIRECT.open(app.url("_stcore/health"), timeout=60).close()

    async def act() -> None:
        began = monotonic()
        await asyncio.to_thread(ask)
        waits.seconds.append(monotonic() - began)

    await until(deadline, 0.05, act)


def _round(first: int) -> Iterator[str]:
    """All pages again and again, beginning with another one for each person."""
    while True:
        yield PAGES[first % len(PAGES)]
        first += 1


async def lesson(app: App, seconds: float) -> dict[str, Any]:
    """The class at work on a fresh server."""
    runs = await begin_runs(app)
    await asyncio.sleep(SETTLED)
    alone = await training_speed(runs, asyncio.sleep(ALONE))
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(session(app)) for _ in range(CLASS)]
        began = monotonic()
        await asyncio.gather(*(person.open("") for person in people))
        opened = monotonic() - began
        pages, refreshes, health = Waits(), Waits(), Waits()
        memory: list[int] = []  # in MB
        computed, own = cpu_seconds(app.pid), process_time()
        deadline = monotonic() + seconds

        async def sample() -> None:
            memory.append(footprint(app.pid)["megabytes"])

        watchers, others = people[::2], people[1::2]
        together = await training_speed(
            runs,
            asyncio.gather(
                *(watch(each, runs[i % 2], deadline, pages, refreshes) for i, each in enumerate(watchers)),
                *(wander(each, _round(i), deadline, pages) for i, each in enumerate(others)),
                probe(app, deadline, health),
                until(deadline, SAMPLE, sample),
            ),
        )
        computed, own = cpu_seconds(app.pid) - computed, process_time() - own
    return {
        "open_seconds": round(opened, 2),
        "pages": pages.summary(),
        "refreshes": refreshes.summary(),
        "health": health.summary(),
        "server_cores": round(computed / seconds, 2),  # that it kept busy
        "people_cores": round(own / seconds, 2),  # those of a class are not the server's
        "training": {"alone": round(alone), "together": round(together)},
        "megabytes": memory_use(memory),
    }


def memory_use(samples: Sequence[int]) -> dict[str, int]:
    """The most, and the least in the second and in the last quarter of the time."""
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[-quarter:]
    return {"most": max(samples), "lowest_before_half": min(second), "lowest_at_end": min(last)}


async def measure(place: Path, seconds: float) -> dict[str, Any]:
    """All of it. `place`: a folder for the servers' files."""
    with serve(place / "one") as one:
        times = await server_time(one)
        print(times, flush=True)
        before = footprint(one.pid)
        await abandon(one)
        left = monotonic()
        os.environ["S5_RUNS_DIR"] = str(place / "class" / "runs")  # where this process looks for runs, too
        with serve(place / "class") as app:
            found = await lesson(app, seconds)
            print(found, flush=True)
        await asyncio.sleep(max(0.0, left + FORGOTTEN - monotonic()))
        async with session(one) as person:  # Streamlit forgets when somebody else leaves
            await person.open("")
        await asyncio.sleep(1)
        abandoned = {"connections": ABANDONED, "before": before, "after": footprint(one.pid)}
        print(abandoned, flush=True)
    return {"server_time": times, "people": CLASS, "seconds": seconds, **found, "abandoned": abandoned}


def _milliseconds(seconds: float) -> int:
    return round(1000 * seconds)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds = parser.parse_args().seconds
    files.mnist()
    with tempfile.TemporaryDirectory() as place:
        found = asyncio.run(measure(Path(place), seconds))
    where = {"cores": cores(), "machine": platform.machine(), "python": platform.python_version()}
    versions = current_versions() | {"streamlit": version("streamlit")}
    files.write("classroom", {**where, "versions": versions, **found})


if __name__ == "__main__":
    main()
