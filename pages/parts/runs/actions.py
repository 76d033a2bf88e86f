"""What can be done with the selected runs: open, rename, pin, download, delete and undo."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.parts import choice, keys, messages, server, sidebar, visitor
from pages.parts.runs.table import Row
from s5core.runs import folder
from s5core.runs.folder import Run
from s5core.words import count, escape


def show(rows: Sequence[Row]) -> None:
    """The links and buttons for the selected runs."""
    first, *others = rows
    names = f"{count(len(rows), 'run')} selected" if others else first.network.label
    st.markdown(f"**{escape(names)}**")
    with st.container(horizontal=True, vertical_alignment="center"):
        if not others:
            _show_pages(first)
            if first.is_mine:
                _show_rename(first.run)
            if first.network.is_trained:
                st.download_button(
                    "Download its checkpoint",
                    first.run.checkpoint_file,
                    f"{first.run.id}.safetensors",
                    on_click="ignore",
                    help="You can open the file here again, or use it with python -m s5core.",
                )
        active = [row for row in rows if row.active]
        if mine := all(row.is_mine for row in rows):
            pinned = all(row.run.pinned for row in rows)
            st.button(
                "Unpin" if pinned else "Pin", on_click=_pin, args=(rows, not pinned),
                help="Pinned runs are first in this table and in the list of the sidebar.",
            )  # fmt: skip
            shared = all(row.run.shared for row in rows)
            st.button(
                "Share no more" if shared else "Share", on_click=_share, args=(rows, not shared),
                help="Shared results stand on the board below, with all their seeds.",
            )  # fmt: skip
            st.button(
                "Delete", on_click=_delete, args=(rows,), disabled=bool(active),
                help=f"You can bring it back for {folder.DAYS_IN_TRASH} days.",
            )  # fmt: skip
    if not mine:
        whose = "This run is not yours" if not others else "Not all of these runs are yours"
        st.caption(f"{whose}: only its owner or a teacher can rename, pin, share or delete a run.")
    elif active:
        st.caption("A run that is training or waiting cannot be deleted: stop it first, on the page Train.")


def _show_pages(row: Row) -> None:
    link = sidebar.link_to(row.network)
    st.page_link("pages/train.py", label="Open on Train", query_params=link)
    st.page_link("pages/design.py", label="Change its layers", query_params=link)
    if row.network.is_trained:
        st.page_link("pages/draw.py", label="Draw for it", query_params=link)
        st.page_link("pages/inside.py", label="Look inside", query_params=link)
        st.page_link("pages/mistakes.py", label="Its mistakes", query_params=link)


def _show_rename(run: Run) -> None:
    with st.popover("Rename"):
        st.text_input(
            "New name",
            run.title,
            max_chars=folder.LONGEST_NAME,
            key=keys.runs_name(run.id, run.title),
            on_change=_rename,
            args=(run,),
            help="Press Enter to keep it. An empty name brings the first one back.",
        )


def _rename(run: Run) -> None:
    name = st.session_state[keys.runs_name(run.id, run.title)]
    messages.attempt("runs", lambda: server.classroom().rename(visitor.person(), run.id, name))


def _pin(rows: Sequence[Row], pinned: bool) -> None:
    ids = [row.run.id for row in rows]
    messages.attempt("runs", lambda: server.classroom().pin(visitor.person(), ids, pinned))


def _share(rows: Sequence[Row], shared: bool) -> None:
    ids = [row.run.id for row in rows]
    messages.attempt("runs", lambda: server.classroom().share(visitor.person(), ids, shared))


def _delete(rows: Sequence[Row]) -> None:
    ids = [row.run.id for row in rows]
    chosen = choice.network()
    if messages.attempt("runs", lambda: server.classroom().delete(visitor.person(), ids)):
        st.session_state[keys.RUNS_DELETED] = {row.run.id: row.network.label for row in rows}
        st.session_state[keys.RUNS_CHOSEN] = []
        if chosen.id in ids:
            choice.choose(chosen.step.name)


def show_undo() -> None:
    """What this session deleted last, and the button that brings it back."""
    deleted: dict[str, str] = st.session_state.get(keys.RUNS_DELETED, {})
    if not deleted:
        return
    what = next(iter(deleted.values())) if len(deleted) == 1 else count(len(deleted), "run")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f"Deleted: {escape(what)}. It can be brought back for {folder.DAYS_IN_TRASH} days.",
            width="content",
        )
        st.button(
            "Undo", on_click=restore, args=(list(deleted),),
            help="Brings back what you deleted last.",
        )  # fmt: skip


def restore(ids: Sequence[str]) -> None:
    """Bring deleted runs back, and select them."""
    messages.attempt("runs", lambda: server.classroom().restore(visitor.person(), ids))
    last: dict[str, str] = st.session_state.get(keys.RUNS_DELETED, {})
    st.session_state[keys.RUNS_DELETED] = {id: name for id, name in last.items() if id not in ids}
    st.session_state[keys.RUNS_CHOSEN] = list(ids)
