"""Find out ahead what the shipped networks answer, so that no server needs to.

    python -m benchmarks.known

writes `checkpoints/known/`: for each shipped network its answers to MNIST's test digits and to the practice
digits. Files of networks that are no longer shipped are removed.
Needs MNIST: set $S5_DATA_DIR. Takes half a minute.
"""

from __future__ import annotations

from benchmarks import files
from s5core import checkpoint, data
from s5core.ahead.answers import SHIPPED, Network, Reading
from s5core.data import Digits
from s5core.steps import STEPS


def wanted(digits: Digits) -> dict[str, Reading]:
    """What is to be found out, by the name of its file. `digits`: MNIST."""
    found = {}
    for name, loaded in checkpoint.load_shipped(STEPS).items():
        network = Network.of(checkpoint.shipped_path(name), loaded)
        for each in (digits, data.practice_set()):
            reading = Reading(network, each)
            found[reading.file] = reading
    return found


def main() -> None:
    """Find out and write."""
    cases = wanted(files.mnist())
    for reading in cases.values():
        reading.find_out(lambda _: None, SHIPPED)
    for file in SHIPPED.iterdir():
        if file.name not in cases:
            file.unlink()


if __name__ == "__main__":
    main()
