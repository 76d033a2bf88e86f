"""Take it home in a browser: a file is made after the click, and a link leads to the same settings."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from benchmarks.server import App
from s5core.export import hand_in, link
from s5core.steps import STEPS


def test_a_report_is_downloaded_and_a_link_is_opened(
    page: Page, second_page: Page, app: App, tmp_path
) -> None:
    page.goto(app.url("inside?step=step3"))
    page.get_by_role("tab", name="Take it home").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="A report", exact=True).click()
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    assert path.name == "step3-report.html"
    assert hand_in.read(path).intact
    address = page.locator("code").filter(has_text=link.PARAMETER).inner_text()
    assert address.startswith(app.url("train?take="))
    assert link.read(address).recipe == STEPS["step3"].recipe
    second_page.goto(address)
    expect(second_page.get_by_text("The settings are the recipe of the link.")).to_be_visible()
    expect(second_page).to_have_url(app.url("train?step=step3"))
