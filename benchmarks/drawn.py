"""Measure how the shipped steps read drawn digits, and keep it for the README.

    python -m benchmarks.drawn DIGITS.npz

writes `benchmarks/results/drawn.json`: every way to bring a drawing to 28x28 pixels, every width
of the pen, in percent. `s5core/drawing/score.py` says what such a file holds.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "drawn.json"


def main() -> None:
    """Measure and write."""
    from s5core import checkpoint, steps
    from s5core.drawing import score
    from s5core.drawing.reading import use_one_thread
    from s5core.files import write_atomically

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("digits", type=Path)
    digits = score.load(parser.parse_args().digits)
    use_one_thread()  # as in the app
    networks = checkpoint.load_shipped(steps.STEPS)
    content = {way: score.report(networks, digits, way) for way in score.WAYS}
    write_atomically(RESULTS, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
