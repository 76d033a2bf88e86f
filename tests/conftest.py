from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from filelock import FileLock
from streamlit.components.v2 import manifest_scanner
from torch import Tensor

from s5core import data
from s5core.data import Digits
from s5core.drawing import score
from s5core.drawing.score import DrawnDigits, DrawnLetters, Seen
from tests.helpers import NOWHERE, require_no_mnist_at_home, skip_or_fail

BROWSER = "tests/browser/"
SLOW_FOLDERS = {Path(__file__).parent / name for name in ("app", "browser")}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        action="store_true",
        help="rewrite the golden files that our own code makes; those from the published source stay",
    )


def pytest_configure() -> None:
    """One thread, as in the app: the networks are too small to share, and a busy machine makes threads
    wait for each other. Workers have one as well, and so do not measure how many are of use.

    Where several processes share the tests, all have a low priority: a worker that lets others go first
    (`child.let_others_go_first`) then has a third of what another test's browser has instead of a tenth, and
    keeps nobody waiting for minutes."""
    torch.set_num_threads(1)
    os.environ["S5_THREADS"] = "1"
    if "PYTEST_XDIST_WORKER" in os.environ and hasattr(os, "nice"):
        os.nice(14)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests by file, as `--dist loadfile` does, but give all that need a browser to one process:
    they have the same browser and the same servers, which take long to start."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return BROWSER if nodeid.startswith(BROWSER) else super()._split_scope(nodeid)

    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests in slow folders and those with fixtures that are slow, or bound a time."""
    for item in items:
        if "at_once" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timed)
        if SLOW_FOLDERS & set(item.path.parents) or "seen" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


def _path_from(variable: str, what: str) -> Path:
    """The path of `what` that the variable names; without it the test is skipped."""
    return Path(os.environ.get(variable) or skip_or_fail(f"needs {what}: set {variable}"))


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    return _path_from("S5_DATA_DIR", "MNIST")


@pytest.fixture(scope="session")
def drawn_digits() -> DrawnDigits:
    return score.load_digits(_path_from("S5_DRAWN_DIGITS", "digits that people drew"))


@pytest.fixture(scope="session")
def drawn_letters() -> DrawnLetters:
    """Letters that people drew; the file lies beside that of the digits."""
    path = _path_from("S5_DRAWN_DIGITS", "letters that people drew").with_name("letters_dev.npz")
    return score.load_letters(path) if path.exists() else skip_or_fail(f"needs {path.name}")


@pytest.fixture(scope="session")
def mnist(mnist_folder: Path) -> Digits:
    return data.load(folder=mnist_folder)


@pytest.fixture(scope="session")
def practice() -> Digits:
    return data.practice_set()


@pytest.fixture(scope="session")
def seen(drawn_digits: DrawnDigits, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """The drawn digits as the networks see them, pen 18 pixels wide. Where several processes share the
    tests, one of them draws for all."""
    own = tmp_path_factory.getbasetemp()
    path = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "seen.pt"
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            found = score.see(drawn_digits, 18)
            torch.save((found.fields, torch.from_numpy(found.refused)), path)
    fields, refused = torch.load(path)
    return Seen(fields, refused.numpy())


@pytest.fixture(scope="session")
def drawn_fields(seen: Seen) -> Tensor:
    """Those of `seen`: (N, 1, 28, 28) uint8."""
    return seen.fields


@pytest.fixture(scope="session", autouse=True)
def one_search_for_components() -> Iterator[None]:
    """Each new AppTest lets Streamlit search all installed packages for components, which takes half a
    second. During the tests none is installed."""
    with pytest.MonkeyPatch.context() as patch:
        found = functools.cache(manifest_scanner.scan_component_manifests)
        patch.setattr(manifest_scanner, "scan_component_manifests", found)
        yield


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of runs for each test; it is made by whoever writes there."""
    path = tmp_path / "runs"
    monkeypatch.setenv("S5_RUNS_DIR", str(path))
    return path


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No MNIST and no network: the practice digits are used."""
    require_no_mnist_at_home()
    for name, value in NOWHERE.items():
        monkeypatch.setenv(name, value)
