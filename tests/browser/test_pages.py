"""Every page by its own address, on a server that has just been started and on a warm one."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from benchmarks.server import App
from tests.helpers import wait_for

from .conftest import HEADINGS, NARROW, follow_link, wait_for_script


def expect_page(page: Page, heading: str | re.Pattern[str]) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    expect(page.get_by_role("combobox", name="Step")).to_be_visible()
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(len(HEADINGS))
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page.get_by_test_id("stException")).to_have_count(0)


@pytest.mark.parametrize("path", [*HEADINGS, "steps"])
def test_a_page_opens_by_its_address_with_its_step(app: App, page: Page, path: str) -> None:
    page.goto(app.url(f"{path}?step=step4"))
    expect_page(page, HEADINGS[path.replace("steps", "")])  # the start page has two addresses
    expect(page.get_by_role("combobox", name="Step")).to_have_value(re.compile("^4"))


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


def test_nothing_runs_over_the_edge_of_a_phone(app: App, page: Page) -> None:
    page.set_viewport_size(NARROW)
    page.goto(app.url())
    main = page.get_by_test_id("stMain")
    for path in reversed(HEADINGS):
        follow_link(page, path)
        page.wait_for_timeout(1500)
        wait_for_script(page)
        # A column that Streamlit mounts is at first as wide as the screen: on a busy machine, for seconds.
        wait_for(lambda: main.evaluate("element => element.scrollWidth - element.clientWidth") <= 1)


OVERLAPS = """() => {
  const box = element => element.getBoundingClientRect();
  const seen = [...document.querySelectorAll("[data-testid=stElementToolbar]")].filter(
    each => box(each).width && getComputedStyle(each).opacity > 0.1);
  const controls = [...document.querySelectorAll("main :is(button, input, [role=slider], [role=combobox])")];
  return seen.flatMap(bar => controls.filter(each => !bar.contains(each) && box(each).width
    && box(each).left < box(bar).right && box(each).right > box(bar).left
    && box(each).top < box(bar).bottom && box(each).bottom > box(bar).top).map(each => each.outerHTML));
}"""


@pytest.mark.parametrize("path", ["train", "inside"])
def test_no_toolbar_covers_a_control(app: App, page: Page, path: str) -> None:
    page.goto(app.url(path))
    charts = page.get_by_test_id("stVegaLiteChart")
    expect(charts.first).to_be_visible()
    wait_for_script(page)
    for chart in charts.all():
        chart.hover()
        page.wait_for_timeout(300)  # a toolbar comes slowly
        assert page.evaluate(OVERLAPS) == []


def step(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Step")


def test_back_goes_one_page_a_press_and_undoes_a_change_of_step(app: App, page: Page) -> None:
    page.goto(app.url("digits"))
    expect_page(page, "Our digits")
    wait_for_script(page)
    page.get_by_role("link", name="Draw", exact=True).click()
    expect_page(page, "Draw")
    wait_for_script(page)
    step(page).click()
    page.get_by_role("option", name=re.compile("^2 ·")).click()
    expect(page).to_have_url(re.compile(r"/draw\?step=step2"))
    wait_for_script(page)
    page.get_by_role("link", name="Look inside", exact=True).click()
    expect_page(page, "Look inside")
    expect(page).to_have_url(re.compile(r"/inside\?step=step2"))
    wait_for_script(page)
    for heading, label in (("Draw", "^2"), ("Draw", "^5"), ("Our digits", "^5")):
        page.go_back()
        expect_page(page, heading)
        expect(step(page)).to_have_value(re.compile(label))
        wait_for_script(page)
    page.go_forward()
    expect_page(page, "Draw")
    page.go_forward()
    expect(step(page)).to_have_value(re.compile("^2"))


def test_the_presentation_stays_in_the_link_and_on_other_pages(app: App, page: Page) -> None:
    def size() -> str:
        return page.get_by_role("heading", level=1).evaluate("title => getComputedStyle(title).fontSize")

    page.goto(app.url("digits"))
    expect_page(page, "Our digits")
    usual = float(size().removesuffix("px"))
    page.get_by_test_id("stSidebar").get_by_text("Presentation").click()
    expect(page).to_have_url(re.compile(r"show=large"))
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Draw").evaluate("link => link.click()")
    expect(page.get_by_role("heading", level=1)).to_have_text("Draw")
    expect(page).to_have_url(re.compile(r"/draw\?.*show=large"))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Draw")
    expect(page.get_by_role("combobox", name="Step")).not_to_be_in_viewport()  # the sidebar is folded away
    assert float(size().removesuffix("px")) > 1.2 * usual


def test_a_presentation_hides_the_help_and_no_button(app: App, page: Page) -> None:
    page.goto(app.url("train?show=large"))
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible()
    page.goto(app.url("draw?show=large"))
    expect(page.get_by_role("button", name="Clear", exact=True)).to_be_visible()
    expect(page.get_by_test_id("stMain").get_by_role("button", name="Help")).to_have_count(0)
