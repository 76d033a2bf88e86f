"""Measure a demonstration: from the click on Train to the end of a run of the fast step.

    python -m benchmarks.demonstration [--rounds 3]

starts the app and Chromium, both on this machine. On the page Train it trains `step5_fast` with
seeds 0, 1, … and writes `benchmarks/results/demonstration.json`. For each round the file has the
seconds from the click until the page shows that the run has finished, and its accuracy in percent.
Nothing else should be running. Needs MNIST: set $S5_DATA_DIR.
"""

from __future__ import annotations

import argparse
import re
from time import monotonic
from typing import TYPE_CHECKING

from benchmarks import files
from benchmarks.server import App, app_in_chromium
from s5core.device import cores

if TYPE_CHECKING:
    from playwright.sync_api import Page

STEP = "step5_fast"
FINISHED = re.compile(r"Finished: ([\d.]+)\s% in the last of \d+ epochs")
LIMIT = 600_000  # milliseconds
WARM_UP = 10_000  # milliseconds before the click: a worker starts in them, as it does while a teacher talks


def measure(app: App, page: Page, rounds: int) -> list[dict[str, float]]:
    """Train one run after another, each with the next seed."""
    found: list[dict[str, float]] = []
    for seed in range(rounds):
        page.goto(app.url(f"train?step={STEP}"))
        page.get_by_text("Seed, device, digits").click()
        field = page.get_by_label("Seed", exact=True)
        field.fill(str(seed))
        field.press("Enter")
        page.wait_for_timeout(WARM_UP)
        began = monotonic()
        page.get_by_role("button", name="Train", exact=True).click()
        shown = page.get_by_text(FINISHED)
        shown.wait_for(timeout=LIMIT)
        seconds = monotonic() - began
        match = FINISHED.search(shown.inner_text())
        assert match is not None
        found.append({"seed": seed, "seconds": round(seconds, 1), "accuracy": float(match[1])})
        print(found[-1], flush=True)
    return found


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    files.mnist()
    with app_in_chromium() as (app, page):
        files.write("demonstration", {"cores": cores(), "rounds": measure(app, page, rounds)})


if __name__ == "__main__":
    main()
