"""Two people in two browsers on one server."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from benchmarks.server import App


def test_a_run_is_its_owners_also_after_a_reload_and_nobody_elses(
    page: Page, second_page: Page, app: App
) -> None:
    page.goto(app.url("train?step=step4"))
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page).to_have_url(re.compile(r"run="))
    stop = page.get_by_role("button", name="Stop training")
    expect(stop).to_be_visible()
    expect(page.get_by_role("button", name="You:")).to_have_count(0)  # nobody else is here
    second_page.goto(page.url)
    expect(second_page.get_by_text("A run of guest")).to_be_visible()
    expect(second_page.get_by_role("button", name="You:")).to_be_visible()
    expect(second_page.get_by_role("button", name="Stop training")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("button", name="You:")).to_be_visible()
    stop.click()  # the cookie says who it is
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
