"""Each page opens, on a machine without MNIST and without a network, and leaves its widgets alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.parts import keys
from s5core.files import ROOT
from tests.helpers import APP, nodes


@pytest.mark.parametrize("page", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.stem)
def test_a_page_opens(page, nowhere):
    st.cache_resource.clear()  # digits of other tests
    app = AppTest.from_file(APP, default_timeout=60).switch_page(f"pages/{page.name}").run()
    assert not app.exception
    assert app.title
    st.cache_resource.clear()


def widgets_that_the_app_sets(block: Any) -> Iterator[str]:
    """The labels of those that a script's run gave a value, in a page or a part of it. In a browser such a
    value replaces what somebody types or chooses meanwhile."""
    for node in nodes(block):
        if getattr(getattr(node, "proto", None), "set_value", False):
            yield node.proto.label


@pytest.mark.parametrize("page", ["design", "train", "inside", "draw", "mistakes"])
def test_a_page_that_is_drawn_again_sets_no_widget(page, nowhere):
    st.cache_resource.clear()
    app = AppTest.from_file(APP, default_timeout=60).switch_page(f"pages/{page}.py").run()
    app.selectbox(key=keys.STEP).set_value("step3").run()  # a run of the server's must not take it back
    for _ in range(2):
        app.run()
        assert list(widgets_that_the_app_sets(app.main)) == []
        assert list(widgets_that_the_app_sets(app.sidebar)) == []
    st.cache_resource.clear()
