"""What the measurements read and write: the digits, and one file of results for each measurement."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from s5core import checkpoint, data, steps
from s5core.ahead.answers import digest_of
from s5core.data import Digits
from s5core.drawing import score
from s5core.drawing.score import DrawnDigits
from s5core.files import write_atomically
from s5core.recipe import Split

RESULTS = Path(__file__).parent / "results"


def read(name: str) -> Any:
    """What the measurement called `name` has found. Raises OSError if it was never made."""
    return json.loads((RESULTS / f"{name}.json").read_text())


def write(name: str, content: dict[str, Any], networks: Iterable[str] = ()) -> None:
    """Keep what the measurement called `name` has found. `networks`: the shipped ones that it has read; the
    file names their digests, and `stale` compares them."""
    if found := digests(networks):
        content = {"checkpoints": found, **content}
    write_atomically(RESULTS / f"{name}.json", (json.dumps(content, indent=1) + "\n").encode())


def digests(networks: Iterable[str]) -> dict[str, str]:
    """For each shipped network a digest of all on which its answers depend."""
    return {name: digest_of(loaded) for name, loaded in checkpoint.load_shipped(networks).items()}


def stale(name: str) -> list[str]:
    """The networks whose measurement is out of date: what is shipped is not what was measured."""
    measured, now = read(name)["checkpoints"], digests(steps.STEPS)
    return [network for network, digest in measured.items() if now.get(network) != digest]


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
