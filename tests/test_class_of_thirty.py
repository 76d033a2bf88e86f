"""A server with a class of thirty and a line of ten is killed: the next one finishes every run."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
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
from tests.helpers import NOWHERE, TINY, held, require_no_mnist_at_home, run_apart, wait_for

pytestmark = pytest.mark.slow

PEOPLE, TRAINING, WAITING = 30, 2, 10
LONG = 4  # epochs
USUAL = Recipe(epochs=1, batch_size=200, device="cpu", rotation=5)


@asynccontextmanager
async def a_class(app: App) -> AsyncIterator[None]:
    """Thirty people have the app open."""
    async with AsyncExitStack() as stack:
        people = [await stack.enter_async_context(session(app)) for _ in range(PEOPLE)]
        await asyncio.gather(*(person.open("train") for person in people))
        yield
        for person in people:
            person.drop()


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

    with serve(tmp_path, NOWHERE) as app, ExitStack() as stack:
        going = list(in_training)

        def halt_in_the_middle() -> bool:
            for each in [each for each in going if each.log().epochs]:
                stack.enter_context(held(each))
                going.remove(each)
            return not going

        async def kill() -> None:
            halting = asyncio.create_task(asyncio.to_thread(wait_for, halt_in_the_middle))
            async with session(app) as first:  # at whose visit the server begins with its line
                await first.open("train")
                await halting  # before thirty sessions keep this process busy: a run would end meanwhile
                async with a_class(app):
                    os.kill(app.pid, signal.SIGKILL)
                first.drop()

        run_apart(kill())
    assert not any(isinstance(each.log().end, Finished) for each in in_training)
    assert len(line.kept()) == TRAINING + WAITING and not any(each.events_path.exists() for each in waiting)

    with serve(tmp_path, NOWHERE) as app:

        async def wait_for_all() -> None:
            async with a_class(app):
                await asyncio.to_thread(wait_for, lambda: not line.kept())

        run_apart(wait_for_all())
    for each in runs:
        assert isinstance(each.log().end, Finished)
        expected = [event.state for event in train(TINY, each.recipe, practice) if isinstance(event, Epoch)][
            -1
        ]
        assert expected is not None
        for name, tensor in expected.weights.items():
            assert torch.equal(each.checkpoint().weights[name], tensor), (each.recipe.seed, name)
