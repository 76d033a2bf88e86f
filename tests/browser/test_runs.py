"""Page "Runs" in a browser: select, delete and undo, rename, follow a link, open a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from benchmarks.server import App
from s5core import checkpoint
from s5core.runs import folder
from s5core.runs.folder import Run

from .conftest import wait_for_script, warm_app, watched_page

HEAD, ROW = 38, 53  # heights in pixels; the state "opened from a file" takes two lines


@pytest.fixture(scope="module")
def runs_app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with warm_app(browser, tmp_path_factory.mktemp("runs")) as app:
        yield app


@pytest.fixture
def made(runs_app: App, monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """Three runs of step 4, the only ones in the app; the order is that of the table."""
    monkeypatch.setenv("S5_RUNS_DIR", str(runs_app.runs))
    folder.delete(run.id for run in folder.list_runs())
    shipped = checkpoint.load(checkpoint.shipped_path("step4"))
    for rate in (0.1, 0.2, 0.3):
        recipe = shipped.recipe.replace(learning_rate=rate)
        folder.adopt(replace(shipped, recipe=recipe), "step4", recipe.name(shipped.recipe))
    return folder.list_runs()


@pytest.fixture
def runs_page(browser: Browser, runs_app: App, made: list[Run]) -> Iterator[Page]:
    with watched_page(browser, runs_app) as page:
        page.goto(runs_app.url("runs?step=step4"))
        expect(table(page)).to_be_visible()
        yield page


def table(page: Page) -> Locator:
    return page.get_by_test_id("stDataFrame")


def select(page: Page, *rows: int) -> None:
    """Click on the boxes of these rows, counted from 0."""
    for row in rows:
        table(page).click(position={"x": 17, "y": HEAD + ROW * row + ROW / 2})
        page.wait_for_timeout(700)  # the table is a canvas, which has nothing to wait for
        wait_for_script(page)


def test_deleted_runs_come_back_by_undo(runs_page: Page, made: list[Run]) -> None:
    select(runs_page, 0, 2)
    expect(runs_page.get_by_text("2 runs selected")).to_be_visible()
    runs_page.get_by_role("button", name="Delete", exact=True).click()
    expect(runs_page.get_by_text("Deleted: 2 runs.")).to_be_visible()
    assert folder.list_runs() == [made[1]]
    select(runs_page, 0)  # where another run was before
    expect(runs_page.get_by_text(f"Step 4, {made[1].title}", exact=True)).to_be_visible()
    runs_page.get_by_role("button", name="Undo").click()
    expect(runs_page.get_by_text("2 runs selected")).to_be_visible()
    assert folder.list_runs() == made
    expect(runs_page.get_by_role("button", name="Undo")).to_have_count(0)


def test_a_run_is_renamed_pinned_and_opened(runs_page: Page, made: list[Run]) -> None:
    select(runs_page, 2)
    runs_page.get_by_role("button", name="Rename").click()
    name = runs_page.get_by_role("textbox", name="New name")
    name.fill("for *the* class")
    name.press("Enter")
    expect(runs_page.get_by_text("Step 4, for *the* class", exact=True)).to_be_visible()
    runs_page.get_by_role("button", name="Pin", exact=True).click()
    expect(runs_page.get_by_role("button", name="Unpin")).to_be_visible()
    expect(runs_page.get_by_text("Step 4, for *the* class", exact=True)).to_be_visible()
    assert folder.list_runs()[0].id == made[2].id
    runs_page.get_by_role("link", name="Its mistakes").click()
    expect(runs_page.get_by_role("heading", level=1)).to_have_text("Mistakes")
    expect(runs_page).to_have_url(re.compile(rf"/mistakes\?step=step4&run={made[2].id}$"))
    expect(runs_page.get_by_role("combobox", name="Trained network")).to_have_value("for *the* class")


def test_a_bad_checkpoint_is_refused_in_a_sentence(runs_page: Page, tmp_path) -> None:
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"not a checkpoint at all")
    upload(runs_page, bad)
    expect(runs_page.get_by_text("bad.safetensors is truncated or no safetensors file")).to_be_visible()


def test_a_good_checkpoint_becomes_a_run_and_is_chosen(runs_page: Page) -> None:
    upload(runs_page, checkpoint.shipped_path("step5"))
    expect(runs_page).to_have_url(re.compile(r"/runs\?step=step5&run=\d{8}-\d{6}-step5-"))
    expect(runs_page.get_by_text("Step 5, step5", exact=True)).to_be_visible()


def upload(page: Page, path) -> None:
    page.get_by_role("button", name="Open a checkpoint").click()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(path)


def test_a_hint_leads_to_the_controls_of_train(runs_page: Page, made: list[Run]) -> None:
    shipped = checkpoint.load(checkpoint.shipped_path("step4"))
    recipe = shipped.recipe.replace(schedule="constant")
    folder.adopt(replace(shipped, recipe=recipe), "step4", "constant")
    runs_page.reload()
    expect(table(runs_page)).to_be_visible()
    select(runs_page, 0)
    runs_page.get_by_role("button", name="A one-cycle schedule that ends at zero").click()
    expect(runs_page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(runs_page.get_by_text("the recipe of Step 4, constant with one change")).to_be_visible()
    assert len(folder.list_runs()) == len(made) + 1  # nothing is trained
