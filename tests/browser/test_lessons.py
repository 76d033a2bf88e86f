"""A lesson from its link to a learner's own result."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from benchmarks.server import App
from s5core import lesson


def test_a_learner_says_first_trains_and_gets_a_result(page: Page, practice_app: App) -> None:
    found = lesson.shipped()["3-the-pool"]
    few = lesson.dataclasses.replace(found, title="Two pools", variants=found.variants[:2])
    page.goto(practice_app.url(f"lessons?lesson={lesson.to_text(few)}"))
    expect(page.get_by_role("heading", name="Two pools")).to_be_visible()
    page.get_by_role("radio", name="after two").or_(
        page.get_by_role("button", name="after two")
    ).first.click()
    for _ in few.variants:
        page.get_by_role("button", name="Train", exact=True).first.click()
        page.wait_for_timeout(500)
    expect(page.get_by_text("Your result")).to_be_visible(timeout=120_000)
    expect(page.get_by_test_id("stCode").first).to_contain_text("Expected to make fewer errors: after two")
    expect(page.get_by_role("button", name="Train again")).to_have_count(2)
    page.get_by_text("Share this lesson").click()
    expect(page.get_by_role("img", name="QR code of the link to this lesson")).to_be_visible()
    page.reload()  # the lesson is in the address, and the runs are this person's
    expect(page).to_have_url(re.compile("lesson=1"))
    expect(page.get_by_text("Your result")).to_be_visible()
