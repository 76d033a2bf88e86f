"""The app in a real browser.

`app`        the running app: `app.url("draw?step=step5")`, `app.log`, `app.runs`
`practice_app`  the same where there is no MNIST, so that an epoch takes a second
`browser`    Chromium, one for all tests
`page`       a fresh page; at the end of the test it fails on errors in the browser's console,
             on requests to other hosts and on complaints in the server's log
`second_page`  another browser's page, watched in the same way

A test that needs a server of its own takes `serve` or `warm_app`, and `watched_page`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, expect

from benchmarks.server import PATIENCE, SCREEN, App, chromium, serve
from tests.helpers import NOWHERE, require_no_mnist_at_home, skip_or_fail

expect.set_options(timeout=40_000)  # a busy machine with two cores

A_FRAME = 20  # pixels that a hand moves between two frames, when it writes fast
NARROW: ViewportSize = {"width": 400, "height": 900}

# The headings of all pages by their paths, in the sidebar's order.
HEADINGS = {
    "": re.compile("Five steps to 99.4"),
    "design": "Design",
    "train": "Train",
    "runs": "Runs",
    "lessons": "Lessons",
    "inside": "Look inside",
    "draw": "Draw",
    "digits": "Our digits",
    "mistakes": "Mistakes",
}

SUSPECT = re.compile(r"warning|deprecat|traceback|error|exception|not exist anymore", re.IGNORECASE)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    try:
        with chromium() as launched:
            yield launched
    except FileNotFoundError as error:
        skip_or_fail(str(error))


@pytest.fixture(scope="session")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on a free port with an empty folder of runs; ended at the end of the session."""
    with warm_app(browser, tmp_path_factory.mktemp("app")) as running:
        yield running


@pytest.fixture(scope="session")
def practice_app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on a machine without MNIST and without a network."""
    require_no_mnist_at_home()
    with warm_app(browser, tmp_path_factory.mktemp("practice"), NOWHERE) as running:
        yield running


@contextmanager
def warm_app(browser: Browser, folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[App]:
    """A server that has shown a page, for a fixture of a module or a session: the first page makes it import
    torch and all else."""
    with serve(folder, environment) as app:
        page = browser.contexts[0].new_page()
        page.goto(app.url("train"))
        ready = expect(page.get_by_role("button", name="Train", exact=True))
        ready.to_be_visible(timeout=PATIENCE * 1000)
        page.close()
        yield app


@contextmanager
def watched_page(browser: Browser, app: App) -> Iterator[Page]:
    """A page of somebody whom the app does not know; afterwards its console, its requests and the server's
    log must be clean. One at a time has the browser's own profile, whose cache keeps the app's scripts:
    a page is then there in half the time."""
    own = browser.contexts[0]
    kept = len(own.pages) == 1  # that of the profile's window, which stays open
    context = own if kept else browser.new_context()
    page = context.new_page()
    page.set_viewport_size(SCREEN)
    page.set_default_timeout(PATIENCE * 1000)  # of a click, which waits for what it clicks on
    errors: list[str] = []
    page.on("console", lambda message: errors.append(_words(message)) if _matters(message) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if _leaves(request.url, app) else None)
    before = len(complaints(app))
    yield page
    if kept:
        forget(page, app)
        page.close()
    else:
        context.close()
    assert not errors, f"the browser's console: {errors}"
    assert not elsewhere, f"requests to other hosts: {elsewhere}"
    assert not complaints(app)[before:], f"the server's log: {complaints(app)[before:]}"


def forget(page: Page, app: App) -> None:
    """Delete what the app has kept in the page's browser."""
    page.context.clear_cookies()
    storage = {"origin": app.url().rstrip("/"), "storageTypes": "local_storage"}
    page.context.new_cdp_session(page).send("Storage.clearDataForOrigin", storage)


def drag(page: Page, points: Sequence[tuple[float, float]], steps: int = 4) -> None:
    """Move the mouse with its button down along these points of the screen. It waits for a frame at the end
    of each line and in the middle of a long one, as a hand does: of all movements within a frame a busy
    browser makes one, and would cut off a corner."""
    page.mouse.move(*points[0])
    page.mouse.down()
    for (x, y), end in pairwise(points):
        half = ((x + end[0]) / 2, (y + end[1]) / 2)
        for place in (half, end) if math.dist((x, y), end) > A_FRAME else (end,):
            page.mouse.move(*place, steps=steps)
            page.evaluate("() => new Promise(requestAnimationFrame)")
    page.mouse.up()


def wait_for_script(page: Page) -> None:
    """Return once the page's script has ended: a key that is pressed before may be lost."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")


def follow_link(page: Page, path: str) -> None:
    """Go to a page by its link in the sidebar, even where the sidebar is folded away. The browser keeps what
    it has loaded; at an address it would load all of it again, for seconds."""
    link = page.get_by_test_id("stSidebarNavLink").nth([*HEADINGS].index(path))
    link.evaluate("link => link.click()")
    expect(page.get_by_role("heading", level=1)).to_have_text(HEADINGS[path])


def complaints(app: App) -> list[str]:
    """Lines of the server's log that should not be there."""
    return [line for line in app.log.read_text().splitlines() if SUSPECT.search(line)]


def _matters(message: ConsoleMessage) -> bool:
    """Whether a message is an error of ours. On a deep link Streamlit first looks for its server
    under the page's own path, and gets a 404 there: that is no error of ours."""
    probe = "/_stcore/" in message.location["url"] and "404" in message.text
    return message.type == "error" and not probe


def _words(message: ConsoleMessage) -> str:
    return f"{message.text} ({message.location['url']})"


def _leaves(url: str, app: App) -> bool:
    own = (app.url(), app.url().replace("http", "ws", 1), "data:", "blob:")
    return not url.startswith(own)


@pytest.fixture
def page(browser: Browser, app: App) -> Iterator[Page]:
    with watched_page(browser, app) as watched:
        yield watched


@pytest.fixture
def second_page(browser: Browser, app: App) -> Iterator[Page]:
    with watched_page(browser, app) as watched:
        yield watched
