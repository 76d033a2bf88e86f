"""Page "Train" in a browser, on the practice digits: what a class does with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.server import App
from s5core import checkpoint
from s5core.export import link
from s5core.steps import STEPS
from tests.helpers import wait_for

from .conftest import NARROW, wait_for_script, watched_page

RUNNING = re.compile(r"Epoch \d+ of \d+ · [\d,]+ images a second")

STEP = STEPS["step5"]
LONG = STEP.recipe.replace(epochs=100)  # on the practice digits it takes minutes: no test has to hurry
STOPPED = re.compile(r"Stopped in epoch \d+; .+ Resume begins epoch \d+ again")
WARM = re.compile(r"About .+ on this machine")  # a worker has measured it, so that it is ready
TRAINING = '[aria-label*="training accuracy"]'


@pytest.fixture
def train_page(browser: Browser, practice_app: App) -> Iterator[Page]:
    with watched_page(browser, practice_app) as page:
        page.goto(practice_app.url("train?step=step5"))
        expect(start_button(page)).to_be_visible()
        yield page


@pytest.fixture
def long_page(browser: Browser, practice_app: App) -> Iterator[Page]:
    """The page with a recipe whose run does not end by itself while a test looks at it."""
    with watched_page(browser, practice_app) as page:
        page.goto(link.address(link.write(STEP.name, STEP.layers, LONG), practice_app.url()))
        expect(page.get_by_role("slider", name="Epochs")).to_have_value("100")
        expect(page).to_have_url(practice_app.url("train?step=step5"))
        yield page


def start_button(page: Page):
    return page.get_by_role("button", name="Train", exact=True)


def set_two_epochs(page: Page) -> None:
    """With the keyboard, from the beginning of the slider."""
    slider = page.get_by_role("slider", name="Epochs").first  # while a page is redrawn there can be two
    for key, value in (("Home", "1"), ("ArrowRight", "2")):
        slider.press(key)
        expect(slider).to_have_value(value)


def test_two_epochs_on_the_practice_digits(train_page, practice_app):
    expect(train_page.get_by_text("These are the practice digits")).to_be_visible()
    set_two_epochs(train_page)
    start_button(train_page).click()
    charts = train_page.get_by_test_id("stVegaLiteChart")
    expect(charts).to_have_count(2)  # the accuracy, and the learning rate of the settings
    expect(
        train_page.get_by_text(re.compile(r"Finished: \d\d\.\d\d\s% in the last of 2 epochs"))
    ).to_be_visible()
    expect(train_page.get_by_role("button", name="Download", exact=True)).to_be_visible()
    with train_page.expect_download() as download:
        train_page.get_by_role("button", name="Download", exact=True).click()
    saved = checkpoint.load(Path(download.value.path()))
    assert len(saved.history) == 2 and saved.data == "practice set"
    train_page.get_by_role("link", name="Draw for it").click()
    expect(train_page.locator("canvas.upper-canvas")).to_be_visible()
    expect(train_page).to_have_url(re.compile(r"/draw\?step=step5&run="))


def test_the_page_tells_why_the_download_failed(train_page):
    expect(train_page.get_by_text("Why the download failed: no mirror delivered")).to_be_visible()
    expect(train_page.get_by_text("Connection refused")).to_be_visible()


@pytest.mark.timed  # on a busy machine a look at the run and a click cross, and Streamlit's log tells of it
def test_stop_resume_reload_and_a_second_browser(long_page, browser, practice_app):
    start_button(long_page).click()
    expect(long_page.get_by_text(RUNNING)).to_be_visible()
    # The page looks every second, in which several epochs of the practice digits may end.
    expect(long_page.get_by_text(re.compile(r"Epoch ([2-9]|\d\d) of 100"))).to_be_visible()
    long_page.get_by_role("button", name="Stop training").click()
    expect(long_page.get_by_text(STOPPED)).to_be_visible()

    long_page.get_by_role("button", name="Resume").click()
    expect(long_page.get_by_text(RUNNING)).to_be_visible()
    long_page.reload()
    expect(long_page.get_by_text(RUNNING)).to_be_visible()
    with watched_page(browser, practice_app) as other:
        other.goto(long_page.url)
        expect(other.get_by_text(RUNNING)).to_be_visible()
        expect(other.get_by_role("button", name="Stop training")).to_have_count(0)  # it is not theirs
        long_page.get_by_role("button", name="Stop training").click()
        expect(other.get_by_text(STOPPED)).to_be_visible()


def test_the_learning_rate_of_a_running_run_is_changed(long_page, practice_app):
    start_button(long_page).click()
    expect(long_page.get_by_text(RUNNING)).to_be_visible()
    id = re.search(r"run=([\w-]+)", long_page.url).group(1)
    long_page.get_by_role("slider", name="Learning rate from now on").press("Home")  # 0.0001
    log = practice_app.runs / id / "events.jsonl"
    wait_for(lambda: json.loads(log.read_text().splitlines()[-1]).get("learning_rate", 1) <= 1e-4)
    long_page.get_by_role("button", name="Stop training").click()
    expect(long_page.get_by_text(STOPPED)).to_be_visible()


def test_a_third_run_shows_its_place_in_line(long_page):
    links = []
    for _ in range(3):
        before = long_page.url
        start_button(long_page).click()
        expect(long_page).not_to_have_url(before)
        links.append(long_page.url)
    expect(long_page.get_by_text("Waiting in line, place 1")).to_be_visible()
    long_page.get_by_role("button", name="Stop training").click()
    expect(long_page.get_by_text("Not started")).to_be_visible()
    for address in links[:2]:  # leave the machine to the next test
        long_page.goto(address)
        long_page.get_by_role("button", name="Stop training").click()
        expect(long_page.get_by_text(STOPPED)).to_be_visible()


def test_by_keyboard_alone(long_page):
    """Tab to the button, Enter, and the run starts; Tab and Enter again, and it stops."""
    for wanted in ("Train", "Stop training"):
        button = long_page.get_by_role("button", name=wanted, exact=True)
        expect(button).to_be_visible()
        for _ in range(150):
            long_page.keyboard.press("Tab")
            if button.evaluate("element => element === document.activeElement"):
                break
        expect(button).to_be_focused()
        long_page.keyboard.press("Enter")
    expect(long_page.get_by_text(STOPPED)).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1400, 1000), (1920, 1080)])
def test_the_first_screen_has_the_transport_the_chart_and_the_main_settings(train_page, width, height):
    train_page.set_viewport_size({"width": width, "height": height})
    for seen in (
        start_button(train_page),
        train_page.get_by_role("progressbar"),
        train_page.get_by_test_id("stVegaLiteChart").first,
        train_page.get_by_role("slider", name="Learning rate"),
        train_page.get_by_role("combobox", name="Schedule"),
        train_page.get_by_role("slider", name="Epochs"),
        train_page.get_by_test_id("stVegaLiteChart").last,
    ):
        box = seen.first.bounding_box()
        assert box is not None and box["y"] >= 0 and box["y"] + box["height"] <= 720, seen


def test_on_a_phone_the_transport_comes_first_then_the_chart_then_the_settings(train_page):
    train_page.set_viewport_size(NARROW)
    chart = train_page.get_by_test_id("stVegaLiteChart").first
    settings = train_page.get_by_role("slider", name="Learning rate")
    heights = [part.bounding_box()["y"] for part in (start_button(train_page), chart, settings)]
    assert heights == sorted(heights)


@pytest.mark.parametrize("width", [1280, 400])
def test_the_transport_is_in_sight_wherever_the_page_is_scrolled(train_page, width):
    train_page.set_viewport_size({"width": width, "height": 720})
    for name in ("Augmentation", "Optimiser, batches and regularisation"):
        train_page.get_by_text(name, exact=True).click()
    wait_for_script(train_page)
    main = train_page.get_by_test_id("stMain")
    longest = main.evaluate("element => element.scrollHeight - element.clientHeight")
    assert longest > 300
    for share in (0, 0.25, 0.5, 0.75, 1):
        main.evaluate("(element, to) => { element.scrollTop = to }", share * longest)
        for part in (start_button(train_page), train_page.get_by_role("progressbar").first):
            expect(part).to_be_in_viewport(ratio=1)
        start_button(train_page).click(trial=True)  # nothing covers it
    transport = train_page.locator(".st-key-train_transport")
    expect(transport).to_have_css("background-color", re.compile(r"^rgb\("))  # nothing shows through it


def test_the_first_point_comes_at_once(long_page):
    expect(long_page.get_by_text(WARM)).to_be_visible(timeout=60_000)
    start_button(long_page).click()
    long_page.locator(TRAINING).first.wait_for(state="attached", timeout=1_500)
    long_page.get_by_role("button", name="Stop training").click()
    expect(long_page.get_by_text(STOPPED)).to_be_visible()


def test_nothing_moves_when_a_run_begins_or_ends(train_page):
    asked = []
    train_page.on("websocket", lambda socket: socket.on("framesent", lambda sent: asked.append(sent)))
    train_page.reload()
    set_two_epochs(train_page)
    train_page.get_by_text("Augmentation", exact=True).click()
    rotation = train_page.get_by_role("slider", name="Rotation, ± degrees")
    expect(rotation).to_be_visible()
    wait_for_script(train_page)
    main = train_page.get_by_test_id("stMain")
    main.evaluate("element => { element.scrollTop = 150 }")
    chart = train_page.get_by_test_id("stVegaLiteChart").first
    chart.evaluate("element => { element.marked = true }")
    places = [part.bounding_box() for part in (start_button(train_page), chart, rotation)]

    def check() -> None:
        assert main.evaluate("element => element.scrollTop") == 150
        assert chart.evaluate("element => element.marked")  # the same element, drawn on again
        assert [part.bounding_box() for part in (start_button(train_page), chart, rotation)] == places

    start_button(train_page).click()
    expect(train_page).to_have_url(re.compile("run="))
    check()
    expect(train_page.get_by_text(re.compile("Finished: "))).to_be_visible(timeout=60_000)
    check()
    assert asked, "the page has followed the run"

    def idle() -> bool:
        asked.clear()
        train_page.wait_for_timeout(3_000)
        return not asked

    wait_for(idle)  # a page costs the server nothing once the worker has left the run, which cannot go on
    check()
