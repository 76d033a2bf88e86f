"""Page "Look inside" in a browser: a cell of a map is clicked, and followed through the layers."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.server import SCREEN, App

from .conftest import NARROW, wait_for_script
from .test_draw import SEVEN, answer, open_draw, read_as, stroke


def cell(page: Page, row: int, column: int) -> Locator:
    """A cell of the map that can be clicked, counted from 1."""
    return page.locator(f'[aria-label^="column: {column}; row: {row}; "]').first


def chosen(page: Page, row: int, column: int) -> Locator:
    return page.get_by_text(re.compile(rf"^The cell in row {row}, column {column} of map"))


def follows(page: Page, layer: str, row: int, column: int) -> Locator:
    """The layer in the strip of boxes whose cell sees the chosen place."""
    strip = page.get_by_role("figure").filter(has=page.get_by_alt_text("at the chosen place"))
    return strip.filter(has_text=re.compile(rf"{layer}(?!\d).*cell {row}, {column}(?!\d)"))


def test_the_drawing_is_on_its_way_on_the_first_screen(page: Page, app: App) -> None:
    open_draw(page, app)
    stroke(page, SEVEN)
    expect(answer(page)).to_contain_text(read_as(7))
    page.get_by_role("link", name="Look inside", exact=True).click()
    expect(page.get_by_role("radio", name="the digit that I drew")).to_be_checked()
    expect(page.get_by_text("It reads 7")).to_be_visible()
    box = page.get_by_alt_text(
        re.compile("^Conv2d-1 → SiLU-3, activations of map .*, the cell that contributes most is framed$")
    ).bounding_box()
    assert box and box["y"] + box["height"] < SCREEN["height"]


@pytest.mark.parametrize("size", [SCREEN, NARROW])
def test_a_cell_is_clicked_and_followed_through_the_layers(
    page: Page, app: App, size: dict[str, int]
) -> None:
    page.set_viewport_size(size)
    page.goto(app.url("inside?step=step5"))
    cell(page, 20, 24).click()
    expect(chosen(page, 20, 24)).to_be_visible()
    page.get_by_text("The same place in all layers").click()
    expect(follows(page, "Conv2d-1", 20, 24)).to_be_visible()
    expect(follows(page, "MaxPool2d-7", 10, 12)).to_be_visible()
    cell(page, 3, 5).click()
    expect(chosen(page, 3, 5)).to_be_visible()
    # Without a mouse: the sliders show the cell that was clicked.
    row = page.get_by_role("slider", name="Row")
    expect(row).to_have_value("3")
    wait_for_script(page)
    row.press("ArrowRight")
    expect(chosen(page, 4, 5)).to_be_visible()
    page.get_by_role("button", name="Cell that contributes most").click()
    expect(chosen(page, 4, 5)).to_have_count(0)
