"""The pages without a browser, which could tell where it is and when it leaves."""

from __future__ import annotations

import pytest

from pages.parts import visitor


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a page is alone, at the server's own machine."""
    monkeypatch.setattr(visitor, "is_local", lambda: True)
    monkeypatch.setattr(visitor, "visit", lambda id: None)
