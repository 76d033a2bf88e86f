"""Design: a network of one's own, as a list of layers and as a line of text, and what it costs."""

from __future__ import annotations

import streamlit as st

from pages.parts import difference, messages, navigation, sidebar
from pages.parts.design import deeds, draft, layer_list, layout, line, numbers, sight
from s5core import compare
from s5core.advice import advise
from s5core.errors import UserError
from s5core.layers import count_possible
from s5core.summary import layer_table
from s5core.words import escape


def show() -> None:
    """The page below its title. A change of the network draws no more than this again."""
    try:
        layers, origin = draft.layers(), draft.origin()
    except UserError as error:  # somebody deleted the run: the next visit of a page says so, too
        messages.complain(error)
        return
    sidebar.write_address()
    advice, rows = advise(layers), layer_table(layers[: count_possible(layers)], every=True)
    possible = not any(each.is_error for each in advice)
    line.show()
    numbers.show(layers, rows, origin, possible)
    messages.show("design")
    listed, seen = st.columns([5, 3], gap="medium")
    with listed:
        layer_list.show(layers, rows, advice)
    with seen:
        deeds.show(layers, possible)
        sight.show(rows)
    if len(rows) == len(layers) and layers not in ((), origin.layers):
        show_difference(origin.short, compare.compare_networks(origin.layers, layers))


def show_difference(before: str, found: compare.Difference) -> None:
    """What differs from the network that it began from. `before`: what that is called."""
    st.subheader(f"Against {escape(before)}")
    difference.show_layers(before, "This design", found)


navigation.require_router()
layout.apply()
st.title("Design")
st.fragment(show)()
