"""The server of the measurements and of the tests in a browser."""

from __future__ import annotations

import contextlib
from pathlib import Path
from urllib.error import URLError

import pytest

from benchmarks.server import DIRECT, serve


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
