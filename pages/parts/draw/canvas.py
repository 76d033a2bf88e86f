"""The canvas without the tools that it brings along.

streamlit-drawable-canvas has no option to leave them out. They lie invisibly over the upper right
corner until a mouse comes near; on a touch screen they swallow the strokes that begin there, and
undo and redo behind the back of the page's own buttons.
"""

from __future__ import annotations

import streamlit as st

_remove_tools = st.components.v2.component(
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


def remove_tools() -> None:
    """Keep the tools of every canvas on this page out of sight and out of reach."""
    _remove_tools(key="canvas_without_tools", width="content", height="content")
