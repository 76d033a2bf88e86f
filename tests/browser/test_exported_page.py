"""The exported page, opened from the disk: it reads digits as the app does, by mouse and by keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from s5core import checkpoint
from s5core.checkpoint import Checkpoint
from s5core.drawing import fit, score, sketch
from s5core.drawing.sketch import Stroke
from s5core.export.page import page as write_page
from s5core.export.source import Source
from s5core.steps import STEPS
from tests.helpers import EVERY_KIND, made_of

from .conftest import NARROW, drag

PEN_WIDTH = 20
READ = "all => JSON.stringify(JSON.parse(all).map(strokes => readStrokes(strokes)))"


def made(name: str) -> Checkpoint:
    return made_of(EVERY_KIND) if name == "by hand" else checkpoint.load(checkpoint.shipped_path(name))


def save(name: str, folder: Path) -> Path:
    network = made(name)
    path = folder / "page.html"
    path.write_bytes(write_page(Source(name, network.layers, network.recipe, network, title="Step 5")))
    return path


@pytest.fixture
def alone(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    """A browser that may reach nothing but the disk."""
    context = browser.new_context(viewport=NARROW)
    page, errors, asked = context.new_page(), [], []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request", lambda request: asked.append(request.url) if not request.url.startswith("file:") else None
    )
    page.goto(save("step5", tmp_path).as_uri())
    yield page
    context.close()
    assert not errors and not asked


def strokes_of(digits: score.DrawnDigits, number: int) -> list[Stroke]:
    drawn = score.draw(digits.strokes[number], PEN_WIDTH, np.random.default_rng(number))
    return sketch.strokes_of(drawn.drawing)


def differences(page: Page, network: Checkpoint, drawings: list[list[Stroke]]) -> tuple[int, float]:
    """Between the page and the app: the largest difference of a pixel, and of a probability."""
    answers = json.loads(page.evaluate(READ, json.dumps(drawings)))  # as text: it takes a tenth of the time
    fields = torch.cat([fit.redrawn(strokes) for strokes in drawings])
    with torch.inference_mode():
        expected = network.model()(fields).softmax(1)
    pictures = torch.tensor([each["picture"] for each in answers]).view(-1, 1, 28, 28)
    shares = torch.tensor([each["probabilities"] for each in answers])
    return int((pictures - fields.int()).abs().max()), float((shares - expected).abs().max())


def test_the_page_reads_1000_drawn_digits_as_the_app_does(alone, drawn_digits):
    chosen = np.linspace(0, len(drawn_digits.strokes) - 1, 1000).astype(int)
    drawings = [strokes_of(drawn_digits, int(number)) for number in chosen]
    pixel, probability = differences(alone, made("step5"), drawings)
    assert pixel == 0 and probability < 1e-3


def hard_digits() -> list[list[Stroke]]:
    return [[sketch.curve(stroke) for stroke in strokes] for strokes in sketch.HARD.values()]


@pytest.mark.parametrize("name", ["by hand", *(step.name for step in STEPS.values() if step.shipped)])
def test_every_kind_of_layer_answers_as_in_torch(browser, tmp_path, name):
    page = browser.new_page()
    path = save(name, tmp_path)
    assert path.stat().st_size < 150_000
    page.goto(path.as_uri())
    pixel, probability = differences(page, made(name), hard_digits())
    page.close()
    assert pixel == 0 and probability < 1e-4


def test_a_digit_is_drawn_with_the_mouse_and_taken_back(alone):
    box = alone.locator("#paper").bounding_box()
    for stroke in sketch.HARD["4, open"]:
        drag(alone, [(box["x"] + x, box["y"] + y) for x, y in stroke])
    expect(alone.locator("#digit")).to_have_text("4")
    assert alone.locator(".maps canvas").count() > 50
    assert float(alone.locator("#time").inner_text().split()[-2]) < 1000  # busy machines are slow
    alone.get_by_role("button", name="Undo").click()
    expect(alone.locator("#digit")).not_to_have_text("–")
    alone.get_by_role("button", name="Clear").click()
    expect(alone.locator("#digit")).to_have_text("–")


def test_a_one_is_drawn_with_keys(alone):
    paper = alone.locator("#paper")
    paper.focus()
    for _ in range(10):
        paper.press("ArrowUp")
    paper.press(" ")
    for _ in range(20):
        paper.press("ArrowDown")
    paper.press(" ")
    expect(alone.locator("#digit")).to_have_text("1")
    paper.press("Backspace")
    expect(alone.locator("#digit")).to_have_text("–")


def test_nobody_is_shut_out(browser, tmp_path):
    context = browser.new_context(bypass_csp=True)  # axe is put into the page
    page = context.new_page()
    page.goto(save("step5", tmp_path).as_uri())
    page.evaluate("strokes.push([[100, 40], [100, 200]]); show()")
    violations = Axe().run(page).response["violations"]
    context.close()
    assert not [(each["id"], each["nodes"][0]["html"]) for each in violations]


def test_the_page_fits_a_phone(alone):
    assert alone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    alone.emulate_media(color_scheme="dark")
    assert alone.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 20, 24)"
