"""The canvas of The five steps and of Draw with its tools: pen and eraser, Undo and Clear, hard digits."""

from __future__ import annotations

import streamlit as st
from streamlit_drawable_canvas import st_canvas

from pages.parts import keys
from s5core.drawing import sketch
from s5core.drawing.sketch import EMPTY, Sketch

PEN, ERASER = "Pen", "Eraser"
PEN_WIDTH = 20  # pixels of the canvas
KEPT = 30  # sketches that can be undone

# streamlit-drawable-canvas has no option to leave out the tools that it brings along. They lie invisibly
# over the upper right corner until a mouse comes near. On a touch screen they swallow the strokes that
# begin there, and they undo and redo without the knowledge of the page's own buttons.
_hide_tools = st.components.v2.component(
    "canvas_without_tools",
    js="""
    const noTools = new CSSStyleSheet();
    noTools.replaceSync(".dc-toolbar { display: none !important }");

    function hideTools() {
      for (const host of document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')) {
        if (!host.shadowRoot) {
          requestAnimationFrame(hideTools);
        } else if (!host.shadowRoot.adoptedStyleSheets.includes(noTools)) {
          host.shadowRoot.adoptedStyleSheets.push(noTools);
        }
      }
    }

    export default function () {
      hideTools();
      const observer = new MutationObserver(hideTools); // every new canvas brings new tools
      observer.observe(document.body, { childList: true, subtree: true });
      return () => observer.disconnect();
    }
    """,
    isolate_styles=False,
)


def hide_tools() -> None:
    """Hide the tools of every canvas on the page."""
    _hide_tools(key=keys.CANVAS_NO_TOOLS, width="content", height="content")


def choose_pen_width() -> None:
    """The slider for the width of the next stroke."""
    st.slider(
        "Width",
        8,
        40,
        PEN_WIDTH,
        format="%d px",
        key=keys.CANVAS_PEN_WIDTH,
        persist_state="session",
        help="The width of the next stroke, in pixels of the canvas.",
    )


def offer_hard_digits() -> None:
    """A list of prepared digits to put on the canvas; the way without a pointer."""
    st.selectbox(
        "Hard digits",
        list(sketch.HARD),
        index=None,
        placeholder="Choose one to try",
        key=keys.CANVAS_HARD_DIGIT,
        on_change=_put_hard_digit,
        filter_mode=None,
        help="Ways to write a digit that some networks find hard. You can draw on top of them.",
    )


def show() -> Sketch:
    """The canvas with its tools, and what is on it."""
    paper = st.container(gap=None)  # drawn later, because the tool below it sets its pen
    below = st.container(horizontal=True, gap="xsmall", vertical_alignment="center")
    with below:
        tool = st.segmented_control(
            "Tool",
            [PEN, ERASER],
            default=PEN,
            required=True,
            key=keys.CANVAS_TOOL,
            persist_state="session",
            label_visibility="collapsed",
        )
    with paper:
        hide_tools()
        _show_paper(_pen_width(), sketch.PEN if tool == PEN else sketch.PAPER)
    with below:  # drawn last, so that it knows of the newest stroke
        st.button(
            "Undo",
            on_click=_undo,
            disabled=len(_sketches()) == 1,
            width="stretch",
            help="Takes back the last stroke.",
        )
        st.button("Clear", on_click=_put, args=(EMPTY,), width="stretch", help="Empties the canvas.")
    return _sketches()[-1]


def _pen_width() -> int:
    """In pixels of the canvas. A page need not offer the slider."""
    width: int = st.session_state.get(keys.CANVAS_PEN_WIDTH, PEN_WIDTH)
    return width


def _sketches() -> list[Sketch]:
    """What was on the canvas, the present sketch last."""
    found: list[Sketch] = st.session_state.setdefault(keys.CANVAS_SKETCHES, [EMPTY])
    return found


def _keep(new: Sketch) -> None:
    st.session_state[keys.CANVAS_SKETCHES] = [*_sketches()[-KEPT:], new]


def _put(new: Sketch) -> None:
    """Put a sketch on the canvas."""
    _keep(new)
    _use_new_canvas()


def _undo() -> None:
    """Go back to the sketch before."""
    st.session_state[keys.CANVAS_SKETCHES] = _sketches()[:-1] or [EMPTY]
    _use_new_canvas()


def _put_hard_digit() -> None:
    """Put the chosen prepared digit on the canvas, in the width of the pen."""
    name = st.session_state[keys.CANVAS_HARD_DIGIT]
    if name in sketch.HARD:  # a browser can send anything
        _put(sketch.hard_digit(name, _pen_width()))
    st.session_state[keys.CANVAS_HARD_DIGIT] = None  # so that the same digit can be chosen again


def _use_new_canvas() -> None:
    """A canvas keeps its own strokes; only a canvas with another key starts from ours."""
    st.session_state[keys.CANVAS_VERSION] = st.session_state.get(keys.CANVAS_VERSION, 0) + 1
    st.session_state[keys.CANVAS_START] = _sketches()[-1].drawing


def _show_paper(pen_width: int, colour: str) -> None:
    """The canvas itself. Afterwards the last sketch is what is drawn on it."""
    if keys.canvas(st.session_state.get(keys.CANVAS_VERSION, 0)) not in st.session_state:
        _use_new_canvas()  # the first one, or another page was open and the old one is gone
    result = st_canvas(
        stroke_width=pen_width,
        stroke_color=colour,
        background_color=sketch.PAPER,
        width=sketch.SIDE,
        height=sketch.SIDE,
        initial_drawing=st.session_state[keys.CANVAS_START],
        return_image_data=True,
        key=keys.canvas(st.session_state[keys.CANVAS_VERSION]),
    )
    image = result.image_data
    if image is not None and result.json_data != _sketches()[-1].drawing:
        _keep(sketch.of_canvas(result.json_data, image))
