"""The network as a line of text on the page Design."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, widget
from pages.parts.design import draft
from s5core.notation import MAX_TEXT
from s5core.words import message

GRAMMAR = """One word for each layer; blanks or commas between them; capitals do not matter.

- `C8`: a 3×3 convolution to 8 maps. After it `k5` for a 5×5 kernel, `p` for padding that keeps the size of
  the maps, which an even kernel makes a pixel larger (`p2`: 2 pixels), `s2` for a stride of 2, `g8` for 8
  groups, `b` for a bias: `C16k5p`
- `H10`: the head, a 1×1 convolution to 10 maps
- `BN` batch norm, `ReLU` and `SiLU` activations, `D` dropout, `GAP` global average pooling
- `P`: a max-pool of 2×2 blocks; `P3` of 3×3
- `X24`: a crop to the middle 24×24 pixels

A shell takes the same text: `python -m s5core table "C8 BN SiLU P C16 GAP H10"`"""


def show() -> None:
    """The line, and what is wrong with it."""
    text, wrong = draft.text()
    key, text = widget.put(
        keys.DESIGN_TEXT, text, in_place=draft.is_meant(widget.shown(keys.DESIGN_TEXT, ""))
    )
    st.text_input(
        "The network as text",
        text,
        key=key,
        max_chars=MAX_TEXT,
        on_change=_take,
        help=GRAMMAR,
    )
    if wrong:
        st.error(f"{message(wrong)} Until then the page shows the network that you had before.")


def _take() -> None:
    draft.take_text(widget.shown(keys.DESIGN_TEXT))
