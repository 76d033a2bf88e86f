"""Page "Our digits" in a browser: a seven is drawn, kept, read, exported and deleted."""

from __future__ import annotations

import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.server import App
from s5core.checkpoint import FOLDER

from .conftest import NARROW, wait_for_script
from .test_draw import SEVEN, answer, open_draw, read_as, stroke

NETWORKS = len(list(FOLDER.glob("*.safetensors")))


@pytest.fixture(autouse=True)
def empty_set(app: App) -> Iterator[None]:
    shutil.rmtree(app.runs / "class_digits", ignore_errors=True)
    yield
    shutil.rmtree(app.runs / "class_digits", ignore_errors=True)


def keep_seven(page: Page, app: App) -> None:
    """Draw a seven and keep it, with a double click as from an impatient hand."""
    open_draw(page, app)
    stroke(page, SEVEN)
    expect(answer(page)).to_contain_text(read_as(7))
    page.get_by_role("radiogroup", name="I meant").get_by_role("radio", name="7").click()
    # Typed and not confirmed: the click on the button has to take it along.
    page.get_by_role("textbox", name="Nickname (optional)").fill("Ada <b>")
    page.get_by_role("button", name="Keep it").dblclick()
    expect(page.get_by_text("Kept as a 7: 1 digit in the class set.")).to_be_visible()


def tiles(page: Page) -> Locator:
    return page.get_by_alt_text(re.compile("^#1: 7 by Ada <b>, (✗ mis)?read as "))


def test_a_seven_is_kept_read_exported_and_deleted(page: Page, app: App, tmp_path: Path) -> None:
    keep_seven(page, app)
    assert len(list((app.runs / "class_digits").iterdir())) == 1
    page.get_by_role("link", name="Our digits", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Our digits")
    expect(tiles(page).first).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(1 + NETWORKS)
    expect(page.get_by_role("row", name=re.compile("Under budget.*1 of 1"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download 1 digit").click()
    assert download.value.suggested_filename == "class_digits.zip"
    archive = tmp_path / "class_digits.zip"
    download.value.save_as(archive)
    with zipfile.ZipFile(archive) as file:
        assert len(file.namelist()) == 4 and "Ada <b>" in file.read("digits.csv").decode()
    page.get_by_role("button", name="#1: 7 by Ada <b>").click()
    page.get_by_role("button", name="Delete 1 digit").click()
    expect(page.get_by_text("There is no digit yet")).to_be_visible()
    page.reload()
    expect(page.get_by_text("There is no digit yet")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(tiles(page).first).to_be_visible()
    wait_for_script(page)  # a list that opens while the page still grows would lie outside of the window
    page.get_by_role("button", name="Delete all …").click()
    page.get_by_role("button", name="Delete all", exact=True).click()
    page.get_by_role("button", name="Remove from the disk").click()
    expect(page.get_by_text("1 digit deleted")).to_have_count(0)
    assert not list((app.runs / "class_digits").rglob("*.json"))
    wait_for_script(page)  # it puts the list of files in another place
    page.locator("input[type=file]").last.set_input_files(archive)
    expect(page.get_by_text("1 digit read in.")).to_be_visible()
    expect(tiles(page).first).to_be_visible()


def test_a_digit_comes_to_an_open_page_by_itself(page: Page, second_page: Page, app: App) -> None:
    second_page.goto(app.url("digits"))
    expect(second_page.get_by_text("There is no digit yet")).to_be_visible()
    keep_seven(page, app)
    expect(tiles(second_page).first).to_be_visible()


def test_a_full_page_fits_a_phone(page: Page, app: App) -> None:
    page.set_viewport_size(NARROW)
    keep_seven(page, app)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 1
    page.goto(app.url("digits"))
    expect(tiles(page).first).to_be_visible()
    page.wait_for_timeout(1500)
    assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 1
