"""What the measurements read and write: the digits, and one file of results for each measurement."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from s5core import data
from s5core.data import Digits
from s5core.drawing import score
from s5core.drawing.score import DrawnDigits
from s5core.files import write_atomically
from s5core.recipe import Split

RESULTS = Path(__file__).parent / "results"


def read(name: str) -> Any:
    """What the measurement called `name` has found. Raises OSError if it was never made."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def write(name: str, content: Any) -> None:
    """Keep what the measurement called `name` has found."""
    write_atomically(RESULTS / f"{name}.json", (json.dumps(content, indent=1) + "\n").encode())


def mnist(split: Split = "test") -> Digits:
    """MNIST. Ends the program with a sentence where it is not on this machine."""
    digits = data.load(split, download=False)
    if not digits.name.startswith("MNIST"):
        raise SystemExit("This measurement needs MNIST: set S5_DATA_DIR.")
    return digits


def drawn_digits(description: str) -> DrawnDigits:
    """The file of drawn digits that the command line names. `description`: of the command."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("digits", type=Path, metavar="DIGITS.npz")
    return score.load_digits(parser.parse_args().digits)
