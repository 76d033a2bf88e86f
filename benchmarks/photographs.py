"""Measure how well step 5 reads photographs of digits.

    python -m benchmarks.photographs FOLDER

writes `benchmarks/results/photographs.json`. `s5core/drawing/photographs.py` says how the files of the
folder are named.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import files
from s5core import checkpoint, steps
from s5core.drawing import photographs, score
from s5core.drawing.reading import use_one_thread


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args().folder
    use_one_thread()  # as in the app
    models = {name: network.model() for name, network in checkpoint.load_shipped(steps.STEPS).items()}
    files.write("photographs", photographs.report(models, score.FIRST, folder), models)


if __name__ == "__main__":
    main()
