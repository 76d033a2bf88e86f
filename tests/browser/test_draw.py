"""Page "Draw" in a browser: step 5 as shipped reads what the mouse draws."""

from __future__ import annotations

import re
import time

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from benchmarks.server import PATIENCE
from s5core.checkpoint import FOLDER
from s5core.drawing import sketch

from .conftest import drag

SEVEN = [(70, 60), (205, 60), (130, 240)]
CENTRED = "Centre the digit"
NETWORKS = len(list(FOLDER.glob("*.safetensors")))
NINE = [
    (185, 95),
    (150, 60),
    (110, 75),
    (100, 120),
    (135, 145),
    (180, 125),
    (187, 80),
    (190, 150),
    (170, 240),
]


def canvas(page: Page) -> Locator:
    return page.locator("canvas.upper-canvas")


def answer(page: Page) -> Locator:
    return page.get_by_role("status").filter(has_text=re.compile("reads|guesses"))


def seen(page: Page) -> Locator:
    return page.get_by_alt_text("The digit as the networks receive it.")


def read_as(digit: int) -> re.Pattern[str]:
    """The answer as the page shows it: the network, the digit, its probability."""
    return re.compile(rf"reads\s*{digit}\s*(over|\d)")


def reasons(page: Page) -> Locator:
    """The picture of what decides between the answer and its rival."""
    return page.get_by_alt_text("What decides")


def rivals(page: Page) -> Locator:
    return page.get_by_role("radiogroup", name="Compare with").get_by_role("radio")


def open_draw(page: Page, app) -> None:
    page.goto(app.url("draw?step=step5"))
    expect(canvas(page)).to_be_visible()
    expect(page.get_by_text("There is no digit yet")).to_be_visible()


def stroke(page: Page, points: list[tuple[int, int]], steps: int = 4) -> None:
    # In the middle of the screen: at its top the page's header would cover the canvas.
    canvas(page).evaluate("canvas => canvas.scrollIntoView({block: 'center'})")
    box = canvas(page).bounding_box()
    assert box and (box["width"], box["height"]) == (280, 280)
    drag(page, [(box["x"] + x, box["y"] + y) for x, y in points], steps)


def lit(page: Page) -> int:
    """How many pixels of the canvas are drawn on."""
    painted = page.locator("canvas.dc-canvas.lower-canvas")
    expect(painted).to_have_count(1)  # for a moment an old canvas may be beside the new one
    return painted.first.evaluate(
        """(canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
            .data.filter((value, i) => i % 4 == 0 && value > 128).length"""
    )


def expect_lit(page: Page, low: float, high: float) -> None:
    end = time.monotonic() + PATIENCE
    while not low <= (found := lit(page)) <= high:
        assert time.monotonic() < end, f"{found} pixels are drawn on, not {low} to {high}"
        page.wait_for_timeout(100)


def test_a_seven_is_read_and_undone_and_cleared(page, app):
    open_draw(page, app)
    assert lit(page) == 0
    stroke(page, SEVEN)
    expect(answer(page)).to_contain_text(read_as(7))
    expect(page.get_by_role("row")).to_have_count(1 + NETWORKS)  # and the header
    drawn, seven = lit(page), seen(page).get_attribute("src") or ""
    stroke(page, [(95, 150), (190, 150)])
    expect_lit(page, drawn + 500, 280**2)
    expect(seen(page)).not_to_have_attribute("src", seven)
    page.get_by_role("button", name="Undo").click()
    expect(seen(page)).to_have_attribute("src", seven)
    expect_lit(page, 0.97 * drawn, 1.03 * drawn)
    expect(answer(page)).to_contain_text(read_as(7))
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("There is no digit yet")).to_be_visible()
    expect_lit(page, 0, 0)


def test_the_very_first_stroke_can_be_undone(page, app):
    open_draw(page, app)
    stroke(page, SEVEN)
    expect(answer(page)).to_contain_text(read_as(7))
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("There is no digit yet")).to_be_visible()
    expect_lit(page, 0, 0)


def test_a_drawing_survives_a_page_switch_and_can_be_continued(page, app):
    open_draw(page, app)
    stroke(page, SEVEN)
    expect(answer(page)).to_contain_text(read_as(7))
    drawn = lit(page)
    page.get_by_role("link", name="Mistakes").click()
    expect(page.get_by_role("heading", name="Mistakes", exact=True)).to_be_visible()
    page.get_by_role("link", name="Draw", exact=True).click()
    expect(answer(page)).to_contain_text(read_as(7))
    expect_lit(page, 0.97 * drawn, 1.03 * drawn)
    seven = seen(page).get_attribute("src") or ""
    stroke(page, [(95, 150), (190, 150)])
    expect(seen(page)).not_to_have_attribute("src", seven)
    assert lit(page) > drawn + 500  # the new stroke is still there after the answer


def test_a_hard_digit_in_the_corner_needs_its_centring(page, app):
    open_draw(page, app)
    page.get_by_role("combobox", name="Hard digits").click()
    page.get_by_role("option", name="A small 7 in a corner").click()
    expect(answer(page)).to_contain_text(read_as(7))
    page.get_by_text(CENTRED).click()
    expect(page.get_by_text("merely shrunk")).to_be_visible()
    page.get_by_text(CENTRED).click()
    expect(page.get_by_text("merely shrunk")).to_have_count(0)
    expect(answer(page)).to_contain_text(read_as(7))


def test_the_canvas_is_whole_on_a_phone(page, app):
    page.set_viewport_size({"width": 400, "height": 900})
    open_draw(page, app)
    stroke(page, SEVEN)
    expect(answer(page)).to_contain_text(read_as(7))
    wide = page.evaluate("() => document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 400
    below = page.get_by_role("slider", name="Width").bounding_box()["y"]
    assert answer(page).bounding_box()["y"] < below  # no scrolling past all tools


def test_the_tools_stay_where_they_are_whatever_is_answered(page, app):
    def place():
        return page.get_by_role("slider", name="Width").bounding_box()["y"]

    open_draw(page, app)
    before = place()
    stroke(page, SEVEN)
    expect(answer(page)).to_contain_text(read_as(7))
    assert place() == before


def test_strokes_may_begin_in_every_corner(page, app):
    """The canvas has tools of its own, unseen in its upper right corner."""
    open_draw(page, app)
    for _ in range(2):
        expect(page.locator(".dc-toolbar")).to_be_hidden()
        expect(page.get_by_role("button", name="Undo")).to_have_count(1)
        stroke(page, [(270, 8), (80, 12)])
        stroke(page, [(270, 8), (130, 240)])
        expect(answer(page)).to_contain_text(read_as(7))
        page.get_by_role("button", name="Clear").click()  # brings a new canvas
        expect(page.get_by_text("There is no digit yet")).to_be_visible()


def test_several_digits_are_refused_where_the_answer_would_be(page, app):
    open_draw(page, app)
    stroke(page, [(60, 60), (60, 240)])
    stroke(page, [(150, 60), (230, 60), (190, 240)])
    expect(page.get_by_text("There are several digits")).to_be_in_viewport()
    expect(page.get_by_text("There is no digit yet")).to_have_count(0)
    expect(answer(page)).to_have_count(0)


def test_why_a_nine_and_not_another_digit_until_its_loop_is_erased(page, app):
    open_draw(page, app)
    stroke(page, NINE)
    expect(answer(page)).to_contain_text(read_as(9))
    expect(page.get_by_role("heading", name="Why a 9 and not a")).to_be_visible()
    expect(rivals(page)).to_have_text(list("012345678"))
    rivals(page).filter(has_text="4").click()
    expect(page.get_by_role("heading", name="Why a 9 and not a 4?")).to_be_visible()
    four = reasons(page).get_attribute("src") or ""
    rivals(page).filter(has_text="1").click()
    expect(page.get_by_role("heading", name="Why a 9 and not a 1?")).to_be_visible()
    expect(reasons(page)).not_to_have_attribute("src", four)
    one = reasons(page).get_attribute("src") or ""
    page.get_by_text("Eraser", exact=True).click()
    expect(page.get_by_role("radio", name="Eraser")).to_be_checked()
    stroke(page, [(160, 70), (130, 55)])  # a bit of the loop: the choice of the 1 stays
    expect(reasons(page)).not_to_have_attribute("src", one)
    expect(page.get_by_role("heading", name="Why a 9 and not a 1?")).to_be_visible()
    stroke(page, [(150, 60), (110, 75), (100, 120), (135, 145), (165, 135)])  # all of it: the stem is left
    expect(answer(page)).to_contain_text(read_as(1))
    expect(page.get_by_role("heading", name="Why a 1 and not a")).to_be_visible()
    expect(rivals(page)).to_have_text(list("023456789"))
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_role("heading", name="Why")).to_have_count(0)


def test_a_box_around_one_of_two_digits_makes_it_readable(page, app, tmp_path):
    pair = [sketch.hard_digit(name, 20).pixels for name in ("4, open", "3 with a flat top")]
    Image.fromarray(230 - np.concatenate(pair, axis=1) // 2).save(tmp_path / "two.png")
    open_draw(page, app)
    page.get_by_text("Use a photograph").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "two.png")
    expect(page.get_by_text("There are several digits")).to_be_visible()
    canvas(page).scroll_into_view_if_needed()
    box = canvas(page).bounding_box()
    page.mouse.move(box["x"] + 0.52 * box["width"], box["y"] + 0.05 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.98 * box["width"], box["y"] + 0.95 * box["height"], steps=5)
    page.mouse.up()
    expect(answer(page)).to_contain_text(re.compile(r"s\s*3"))
