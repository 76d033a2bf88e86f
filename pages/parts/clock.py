"""A clock in the browser that calls back from time to time, as long as the page is in sight.

Unlike a fragment with `run_every`, it can change its pace or stand still, and its callback may name the
fragments that are to be drawn again.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import keys

_clock = st.components.v2.component(
    "clock",
    js="""
    export default function ({ data, parentElement: clock, setTriggerValue }) {
      const tick = () => { if (!document.hidden) setTriggerValue("tick", true) };
      const start = () => {
        clearInterval(clock.timer);
        if (data.seconds) clock.timer = setInterval(tick, 1000 * data.seconds);
      };
      const look = () => { if (data.seconds) tick() };
      clock.stop?.();
      clock.stop = () => {
        clearInterval(clock.timer);
        removeEventListener("popstate", start);
        document.removeEventListener("visibilitychange", look);
      };
      addEventListener("popstate", start); // a tick right now would hide from the server that it was Back
      document.addEventListener("visibilitychange", look); // at once when the page comes into sight
      start();
      return () => clock.stop();
    }
    """,
)


def take_no_place() -> None:
    """Let clocks move nothing on the page, nor the block around one that is alone in it. The router calls
    this once for each page."""
    a_clock = f".stElementContainer[class*='st-key-{keys.clock('')}']"
    alone = f":has(> .stVerticalBlock > {a_clock}:only-child)"
    st.html(f"<style>{a_clock}, {alone} {{ position: absolute }}</style>")


def show(name: str, seconds: float | None, on_tick: Callable[[], None]) -> None:
    """Call `on_tick` every so many seconds; None: never. Afterwards the fragment around it is drawn again.

    `name`: no other clock of the page has it.
    """
    key = keys.clock(name)
    _clock(key=key, data={"seconds": seconds}, on_tick_change=on_tick, width="content", height="content")
