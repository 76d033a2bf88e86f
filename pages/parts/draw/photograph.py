"""A photograph of a digit on the page Draw: a file, or what the camera takes."""

from __future__ import annotations

import hashlib

import numpy as np
import streamlit as st
from PIL import Image, ImageOps
from streamlit_drawable_canvas import st_canvas
from torch import Tensor

from pages.parts import canvas, keys
from s5core.drawing import fit, photo, sketch
from s5core.drawing.fit import DigitError
from s5core.views.palette import RED

FILE, CAMERA = "A file", "The camera"
HEIGHT = 420  # pixels: of a photograph with a box, at most; its width is that of the canvas
DRAW_A_BOX = "Draw a box around the digit, and what is in it will be read."
ANOTHER_BOX = "What is in the box is read. To choose again, draw another box."


def show(center: bool) -> Tensor | None:
    """The digit of a photograph as the networks receive it; None before there is one. Where it is not
    found alone, the person draws a box around it. Raises DigitError where there is no digit."""
    image = _choose()
    if image is None:
        return None
    try:
        found = fit.of_ink(photo.ink(image), center)
        trouble = None
    except DigitError as error:
        trouble = error
    if not trouble and not st.toggle("Draw a box around the digit", key=keys.DRAW_BOX):
        st.image(_on_grey(image), width="stretch", caption="The photograph")
        return found
    box = _draw_box(image)
    st.caption(DRAW_A_BOX if box is None else ANOTHER_BOX)
    if box is None:
        if trouble:
            _show_ink(image)
            raise trouble
        return found
    chosen = image.crop(box)
    _show_ink(chosen)
    return fit.of_ink(photo.ink(chosen), center)


def _choose() -> Image.Image | None:
    """The photograph; None before there is one. Raises DigitError for a file that is none."""
    source = st.segmented_control(
        "Photograph from",
        [FILE, CAMERA],
        default=FILE,
        required=True,
        key=keys.DRAW_FROM,
        persist_state="session",
        label_visibility="collapsed",
    )
    if source == CAMERA:
        st.camera_input(
            "A digit on paper",
            key=keys.DRAW_CAMERA,
            on_change=_keep,
            args=(keys.DRAW_CAMERA,),
            help="One digit, written with a thick pen. A browser needs HTTPS for it, or localhost.",
        )
    else:
        st.file_uploader(
            "A digit on paper",
            # No `type`: a file that is no picture is refused in a sentence, where the answer would be.
            key=keys.DRAW_UPLOAD,
            on_change=_keep,
            args=(keys.DRAW_UPLOAD,),
            help="One digit, written with a thick pen, that fills most of the picture.",
        )
    upload = st.session_state.get(keys.DRAW_PHOTO)
    return None if upload is None else photo.open_image(upload.getvalue(), upload.name)


def _keep(key: str) -> None:
    """Remember the photograph: its widget forgets it while the canvas is shown."""
    st.session_state[keys.DRAW_PHOTO] = st.session_state[key]


def _draw_box(image: Image.Image) -> tuple[int, int, int, int] | None:
    """The photograph as a canvas for rectangles; the last one in pixels of the photograph, or None."""
    small = ImageOps.contain(_on_grey(image), (sketch.SIDE, HEIGHT))
    canvas.hide_tools()
    result = st_canvas(
        drawing_mode="rect",
        stroke_width=2,
        stroke_color=RED,
        fill_color="rgba(0, 0, 0, 0)",
        background_image=small,
        width=small.width,
        height=small.height,
        key=keys.draw_box(hashlib.sha256(small.tobytes()).hexdigest()[:12]),  # a new photograph has no box
    )
    found = sketch.last_rectangle(result.json_data)
    if found is None:
        return None
    scale = np.array(image.size * 2) / (small.size * 2)
    left, top, right, bottom = (np.array(found) * scale).round().astype(int).tolist()
    box = max(left, 0), max(top, 0), min(right, image.width), min(bottom, image.height)
    return box if box[0] < box[2] and box[1] < box[3] else None


def _show_ink(image: Image.Image) -> None:
    """What is taken for ink."""
    try:
        drawn = photo.ink(image)
    except DigitError:
        return  # nothing is
    shown = Image.fromarray((255 * (1 - drawn / max(float(drawn.max()), 1e-6))).round().astype(np.uint8))
    st.image(shown, width="stretch", alt="What was taken for ink, in black")
    st.caption("What was taken for ink")


def _on_grey(image: Image.Image) -> Image.Image:
    """The picture without its transparency. On grey, black ink and white ink can both be seen."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    opaque = Image.new("RGBA", image.size, "#808080")
    opaque.alpha_composite(image.convert("RGBA"))
    return opaque.convert("RGB")
