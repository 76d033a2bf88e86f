"""Every page by its own address, on a server that has just been started and on a warm one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.server import App, serve

from .conftest import NARROW, watched_page

HEADINGS = {
    "": re.compile("Five steps to 99.4"),
    "steps": re.compile("Five steps to 99.4"),
    "train": "Train",
    "runs": "Runs",
    "inside": "Look inside",
    "draw": "Draw",
    "digits": "Our digits",
    "mistakes": "Mistakes",
}


def expect_page(page: Page, heading: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.get_by_role("combobox", name="Step")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(7)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.parametrize("path", HEADINGS)
def test_a_page_opens_by_its_address_with_its_step(app: App, page: Page, path: str) -> None:
    page.goto(app.url(f"{path}?step=step4"))
    expect_page(page, HEADINGS[path])
    expect(page.get_by_role("combobox", name="Step")).to_have_value(re.compile("^4"))


def test_a_fresh_server_is_first_asked_for_a_page_by_its_address(browser: Browser, tmp_path) -> None:
    """With a folder pages/, Streamlit would run that page alone, without the router."""
    with serve(tmp_path) as fresh, watched_page(browser, fresh) as page:
        page.goto(fresh.url("inside?step=step3"))
        expect_page(page, "Look inside")
        expect(page.get_by_role("combobox", name="Step")).to_have_value(re.compile("^3"))


def test_the_choice_of_a_step_is_in_the_address_and_survives(app: App, page: Page) -> None:
    page.goto(app.url("inside"))
    box = page.get_by_role("combobox", name="Step")
    box.click()
    page.get_by_role("option", name=re.compile("^2 ·")).click()
    expect(page).to_have_url(re.compile(r"/inside\?step=step2"))
    page.get_by_role("tab", name="The layer table").click()
    expect(page.get_by_text("8,412", exact=True)).to_be_visible()
    page.get_by_role("link", name="Mistakes", exact=True).click()
    expect_page(page, "Mistakes")
    expect(page).to_have_url(re.compile(r"/mistakes\?step=step2"))
    page.reload()
    expect_page(page, "Mistakes")
    expect(box).to_have_value(re.compile("^2"))


@pytest.mark.parametrize("path", ["", "train", "runs", "inside", "draw", "digits", "mistakes"])
def test_nothing_runs_over_the_edge_of_a_phone(app: App, page: Page, path: str) -> None:
    page.set_viewport_size(NARROW)
    page.goto(app.url(path))
    expect(page.get_by_role("heading", level=1)).to_have_text(HEADINGS[path])
    page.wait_for_timeout(1500)
    main = page.get_by_test_id("stMain")
    assert main.evaluate("element => element.scrollWidth - element.clientWidth") <= 1
