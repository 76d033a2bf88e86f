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


def widgets_that_begin_elsewhere(block: Any) -> Iterator[str]:
    """The labels of those that begin with another value than they have. A slow browser draws a widget only
    after a later run; it then shows the value that it begins with, and sends that as a choice."""
    for node in nodes(block):
        proto = getattr(node, "proto", None)
        if "default" not in getattr(getattr(proto, "DESCRIPTOR", None), "fields_by_name", ()):
            continue
        field = proto.DESCRIPTOR.fields_by_name["default"]
        given = list(proto.default) if field.is_repeated else [proto.default]
        if field.has_presence and not proto.HasField("default"):
            given = []
        shown = node.value if isinstance(node.value, list | tuple) else [node.value]
        if getattr(proto, "options", ()):  # then it is their places that are given
            given = [node.options[int(place)] for place in given]
            shown = [node.format_func(each) for each in shown if each is not None]
        if given != [each for each in shown if each is not None]:
            yield f"{proto.label} begins with {given} and has {shown}"


@pytest.mark.parametrize("page", ["design", "train", "inside", "draw", "mistakes"])
def test_a_page_that_is_drawn_again_sets_no_widget(page, nowhere):
    st.cache_resource.clear()
    app = AppTest.from_file(APP, default_timeout=60).switch_page(f"pages/{page}.py").run()
    app.selectbox(key=keys.STEP).set_value("step3").run()  # a run of the server's must not take it back
    for _ in range(2):
        app.run()
        for part in (app.main, app.sidebar):
            assert list(widgets_that_the_app_sets(part)) == []
            assert list(widgets_that_begin_elsewhere(part)) == []
    st.cache_resource.clear()
