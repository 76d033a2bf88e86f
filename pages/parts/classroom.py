"""You, at the end of the sidebar: a nickname, and what a teacher can do. Somebody alone at the server's own
machine sees none of it."""

from __future__ import annotations

import streamlit as st

from pages.parts import keys, messages, server, visitor, widget
from s5core.configuration import variable
from s5core.drawing import class_set
from s5core.errors import UserError
from s5core.runs import people
from s5core.runs.classroom import LEAST_SECRET
from s5core.runs.people import NICKNAME, Person
from s5core.words import escape


def show() -> None:
    """The button that opens it."""
    try:
        person = visitor.person()
    except UserError:  # a bad setting: the pages that need the queue say so
        return
    if person.is_alone:
        return
    with st.sidebar.popover(
        f"You: {escape(people.name(person.id))}" + (", teacher" if person.is_teacher else "")
    ):
        _show_nickname(person)
        st.divider()
        if person.is_teacher:
            _show_controls()
        elif server.classroom().has_secret:
            _show_admission()
        else:
            st.caption(
                "Nobody is a teacher on this server. Whoever runs it can set a secret of at least "
                f"{LEAST_SECRET} characters before it starts: `{variable('teacher_secret')}` in the "
                "environment or in `.streamlit/secrets.toml`. Who knows it can then stop and delete all "
                "runs, pause the line and lock the controls."
            )


def _show_nickname(person: Person) -> None:
    st.text_input(
        "Nickname (optional)",
        people.nickname(person.id),
        max_chars=NICKNAME,
        key=keys.NICKNAME,
        on_change=_rename,
        help="Everybody who opens this app can read it, so do not use your full name.",
    )
    whose = "everybody's runs" if person.is_teacher else "the runs that you have started in this browser"
    st.caption(f"You can stop, rename and delete {whose}.")


def _rename() -> None:
    name = st.session_state[keys.NICKNAME]
    messages.attempt("sidebar", lambda: people.set_nickname(visitor.person().id, name))


def _show_admission() -> None:
    st.text_input(
        "Teacher's secret",
        type="password",
        key=keys.SECRET,
        on_change=_admit,
        autocomplete="off",
        help=f"It is `{variable('teacher_secret')}` in the settings of this server.",
    )


def _admit() -> None:
    secret, st.session_state[keys.SECRET] = st.session_state[keys.SECRET], ""
    if secret:
        messages.attempt(
            "sidebar", lambda: server.classroom().admit(visitor.person(), secret, visitor.address())
        )


def _show_controls() -> None:
    """What a teacher can do apart from changing all runs."""
    classroom = server.classroom()
    key, paused = widget.put(keys.PAUSED, classroom.queue.paused)  # another teacher may have changed it
    st.toggle(
        "Pause the line",
        paused,
        key=key,
        on_change=_pause,
        help="No run begins until you end the pause. Those in training go on.",
    )
    key, locked = widget.put(keys.LOCKED, classroom.locked)
    st.toggle(
        "Lock the controls",
        locked,
        key=key,
        on_change=_lock,
        help="Only teachers can start, stop and change runs. Everybody can still look and draw.",
    )
    with st.expander("Clear the class's data"):
        st.caption(
            "Stops and removes the runs of everybody but teachers, the digits of the class, and the "
            "nicknames. It cannot be undone."
        )
        st.button("Clear it for good", key=keys.CLEAR, on_click=_clear)
    st.button("Be a teacher no more", on_click=_dismiss, type="tertiary")


def _pause() -> None:
    messages.attempt("sidebar", lambda: server.classroom().pause(visitor.person(), widget.shown(keys.PAUSED)))


def _lock() -> None:
    messages.attempt("sidebar", lambda: server.classroom().lock(visitor.person(), widget.shown(keys.LOCKED)))


def _dismiss() -> None:
    messages.attempt("sidebar", lambda: server.classroom().dismiss(visitor.person()))


def _clear() -> None:
    def clear() -> None:
        server.classroom().clear(visitor.person())  # refuses whoever is no teacher
        class_set.delete_all()
        class_set.forget_deleted()

    messages.attempt("sidebar", clear)
