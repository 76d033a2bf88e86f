"""A photograph of a digit on the page Draw."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from pages.parts import keys
from s5core.drawing import photo
from s5core.drawing.fit import Ink


def show() -> Ink | None:
    """The upload of a photograph, and the ink on it; None before there is one. Raises DigitError for
    a file without a digit."""
    st.file_uploader(
        "A digit on paper",
        # No `type`: a file that is no picture is refused in a sentence, where the answer would be.
        key=keys.DRAW_UPLOAD,
        on_change=_keep,
        help="One digit, written with a thick pen, that fills most of the picture.",
    )
    upload = st.session_state.get(keys.DRAW_PHOTO)
    if upload is None:
        return None
    image = photo.open_image(upload.getvalue(), upload.name)
    st.image(_on_grey(image), width="stretch", caption="The photograph")
    return photo.ink(image)


def _keep() -> None:
    """Remember the upload: its widget forgets it while the canvas is shown."""
    st.session_state[keys.DRAW_PHOTO] = st.session_state[keys.DRAW_UPLOAD]


def _on_grey(image: Image.Image) -> Image.Image:
    """The picture without its transparency. On grey, black ink and white ink can both be seen."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    opaque = Image.new("RGBA", image.size, "#808080")
    opaque.alpha_composite(image.convert("RGBA"))
    return opaque.convert("RGB")
