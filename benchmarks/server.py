"""The running app and a Chromium that opens it, for the measurements and for the tests in a browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from s5core.files import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, ViewportSize

SCREEN: ViewportSize = {"width": 1280, "height": 900}
PATIENCE = 180  # seconds for the server's first answer: beside other work it may take a minute to start
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # past any proxy that is set


@dataclass(frozen=True)
class App:
    """A server that runs the app."""

    port: int
    runs: Path  # the folder of its runs
    log: Path  # what it has printed
    pid: int = 0  # of its process; 0 until it has started

    def url(self, path: str = "") -> str:
        """The address of a page, such as "draw?step=step5"."""
        return f"http://127.0.0.1:{self.port}/{path}"


@contextmanager
def serve(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[App]:
    """Run the app on a free port until the block ends, whatever happens in it. It is started as the README
    says: what is measured and tested is what people run.

    `folder`: takes the server's runs and its log. `environment`: variables on top of this process's
    own. Raises RuntimeError with the server's log when it does not start.
    """
    app = App(_free_port(), folder / "runs", folder / "server.log")
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.headless", "true"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(app.port)]
    app.runs.mkdir(parents=True, exist_ok=True)
    with app.log.open("wb") as log:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "S5_RUNS_DIR": str(app.runs), **(environment or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_healthy(app, server)
            yield replace(app, pid=server.pid)
        finally:
            server.terminate()
            try:
                server.wait(timeout=15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium until the block ends, with a profile of its own: what its first context has loaded stays in
    its cache, other contexts begin without one. Raises FileNotFoundError where none is installed."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        path = shutil.which("chromium") or playwright.chromium.executable_path
        if not Path(path).exists():
            raise FileNotFoundError(
                "needs Chromium: apt-get install chromium, or playwright install chromium"
            )
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        assert context.browser is not None
        try:
            yield context.browser
        finally:
            context.close()


@contextmanager
def app_in_chromium() -> Iterator[tuple[App, Page]]:
    """The app without any runs, and an empty page of a browser on the same machine."""
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder)) as app, chromium() as browser:
        yield app, browser.new_page(viewport=SCREEN)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(app: App, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with DIRECT.open(app.url("_stcore/health"), timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError(f"The app did not start:\n{app.log.read_text()}")
