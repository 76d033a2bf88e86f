"""Measure how long a person waits for the answer to a drawing, and keep it for the README.

    python -m benchmarks.latency DIGITS.npz

starts the app and Chromium (both on this machine), draws thirty of the file's digits with the mouse,
and writes `benchmarks/results/latency.json`: milliseconds from the end of the last stroke to the
answer on the page, once for each digit, in the order of drawing. Nothing else should be running.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from s5core.files import ROOT

RESULTS = Path(__file__).parent / "results" / "latency.json"

PORT = 8599
DIGITS = 30  # that are measured
PEN_WIDTH = 20  # the page's own
WARM_UP = 3  # digits before: imports and caches of the first answers are no drawing's
PAUSE = 2.0  # seconds after which a page has come to rest

# Whatever frame first shows another answer or another picture of the digit is what a person sees.
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


@contextmanager
def app() -> Iterator[str]:
    """The address of a running app, with an empty folder of runs."""
    address = f"http://127.0.0.1:{PORT}"
    options = ["--server.headless", "true", "--server.address", "127.0.0.1", "--server.port", str(PORT)]
    if healthy(address):
        raise SystemExit(f"Another app answers on port {PORT}: end it first.")
    with tempfile.TemporaryDirectory() as runs:
        server = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", *options],
            cwd=ROOT,
            env=os.environ | {"S5_RUNS_DIR": runs},
            stdout=subprocess.DEVNULL,
        )
        try:
            deadline = monotonic() + 60
            while not healthy(address):
                if server.poll() is not None or monotonic() > deadline:
                    raise SystemExit(f"The app did not start: is port {PORT} free?")
                sleep(0.2)
            yield address
        finally:
            server.terminate()
            server.wait()


def healthy(address: str) -> bool:
    """Whether the app takes visitors."""
    try:
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
            return True
    except OSError:
        return False


def measure(address: str, drawings: list[list[list[tuple[float, float]]]]) -> list[int]:
    """Milliseconds from the end of each drawing's last stroke to its answer."""
    from playwright.sync_api import sync_playwright

    waits = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(f"{address}/draw?step=step5")
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
        browser.close()
    return waits


def main() -> None:
    """Measure and write."""
    import numpy as np

    from s5core.device import cores
    from s5core.drawing import score, sketch
    from s5core.files import write_atomically

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("digits", type=Path)
    digits = score.load(parser.parse_args().digits)
    chosen = np.linspace(0, len(digits.labels) - 1, WARM_UP + DIGITS).astype(int)
    drawings = [
        sketch.strokes_of(score.draw(digits.strokes[i], PEN_WIDTH, np.random.default_rng(i)).drawing)
        for i in chosen
    ]
    with app() as address:
        waits = measure(address, drawings)[WARM_UP:]
    content = {"cores": cores(), "milliseconds": waits}
    write_atomically(RESULTS, (json.dumps(content) + "\n").encode())


if __name__ == "__main__":
    main()
