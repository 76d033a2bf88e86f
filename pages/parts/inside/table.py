"""The layer table of the page Look inside."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from s5core.summary import Row, format_table
from s5core.words import NO_BREAK

KIB = 1024


def show(rows: Sequence[Row], name: str) -> None:
    """The layers of a network with their sizes and costs, the totals, and the table as plain text.
    `name`: of the network, for the file of the text."""
    st.header(
        "The layers",
        help="A layer takes feature maps in and gives feature maps out. The first map is the digit itself.",
    )
    st.dataframe(
        {
            "layer": [row.name for row in rows],
            "shape": [" × ".join(map(str, row.output_shape)) for row in rows],
            "parameters": [row.parameters for row in rows],
            "field": [row.receptive_field for row in rows],
            "jump": [row.jump for row in rows],
            "multiply_adds": [row.multiply_adds for row in rows],
            "memory": [row.activation_bytes / KIB for row in rows],
        },
        column_config={
            "layer": st.column_config.TextColumn(
                "Layer", help="The kind of the layer, and its number from the top.", pinned=True
            ),
            "shape": st.column_config.TextColumn(
                "Output shape", help="How many maps the layer gives out, and their height and width in cells."
            ),
            "parameters": st.column_config.NumberColumn(
                "Parameters", format="localized", help="Numbers that training sets."
            ),
            "field": st.column_config.NumberColumn(
                "Receptive field",
                format="%d px",
                help="The side of the square of the digit that one cell of the output sees.",
            ),
            "jump": st.column_config.NumberColumn(
                "Jump",
                format="%d px",
                help="How far apart on the digit the receptive fields of two neighbouring cells are.",
            ),
            "multiply_adds": st.column_config.NumberColumn(
                "Multiply-adds",
                format="localized",
                help="Multiplications by a weight for one digit, each with an addition.",
            ),
            "memory": st.column_config.NumberColumn(
                "Memory", format="%.2f KiB", help="Of its output for one digit, at 4 bytes a cell."
            ),
        },
        hide_index=True,
        width="stretch",
        height="content",
    )
    _show_totals(rows)
    text = format_table(rows)
    with st.expander("The table as plain text"):
        st.caption("In the classic format of torchsummary. The button in the corner of the box copies it.")
        st.code(text, language=None)
        st.download_button(
            "Download the text",
            text + "\n",
            file_name=f"{name}_layers.txt",
            on_click="ignore",
            help="Saves this table as a text file.",
        )


def _show_totals(rows: Sequence[Row]) -> None:
    totals = {
        "Parameters": (f"{sum(row.parameters for row in rows):,}", "All numbers that training sets."),
        "Multiply-adds": (f"{sum(row.multiply_adds for row in rows):,}", "The work of reading one digit."),
        "Memory of all maps": (
            f"{sum(row.activation_bytes for row in rows) / KIB:,.1f}{NO_BREAK}KiB",
            "The outputs of all layers for one digit together.",
        ),
        "Receptive field at the end": (
            f"{rows[-1].receptive_field}{NO_BREAK}px",
            "The side of the square that a cell of the last layer sees. The digit is 28 pixels wide; a "
            "larger square reaches beyond its edge.",
        ),
    }
    for column, (name, (value, meaning)) in zip(st.columns(len(totals)), totals.items(), strict=True):
        column.metric(name, value, help=meaning)
