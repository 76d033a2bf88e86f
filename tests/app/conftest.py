"""The pages without a browser, which could tell where it is and when it leaves.

No worker process is started: workers take runs and train nothing. A test that trains takes
`real_workers`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import streamlit as st

from pages.parts import visitor
from s5core.runs.executor import EXECUTORS
from tests.helpers import Idle

LOCAL = EXECUTORS["local"]


@pytest.fixture(scope="module", autouse=True)
def idle_workers() -> Iterator[None]:
    """A process would have 400 MB, and take a core for seconds, for each test that empties the cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EXECUTORS, "local", Idle)
        st.cache_resource.clear()
        yield
        st.cache_resource.clear()


@pytest.fixture
def real_workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Workers that train, for this test alone."""
    monkeypatch.setitem(EXECUTORS, "local", LOCAL)
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def server_of_its_own() -> Iterator[None]:
    """A server without visitors, runs in line and anything read before."""
    st.cache_resource.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a page is alone, at the server's own machine."""
    monkeypatch.setattr(visitor, "is_local", lambda: True)
    monkeypatch.setattr(visitor, "visit", lambda id: None)
