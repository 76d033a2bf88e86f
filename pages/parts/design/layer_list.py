"""The list of layers on the page Design: a line for each, the fields of the chosen one below its line, and
advice at the layer that it is about."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import keys
from pages.parts.design import draft, editor
from s5core import speed
from s5core.advice import Advice
from s5core.compare import shape_of
from s5core.layers import Layer, Network
from s5core.summary import Row
from s5core.words import percent

HEADS = ("output", "parameters", "sees", "time")


def show(layers: Network, rows: Sequence[Row], advice: Sequence[Advice]) -> None:
    """All of it. `rows`: of the layers that are possible."""
    chosen = draft.selected()
    total = sum(map(speed.cost_of_layer, rows))
    with st.container(key=keys.DESIGN_LIST, gap=None):
        _show_heads()
        for index, layer in enumerate(layers):
            cells = _cells(rows[index], total) if index < len(rows) else ("", "", "", "")
            _show_line(index, layer, cells, is_chosen=index == chosen)
            if index == chosen:
                editor.show(index, layer, len(layers))
            for each in advice:
                if each.index == index:
                    _show_advice(each)
        if not layers:
            for each in advice:
                _show_advice(each)
    editor.offer_addition(len(layers) if chosen is None else chosen + 1)


def _cells(row: Row, total: float) -> tuple[str, ...]:
    return (
        shape_of(row),
        f"{row.parameters:,}",
        f"{row.receptive_field} px",
        percent(100 * speed.cost_of_layer(row) / total, 0),
    )


def _show_heads() -> None:
    with st.container(
        horizontal=True, gap="small", vertical_alignment="center", key=keys.design_row("heads")
    ):
        st.html("<span class='design-head'>Layer: click to change it</span>", width="stretch")
        _show_cells(HEADS, "design-cells design-head")


def _show_line(index: int, layer: Layer, cells: Sequence[str], is_chosen: bool) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key=keys.design_row(index)):
        st.button(
            f"{index + 1} · {layer.describe()}",
            key=keys.design_layer(index),
            type="primary" if is_chosen else "tertiary",
            on_click=draft.select,
            args=(None if is_chosen else index,),
            width="stretch",
        )
        _show_cells(cells, "design-cells")


def _show_cells(cells: Sequence[str], look: str) -> None:
    spans = "".join(f"<span>{cell}</span>" for cell in cells)
    st.html(f"<div class='{look}'>{spans}</div>", width="content")


def _show_advice(advice: Advice) -> None:
    """What is wrong at a layer, and the button that mends it."""
    badge = ":red-badge[impossible]" if advice.is_error else ":orange-badge[unwise]"
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{badge} {advice.reason}")
        if advice.mend is not None:
            st.button(
                advice.mend.words,
                key=keys.design_mend(advice.index, advice.rule),
                on_click=draft.change,
                args=(advice.mend.layers, draft.selected()),
            )
