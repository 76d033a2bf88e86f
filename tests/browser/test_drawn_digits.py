"""Ten digits that ten people wrote, drawn on the page's canvas with the mouse, are read right, and letters
are in doubt."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Page, expect

from s5core.drawing import score, sketch

from .test_draw import answer, canvas, open_draw, stroke

PEN_WIDTH = 20  # the page's own


def ten_digits(digits: score.DrawnDigits) -> list[int]:
    """The first digit of each class whose writer is not among the writers chosen before."""
    chosen: list[int] = []
    for label in range(10):
        known = {int(digits.writers[i]) for i in chosen}
        chosen.append(
            next(
                i
                for i, (written, writer) in enumerate(zip(digits.labels, digits.writers, strict=True))
                if int(written) == label and int(writer) not in known
            )
        )
    return chosen


def read(page: Page) -> int:
    """The answer on the page once it has read the whole drawing."""
    expect(answer(page)).to_be_visible()
    page.wait_for_timeout(1200)  # the page reads after each stroke: the last answer counts
    return int(answer(page).locator("span").first.inner_text().rstrip("?"))


def draw(page: Page, strokes: list[sketch.Stroke], number: int) -> None:
    """Draw with the mouse, somewhere on the canvas."""
    made = score.draw(strokes, PEN_WIDTH, np.random.default_rng(number))
    for points in sketch.strokes_of(made.drawing):
        stroke(page, [(round(x), round(y)) for x, y in points], steps=1)


def clear(page: Page) -> None:
    page.get_by_role("button", name="Clear").click()
    expect(page.get_by_text("There is no digit yet")).to_be_visible()
    expect(canvas(page)).to_be_visible()


def test_nine_of_ten_digits_that_people_wrote_are_read_right(page: Page, app, drawn_digits) -> None:
    digits = drawn_digits
    open_draw(page, app)
    right = 0
    for i in ten_digits(digits):
        draw(page, digits.strokes[i], i)
        right += read(page) == int(digits.labels[i])
        clear(page)
    assert right >= 9


def test_nine_of_ten_letters_that_people_wrote_are_in_doubt(page: Page, app, drawn_letters) -> None:
    open_draw(page, app)
    doubted = 0
    for letter in "AEFHKMRTWX":
        i = int(np.flatnonzero(drawn_letters.texts == letter)[0])
        draw(page, drawn_letters.strokes[i], i)
        read(page)
        doubted += page.get_by_role("alert").filter(has_text="Not sure").is_visible()
        clear(page)
    assert doubted >= 9
