"""The pages without a browser, which could tell where it is and when it leaves."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import streamlit as st

from pages.parts import visitor
from s5core.runs.queue import Queue


@pytest.fixture(scope="module", autouse=True)
def no_workers_left() -> Iterator[None]:
    """Pages make a queue whenever their cache was emptied. Its workers would stay, with 400 MB each."""
    yield
    st.cache_resource.clear()
    for queue in [each for each in gc.get_objects() if type(each) is Queue]:
        queue.close(timeout=0)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a page is alone, at the server's own machine."""
    monkeypatch.setattr(visitor, "is_local", lambda: True)
    monkeypatch.setattr(visitor, "visit", lambda id: None)
