"""The server of the measurements and of the tests in a browser."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from benchmarks.server import DIRECT, App, serve
from benchmarks.session import session
from tests.helpers import NOWHERE, run_apart


def test_a_server_that_does_not_start_is_an_error_with_its_log(tmp_path: Path) -> None:
    starting = serve(tmp_path, {"PYTHONHOME": "/nowhere"})  # Python cannot start without its library
    with pytest.raises(RuntimeError, match=r"(?s)The app did not start:.+/nowhere"):
        starting.__enter__()


@pytest.mark.slow
def test_a_server_ends_with_its_block_whatever_happens_there(tmp_path: Path) -> None:
    with contextlib.suppress(ZeroDivisionError), serve(tmp_path) as app:
        assert app.runs.is_dir() and DIRECT.open(app.url("_stcore/health")).status == 200
        raise ZeroDivisionError
    with pytest.raises(URLError):
        DIRECT.open(app.url("_stcore/health"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with serve(tmp_path_factory.mktemp("server"), NOWHERE) as running:
        yield running


@pytest.mark.timed
@pytest.mark.slow
def test_nobody_waits_for_somebody_else_s_flood_of_refreshes(server: App) -> None:
    """Fifty refreshes a second leave room for others. While each of them ended with a search for garbage (see
    .streamlit/config.toml), everybody waited for more than a minute."""

    async def measure() -> list[float]:
        async with session(server) as other, session(server) as flooding:
            await other.open("")
            await flooding.open("train")
            flood = asyncio.create_task(flooding.flood("train"))
            waits = [await other.open(page) for page in ("draw", "runs", "train", "draw", "")]
            assert not flood.done()
            flood.cancel()
            return waits

    waits = run_apart(measure())
    assert statistics.median(waits) < 1 and max(waits) < 5, waits


@pytest.mark.timed  # with the test before, for which the server has started
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to list open files")
def test_a_server_watches_no_files(server: App) -> None:
    """To watch them, Streamlit looks through all modules after each person's visits (see
    .streamlit/config.toml), and notes the files that it finds with the system."""

    async def open_pages() -> None:
        async with session(server) as person:
            for page in ("", "design", "draw"):
                await person.open(page)

    run_apart(open_pages())
    held = set()
    for file in Path(f"/proc/{server.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the server has closed it meanwhile
            held.add(os.readlink(file))
    assert held and not any("inotify" in each for each in held)
