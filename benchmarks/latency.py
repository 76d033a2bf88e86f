"""Measure how long a person waits for the answer to a drawing.

    python -m benchmarks.latency DIGITS.npz

starts the app and Chromium, both on this machine, and draws thirty of the file's digits with the
mouse. It writes `benchmarks/results/latency.json`: for each digit, in the order of drawing, the
milliseconds from the end of its last stroke until the page shows the answer. Nothing else should be
running.
"""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import files
from benchmarks.server import App, app_in_chromium
from s5core import steps
from s5core.device import cores
from s5core.drawing import score, sketch
from s5core.drawing.sketch import Stroke

if TYPE_CHECKING:
    from playwright.sync_api import Page

DIGITS = 30  # that are measured
PEN_WIDTH = 20  # as on the page
WARM_UP = 3  # digits drawn before them: the first answers wait for imports and caches
PAUSE = 2.0  # seconds after which a page has come to rest

# A person sees the answer in the first frame that shows another text or another picture of the digit.
WATCH = """() => {
  const shown = () => [
    document.querySelector('[role=status]')?.innerText,
    document.querySelector('img[alt^="The digit as"]')?.src,
  ].join();
  let last = shown();
  const look = (now) => {
    if (shown() !== last) { last = shown(); window.answered = now; }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  document.addEventListener('mouseup', () => { window.lifted = performance.now(); }, true);
}"""


def measure(app: App, page: Page, drawings: list[list[Stroke]]) -> list[int]:
    """Milliseconds from the end of each drawing's last stroke to its answer."""
    waits = []
    page.goto(app.url("draw?step=step5"))
    canvas = page.locator("canvas.upper-canvas")
    canvas.wait_for()
    page.evaluate(WATCH)
    for strokes in drawings:
        sleep(PAUSE)
        corner = canvas.bounding_box()
        assert corner is not None
        for stroke in strokes:
            (x, y), *rest = [(corner["x"] + x, corner["y"] + y) for x, y in stroke]
            page.mouse.move(x, y)
            page.mouse.down()
            for x, y in rest:
                page.mouse.move(x, y)
            page.mouse.up()
        sleep(PAUSE)
        waits.append(round(page.evaluate("window.answered - window.lifted")))
        page.get_by_role("button", name="Clear").click()
        page.get_by_text("There is no digit yet").wait_for()
    return waits


def main() -> None:
    """Measure and write."""
    digits = files.drawn_digits(__doc__)
    chosen = np.linspace(0, len(digits.labels) - 1, WARM_UP + DIGITS).astype(int)
    drawings = [
        sketch.strokes_of(score.draw(digits.strokes[i], PEN_WIDTH, np.random.default_rng(i)).drawing)
        for i in chosen
    ]
    with app_in_chromium() as (app, page):
        waits = measure(app, page, drawings)[WARM_UP:]
    files.write("latency", {"cores": cores(), "milliseconds": waits}, steps.STEPS)


if __name__ == "__main__":
    main()
