"""axe-core finds no serious violation on any page, and headings leave no level out."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from benchmarks.server import PATIENCE, App
from s5core.drawing import class_set, sketch

from .conftest import HEADINGS, follow_link

GRAVE = ("serious", "critical")


def open_whole(page: Page, app: App, path: str) -> None:
    """Open a page and wait until it is drawn."""
    page.goto(app.url(path))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    wait_until_drawn(page)


def wait_until_drawn(page: Page) -> None:
    """Ten thousand digits may have to be read first."""
    idle = expect(page.get_by_test_id("stApp"))
    page.wait_for_timeout(1000)
    idle.to_have_attribute("data-test-script-state", "notRunning", timeout=PATIENCE * 1000)
    page.wait_for_timeout(500)  # charts are drawn after the script


def violations(page: Page) -> list[str]:
    """Serious violations, and skipped levels of headings: what, where, and the first of them."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['target']} {node['html'][:200]}"
        for each in found
        if each["impact"] in GRAVE or each["id"] == "heading-order"
        for node in each["nodes"]
    ]


@pytest.fixture
def a_digit(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """A digit in the class set, so that its page is not empty."""
    monkeypatch.setenv("S5_RUNS_DIR", str(app.runs))
    class_set.keep(sketch.strokes_of(sketch.hard_digit("7 with a bar", 20).drawing), 7, "Ada", "me")


@pytest.mark.usefixtures("a_digit")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_violation(app: App, page: Page, theme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto(app.url())
    found = {}
    for path in reversed(HEADINGS):
        follow_link(page, path)
        wait_until_drawn(page)
        found[path] = violations(page)
    assert not any(found.values()), found


def test_a_violation_would_be_found(page: Page, app: App) -> None:
    open_whole(page, app, "digits")
    page.evaluate("document.querySelector('h1').innerHTML = '<img src=\\'data:,\\'>'")
    assert any(each.startswith("image-alt") for each in violations(page))


@pytest.mark.parametrize("path", ["inside", "mistakes"])
def test_every_picture_and_chart_says_what_it_shows(page: Page, app: App, path: str) -> None:
    open_whole(page, app, path)
    main = page.get_by_test_id("stMain")
    charts = main.get_by_test_id("stVegaLiteChart")
    expect(charts.first).to_be_visible(timeout=PATIENCE * 1000)
    assert main.locator("img").count() > 5
    assert main.locator("img:not([alt]), img[alt='']").count() == 0
    for chart in charts.all():
        words = chart.evaluate("chart => chart.closest('[aria-label]')?.ariaLabel ?? chart.innerHTML")
        assert "Vega visualization" not in words[:400], words[:400]
