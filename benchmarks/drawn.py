"""Measure how well the shipped networks read drawn digits.

    python -m benchmarks.drawn DIGITS.npz

writes `benchmarks/results/drawn.json`: the accuracy in percent for each width of the pen and for
each way to bring a drawing to 28x28 pixels. `s5core/drawing/score.py` describes the file of digits.
"""

from __future__ import annotations

from benchmarks import files
from s5core import checkpoint, steps
from s5core.drawing import score
from s5core.drawing.reading import use_one_thread


def main() -> None:
    """Measure and write."""
    digits = files.drawn_digits(__doc__)
    use_one_thread()  # as in the app
    networks = checkpoint.load_shipped(steps.STEPS)
    files.write("drawn", {way: score.report(networks, digits, way) for way in score.WAYS}, networks)


if __name__ == "__main__":
    main()
