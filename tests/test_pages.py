"""Each page opens, on a machine without MNIST and without a network."""

from __future__ import annotations

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from s5core.files import ROOT
from tests.helpers import APP


@pytest.mark.parametrize("page", sorted((ROOT / "pages").glob("*.py")), ids=lambda path: path.stem)
def test_a_page_opens(page, nowhere):
    st.cache_resource.clear()  # digits of other tests
    app = AppTest.from_file(APP, default_timeout=60).switch_page(f"pages/{page.name}").run()
    assert not app.exception
    assert app.title
    st.cache_resource.clear()
