"""The app in a real browser.

`app`        the running app: `app.url("draw?step=step5")`, `app.log`, `app.runs`
`browser`    Chromium, one for all tests
`page`       a fresh page; at the end of the test it fails on errors in the browser's console
             and on requests to other hosts
`second_page`  another browser's page, watched in the same way

A test that needs a server of its own takes `serving` and `watched_page`:
`from .conftest import App, free_port, serving, visit_first, watched_page`.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from s5core.files import ROOT

try:
    from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
except ImportError:  # the tests below say what is missing
    sync_playwright = None
else:
    expect.set_options(timeout=20_000)  # a busy machine with two cores

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxy other tests set
PATIENCE = 60  # seconds for the server's first answer, and for its first page
NARROW, WIDE = {"width": 400, "height": 900}, {"width": 1280, "height": 900}
SUSPECT = re.compile(r"warning|deprecat|traceback|error|exception", re.IGNORECASE)


@dataclass(frozen=True)
class App:
    """A server that runs the app."""

    port: int
    runs: Path  # the folder of its runs
    log: Path
    environment: dict[str, str] = field(default_factory=dict)  # in addition to that of the tests

    def url(self, path: str = "") -> str:
        """The address of a page, such as "draw?step=step5"."""
        return f"http://127.0.0.1:{self.port}/{path}"

    def complaints(self) -> list[str]:
        """Lines of the server's log that should not be there."""
        return [line for line in self.log.read_text().splitlines() if SUSPECT.search(line)]


def unavailable(reason: str) -> None:
    """Skip the test; in CI fail it, as a skipped test would be green there for ever."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if sync_playwright is None:
        unavailable("needs Playwright: pip install -r requirements-dev.txt")
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
        chromium = shutil.which("chromium") or (str(own) if own.exists() else None)
        if chromium is None:
            unavailable("needs Chromium: apt-get install chromium, or playwright install chromium")
        launched = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def app(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on a free port with an empty folder of runs; ended at the end of the session."""
    folder = tmp_path_factory.mktemp("app")
    running = App(free_port(), folder / "runs", folder / "server.log")
    with serving(running):
        visit_first(browser, running)
        yield running


@contextmanager
def serving(app: App) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends, whatever happens in it."""
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(app.port)]
    command += ["--server.fileWatcherType", "none"]
    app.runs.mkdir(parents=True, exist_ok=True)
    with app.log.open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | {"S5_RUNS_DIR": str(app.runs)} | app.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_healthy(app, server)
            yield server
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_healthy(app: App, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            with OPENER.open(app.url("_stcore/health"), timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The app did not start:\n{app.log.read_text()}")


def visit_first(browser: Browser, app: App) -> None:
    """Have a fresh server import torch and all else, which takes a busy machine longer than a
    test waits for a page."""
    page = browser.new_page()
    page.goto(app.url("train"))
    ready = expect(page.get_by_role("button", name="Train", exact=True))
    ready.to_be_visible(timeout=PATIENCE * 1000)
    page.close()


@contextmanager
def watched_page(browser: Browser, app: App) -> Iterator[Page]:
    """A page of a browser of its own; afterwards its console, its requests and the server's
    log must be clean."""
    context = browser.new_context(viewport=WIDE)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(_said(message)) if _matters(message) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    elsewhere: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if _leaves(request.url, app) else None)
    before = len(app.complaints())
    yield page
    context.close()
    assert not errors, f"the browser's console: {errors}"
    assert not elsewhere, f"requests to other hosts: {elsewhere}"
    assert not app.complaints()[before:], f"the server's log: {app.complaints()[before:]}"


def _matters(message: ConsoleMessage) -> bool:
    """On a deep link Streamlit looks for its server under the page's own path at first, and
    gets a 404 for it: that one is not ours."""
    probe = "/_stcore/" in message.location["url"] and "404" in message.text
    return message.type == "error" and not probe


def _said(message: ConsoleMessage) -> str:
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
