from __future__ import annotations

import os
from pathlib import Path

import pytest

from s5core import data
from s5core.data import Digits


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        action="store_true",
        help="rewrite the golden files that our own code makes; those from the published source stay",
    )


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    folder = os.environ.get("S5_DATA_DIR")
    if folder:
        return Path(folder)
    reason = "needs MNIST: set S5_DATA_DIR"
    if os.environ.get("CI"):
        pytest.fail(reason)  # a skipped test would be green there for ever
    pytest.skip(reason)


@pytest.fixture(scope="session")
def mnist(mnist_folder: Path) -> Digits:
    return data.load(folder=mnist_folder)


@pytest.fixture(scope="session")
def practice() -> Digits:
    return data.practice_set()
