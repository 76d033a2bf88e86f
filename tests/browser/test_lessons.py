"""A lesson from its link to a learner's own result."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.server import App
from s5core import lesson

from .conftest import wait_for_script, watched_page


@pytest.fixture
def lessons(browser: Browser, practice_app: App) -> Iterator[Page]:
    """A watched page of the app where there is no MNIST."""
    with watched_page(browser, practice_app) as page:
        yield page


@pytest.mark.parametrize("name", ["2-global-average-pooling", "6-learning-rate"])
def test_a_learner_says_first_trains_and_gets_a_result(lessons: Page, practice_app: App, name: str) -> None:
    page, found = lessons, lesson.shipped()[name]
    page.goto(practice_app.url(f"lessons?lesson={name}"))
    expect(page.get_by_role("heading", name=found.title)).to_be_visible()
    expected = found.variants[-1].name
    page.get_by_role("radio", name=expected, exact=True).click()
    train = page.get_by_role("button", name="Train", exact=True)
    for left in reversed(range(len(found.variants))):
        train.first.click()
        expect(train).to_have_count(left)  # on a busy machine a second click could meet the same button
    expect(page.get_by_text("Your result")).to_be_visible(timeout=120_000)
    result = page.get_by_test_id("stCode").first
    expect(result).to_contain_text(f"Expected to make fewer errors: {expected}")
    for variant in found.variants:
        expect(result).to_contain_text(f"{variant.name}: ")
    expect(page.get_by_role("button", name="Train again")).to_have_count(len(found.variants))
    page.get_by_text("Share this lesson").click()
    expect(page.get_by_role("img", name="QR code of the link to this lesson")).to_be_visible()
    page.reload()  # the lesson is in the address, and the runs are this person's
    expect(page).to_have_url(re.compile(f"lesson={name}"))
    expect(page.get_by_text("Your result")).to_be_visible()


def test_a_teacher_s_lesson_is_in_its_link(lessons: Page, practice_app: App) -> None:
    page = lessons
    page.goto(practice_app.url("lessons"))
    page.get_by_text("Write a lesson of your own").click()
    make = page.get_by_role("button", name="Make the lesson")
    expect(make).to_be_visible()
    wait_for_script(page)
    make.click()
    expect(page.get_by_text("The lesson has no title yet.")).to_be_visible()
    page.get_by_label("Title").fill("Two of ours")
    page.get_by_label("The question").fill("Which is better?")
    page.get_by_label("What to do, a line for each task").fill("Train.\n\nCompare.")
    for step in ("Batch norm", "Under budget"):
        page.get_by_role("combobox", name="The networks to train").click()
        page.keyboard.type(step)
        page.wait_for_timeout(300)  # the list grows shorter while one types
        page.get_by_role("option", name=step).first.click()
        expect(page.get_by_test_id("stMultiSelect").first).to_contain_text(step)
        page.keyboard.press("Escape")  # the list stays open
    make.click()
    link = page.get_by_test_id("stCode").first
    expect(link).to_contain_text("lessons?lesson=1.")
    made = lesson.from_text(link.inner_text().strip().partition("lesson=")[2])
    assert (made.title, made.tasks) == ("Two of ours", ("Train.", "Compare."))
    assert [variant.step for variant in made.variants] == ["step4", "step5"]
    assert {variant.recipe.epochs for variant in made.variants} == {2}
