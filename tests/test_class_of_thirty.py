"""A server with a class of thirty and a line of ten is killed: the next one finishes every run."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import torch

from benchmarks.server import App, serve
from benchmarks.session import session
from s5core.data import Digits
from s5core.events import Epoch, Finished
from s5core.recipe import Recipe
from s5core.runs import folder, line
from s5core.runs.folder import Run
from s5core.runs.line import Entry
from s5core.train import train
from tests.helpers import NOWHERE, TINY, require_no_mnist_at_home, wait_for

pytestmark = pytest.mark.slow

PEOPLE, TRAINING, WAITING = 30, 2, 10
LONG = 10  # epochs, so that a class has opened the app before they are over
USUAL = Recipe(epochs=1, batch_size=200, device="cpu", rotation=5)


def with_a_class(app: App, act: Callable[[], Awaitable[object]]) -> None:
    """Do something while thirty people have the app open."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            people = [await stack.enter_async_context(session(app)) for _ in range(PEOPLE)]
            await asyncio.gather(*(person.open("train") for person in people))
            await act()
            for person in people:
                person.drop()

    with ThreadPoolExecutor(1) as own:  # Playwright keeps a loop in the thread of the tests
        own.submit(asyncio.run, run()).result()


def test_every_run_ends_as_if_the_server_had_not_been_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, practice: Digits
) -> None:
    require_no_mnist_at_home()
    monkeypatch.setenv("S5_RUNS_DIR", str(tmp_path / "runs"))
    runs: list[Run] = []
    for seed in range(TRAINING + WAITING):
        recipe = USUAL.replace(seed=seed, epochs=LONG if seed < TRAINING else 1)
        runs.append(folder.create("a run", "step5", TINY, recipe, owner=f"{seed:016x}"))
        line.keep(Entry(runs[-1], float(seed)))
    in_training, waiting = runs[:TRAINING], runs[TRAINING:]

    with serve(tmp_path, NOWHERE) as app:

        async def kill_in_the_middle() -> None:
            await asyncio.to_thread(wait_for, lambda: any(run.log().epochs for run in in_training))
            os.kill(app.pid, signal.SIGKILL)

        with_a_class(app, kill_in_the_middle)
    assert not any(isinstance(run.log().end, Finished) for run in in_training)
    assert len(line.kept()) == TRAINING + WAITING and not any(run.events_path.exists() for run in waiting)

    with serve(tmp_path, NOWHERE) as app:

        async def wait_for_all() -> None:
            await asyncio.to_thread(wait_for, lambda: not line.kept(), 120)

        with_a_class(app, wait_for_all)
    for run in runs:
        assert isinstance(run.log().end, Finished)
        expected = [event.state for event in train(TINY, run.recipe, practice) if isinstance(event, Epoch)][
            -1
        ]
        assert expected is not None
        for name, tensor in expected.weights.items():
            assert torch.equal(run.checkpoint().weights[name], tensor), (run.recipe.seed, name)
