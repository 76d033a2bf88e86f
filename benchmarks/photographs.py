"""Measure how well step 5 reads photographs of digits.

    python -m benchmarks.photographs FOLDER OTHERS

writes `benchmarks/results/photographs.json`. `s5core/drawing/photographs.py` says how the files of the
folders are named. The rules for paper, ink and desk were made with those of the first folder at hand; the
second one has photographs that nobody looked at, by which the rules are checked.
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
    parser.add_argument("others", type=Path, metavar="OTHERS")
    options = parser.parse_args()
    use_one_thread()  # as in the app
    models = {name: network.model() for name, network in checkpoint.load_shipped(steps.STEPS).items()}
    content = photographs.report(models, score.FIRST, options.folder)
    others = photographs.report(models, score.FIRST, options.others)
    files.write("photographs", {**content, "others": others}, models)


if __name__ == "__main__":
    main()
