"""Page "Design" in a browser, on the practice digits: from a step to a network of one's own that reads."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.server import App
from s5core.runs import folder
from tests.helpers import held, wait_for

from .conftest import wait_for_script, watched_page


def line(page: Page) -> Locator:
    return page.get_by_role("textbox", name="The network as text")


def press(page: Page, name: str | re.Pattern[str]) -> None:
    button = page.get_by_role("button", name=name)
    expect(button).to_have_count(1)  # what the script has drawn is there, and what was there before has gone
    button.click()
    wait_for_script(page)


def test_a_network_is_designed_mended_trained_and_drawn_to(practice_app: App, browser: Browser) -> None:
    with watched_page(browser, practice_app) as page:
        page.goto(practice_app.url("design?step=step3"))
        expect(line(page)).to_have_value(re.compile("^C12 ReLU C24"))
        for seen in (line(page), *page.get_by_test_id("stMetricValue").all(), first_layer(page)):
            box = seen.bounding_box()
            assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 720, seen
        line(page).fill("c8 bn bn silu p c16 bn silu p c16p silu gap h10")
        line(page).press("Enter")
        expect(page.get_by_text("normalised already")).to_be_visible()
        wait_for_script(page)
        press(page, "Remove it")
        expect(line(page)).to_have_value("C8 BN SiLU P C16 BN SiLU P C16p SiLU GAP H10")
        press(page, re.compile("^9 · Conv"))
        press(page, re.compile("Duplicate"))
        press(page, re.compile("^1 · Conv"))
        expect(page).to_have_url(re.compile(r"design\?step=step3&layers=C8\+BN.*C16p\+C16p"))
        wait_for_script(page)  # of a click and a Back at the same moment Streamlit takes the click alone
        page.go_back()  # a change is undone
        expect(line(page)).to_have_value("C8 BN SiLU P C16 BN SiLU P C16p SiLU GAP H10")
        wait_for_script(page)
        page.get_by_role("textbox", name="Its name").fill("narrow")
        page.get_by_role("textbox", name="Its name").press("Enter")
        wait_for_script(page)
        press(page, "Train it")
        expect(page.get_by_role("heading", level=1)).to_have_text("Train")
        expect(page).to_have_url(re.compile("run="))
        (id,) = parse_qs(urlsplit(page.url).query)["run"]
        run = folder.open_folder(practice_app.runs / id)
        wait_for(lambda: run.log().epochs)
        with held(run):
            expect(page.get_by_text(re.compile(r"Epoch \d+ of 14"))).to_be_visible()
            page.get_by_role("button", name="Stop training").click()
            wait_for_script(page)
        expect(page.get_by_text("Stopped in epoch")).to_be_visible()
        wait_for_script(page)
        page.get_by_role("link", name="Draw", exact=True).click()
        page.get_by_role("combobox", name="Hard digits").click()
        page.get_by_role("option", name="7 with a bar").click()
        expect(page.get_by_role("cell", name=re.compile("narrow"))).to_be_visible()


def first_layer(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^1 · Conv"))
