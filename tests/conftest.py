from __future__ import annotations

import os
from pathlib import Path

import pytest
from torch import Tensor

from s5core import data
from s5core.data import Digits
from s5core.drawing import score
from s5core.drawing.score import DrawnDigits


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--golden",
        action="store_true",
        help="rewrite the golden files that our own code makes; those from the published source stay",
    )


def _path_from(variable: str, what: str) -> Path:
    """Where the variable says that `what` is; without it the test is skipped."""
    if path := os.environ.get(variable):
        return Path(path)
    reason = f"needs {what}: set {variable}"
    if os.environ.get("CI"):
        pytest.fail(reason)  # a skipped test would be green there for ever
    pytest.skip(reason)


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    return _path_from("S5_DATA_DIR", "MNIST")


@pytest.fixture(scope="session")
def drawn_digits() -> DrawnDigits:
    return score.load(_path_from("S5_DRAWN_DIGITS", "digits that people drew"))


@pytest.fixture(scope="session")
def mnist(mnist_folder: Path) -> Digits:
    return data.load(folder=mnist_folder)


@pytest.fixture(scope="session")
def practice() -> Digits:
    return data.practice_set()


@pytest.fixture(scope="session")
def drawn_fields(drawn_digits: DrawnDigits) -> Tensor:
    """They as the networks see them, drawn with a pen of 18 pixels: (N, 1, 28, 28) uint8."""
    return score.fields(drawn_digits, 18)
