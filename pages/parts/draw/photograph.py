"""A photograph of a digit on the page Draw."""

from __future__ import annotations

import streamlit as st
from PIL import Image

from pages.parts import keys
from s5core.drawing import fit
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
    photo = fit.open_image(upload.getvalue(), upload.name)
    st.image(_on_grey(photo), width="stretch", caption="The photograph")
    return fit.photographed_ink(photo)


def _keep() -> None:
    """Remember the upload: its widget forgets it while the canvas is shown."""
    st.session_state[keys.DRAW_PHOTO] = st.session_state[keys.DRAW_UPLOAD]


def _on_grey(photo: Image.Image) -> Image.Image:
    """The picture without its transparency. On grey, one sees black and white ink alike."""
    if not photo.has_transparency_data:
        return photo.convert("RGB")
    opaque = Image.new("RGBA", photo.size, "#808080")
    opaque.alpha_composite(photo.convert("RGBA"))
    return opaque.convert("RGB")
