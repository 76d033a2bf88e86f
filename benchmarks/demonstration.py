"""Measure a demonstration: from the click on Train to the end of a run of the fast step.

    python -m benchmarks.demonstration [--rounds 3]

starts the app and Chromium (both on this machine), trains `step5_fast` on the page Train with
seeds 0, 1, …, and writes `benchmarks/results/demonstration.json`: seconds from the click to the
page's word that the run has finished, and its accuracy in percent, a round each. Nothing else
should be running. Needs MNIST: set $S5_DATA_DIR.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from pathlib import Path
from time import monotonic

from benchmarks.latency import app

RESULTS = Path(__file__).parent / "results" / "demonstration.json"
STEP = "step5_fast"
FINISHED = re.compile(r"Finished: ([\d.]+) % in the last of \d+ epochs")
LIMIT = 600_000  # milliseconds


def measure(address: str, rounds: int) -> list[dict[str, float]]:
    """One run after the other, each with the next seed."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        for seed in range(rounds):
            page.goto(f"{address}/train?step={STEP}")
            page.get_by_text("Seed, device, digits").click()
            field = page.get_by_label("Seed", exact=True)
            field.fill(str(seed))
            field.press("Enter")
            page.wait_for_timeout(10_000)  # a worker has warmed up, as it has while a teacher talks
            began = monotonic()
            page.get_by_role("button", name="Train", exact=True).click()
            said = page.get_by_text(FINISHED)
            said.wait_for(timeout=LIMIT)
            seconds = monotonic() - began
            match = FINISHED.search(said.inner_text())
            assert match is not None
            found.append({"seed": seed, "seconds": round(seconds, 1), "accuracy": float(match[1])})
            print(found[-1], flush=True)
        browser.close()
    return found


def main() -> None:
    """Measure and write."""
    from s5core import data
    from s5core.device import cores
    from s5core.files import write_atomically

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    if data.load(download=False).name != "MNIST":
        raise SystemExit("A demonstration needs MNIST: set S5_DATA_DIR.")
    with app() as address:
        content = {"cores": cores(), "rounds": measure(address, rounds)}
    write_atomically(RESULTS, (json.dumps(content, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
