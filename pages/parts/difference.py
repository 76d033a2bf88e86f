"""The difference between two networks: three numbers, and a table of their layers side by side."""

from __future__ import annotations

import pandas as pd
import streamlit as st
from pandas.io.formats.style import Styler

from s5core import compare
from s5core.compare import Difference, Mark, Pair
from s5core.summary import Row
from s5core.target import PARAMETERS
from s5core.views import palette
from s5core.words import NO_BREAK, escape, signed

SIGNS: dict[Mark, str] = {"same": "", "changed": "**~**", "added": "**+**", "removed": "**−**"}  # Markdown
TINTS: dict[Mark, str] = {
    "same": "",
    "changed": f"{palette.ORANGE}33",
    "added": f"{palette.GREEN}33",
    "removed": f"{palette.RED}33",
}


def show_numbers(difference: Difference) -> None:
    """The three numbers of both networks."""
    one, other = difference.before, difference.after
    cells = (
        (
            "Parameters",
            one.parameters,
            other.parameters,
            f"Numbers that training sets. The exercise allows {PARAMETERS.words}.",
        ),
        (
            "Receptive field, px",
            one.receptive_field,
            other.receptive_field,
            "The side of the square of the digit that a cell of the last layer sees.",
        ),
        (
            "Multiply-adds",
            one.multiply_adds,
            other.multiply_adds,
            "Multiplications by a weight for one digit, each with an addition.",
        ),
    )
    for column, (name, old, new, help) in zip(st.columns(3), cells, strict=True):
        column.metric(
            name,
            signed(new - old) if new != old else "no change",
            f"{old:,} → {new:,}" if new != old else f"{new:,} in both",
            delta_color="off",
            delta_arrow="off",
            help=help,
        )


def show_layers(before: str, after: str, difference: Difference) -> None:
    """The layers side by side. `before`, `after`: what the networks are called; they are no Markdown."""
    st.markdown(
        f"Layers: **+ {difference.count('added')}** added, **− {difference.count('removed')}** removed, "
        f"**~ {difference.count('changed')}** changed, {difference.count('same')} the same."
    )
    heads = ["output", "parameters", "sees"]
    # The names of columns must differ, so those of the second network end in a space.
    columns = ["mark", escape(before), *heads, escape(after), *(f"{head} " for head in heads)]
    table = pd.DataFrame([_layer_cells(pair) for pair in difference.pairs], columns=columns)
    st.table(_tinted(table, difference), hide_index=True, border="horizontal")
    st.caption(
        "Layers in the same line correspond to each other. Output: maps × height × width. Sees: the "
        "receptive field, which is the square of the digit, in pixels, that one cell of the output sees. A "
        "layer also counts as changed when it has other parameters only because its input has more or "
        "fewer maps. On a narrow screen the table scrolls sideways."
    )


def _tinted(table: pd.DataFrame, difference: Difference) -> Styler:
    """The table with a background colour for each line that is not the same in both networks."""
    tints = [TINTS[pair.mark] for pair in difference.pairs]
    styles = [[f"background-color: {tint}" if tint else ""] * len(table.columns) for tint in tints]
    colours = pd.DataFrame(styles, index=table.index, columns=table.columns)
    return table.style.apply(lambda _: colours, axis=None)


def _layer_cells(pair: Pair) -> list[str]:
    return [SIGNS[pair.mark], *_row_cells(pair.before), *_row_cells(pair.after)]


def _row_cells(row: Row | None) -> list[str]:
    if row is None:
        return [""] * 4
    # Lines break between the parts of a description only.
    words = ", ".join(part.replace(" ", NO_BREAK) for part in row.layer.describe().split(", "))
    return [
        words,
        compare.shape_of(row),
        f"{row.parameters:,}",
        f"{row.receptive_field}×{row.receptive_field}",
    ]
