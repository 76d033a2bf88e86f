"""The people on the page Runs: a nickname, and what a teacher can do. Somebody alone at the server's own
machine sees none of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import keys, messages, server, visitor
from s5core.configuration import variable
from s5core.drawing import class_set
from s5core.errors import UserError
from s5core.runs import folder, people
from s5core.runs.classroom import LEAST_SECRET
from s5core.runs.people import NICKNAME, Person
from s5core.words import count


def show() -> None:
    """The button that opens it."""
    person = visitor.person()
    if person.is_alone:
        return
    with st.popover(f"You: {people.name(person.id)}" + (", teacher" if person.is_teacher else "")):
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
        key=keys.RUNS_NICKNAME,
        on_change=_rename,
        help="Everybody who opens this app can read it, so do not use your full name.",
    )
    st.caption("You can stop, rename and delete what you have started in this browser.")


def _rename() -> None:
    name = st.session_state[keys.RUNS_NICKNAME]
    _try(lambda: people.set_nickname(visitor.person().id, name))


def _show_admission() -> None:
    st.text_input(
        "Teacher's secret",
        type="password",
        key=keys.RUNS_SECRET,
        on_change=_admit,
        autocomplete="off",
        help=f"It is `{variable('teacher_secret')}` in the settings of this server.",
    )


def _admit() -> None:
    secret, st.session_state[keys.RUNS_SECRET] = st.session_state[keys.RUNS_SECRET], ""
    if secret:
        _try(lambda: server.classroom().admit(visitor.person(), secret, visitor.address()))


def _show_controls() -> None:
    """What a teacher can do apart from changing all runs."""
    classroom = server.classroom()
    st.session_state[keys.RUNS_PAUSED] = classroom.queue.paused  # another teacher may have changed them
    st.session_state[keys.RUNS_LOCKED] = classroom.locked
    st.toggle(
        "Pause the line",
        key=keys.RUNS_PAUSED,
        on_change=_pause,
        help="No run begins until you end the pause. Those in training go on.",
    )
    st.toggle(
        "Lock the controls",
        key=keys.RUNS_LOCKED,
        on_change=_lock,
        help="Only teachers can start, stop and change runs. Everybody can still look and draw.",
    )
    runs = sum(bool(run.owner) for run in folder.list_runs())
    digits = len(class_set.load().digits)
    with st.expander("Clear the class's data"):
        st.caption(
            f"Stops and removes the runs of everybody but teachers ({count(runs, 'run')} of people now), "
            f"{count(digits, 'digit')} of the class, and the nicknames. It cannot be undone."
        )
        st.button("Clear it for good", key=keys.RUNS_CLEAR, on_click=_clear)
    st.button("Be a teacher no more", on_click=_dismiss, type="tertiary")


def _pause() -> None:
    _try(lambda: server.classroom().pause(visitor.person(), st.session_state[keys.RUNS_PAUSED]))


def _lock() -> None:
    _try(lambda: server.classroom().lock(visitor.person(), st.session_state[keys.RUNS_LOCKED]))


def _dismiss() -> None:
    _try(lambda: server.classroom().dismiss(visitor.person()))


def _clear() -> None:
    def clear() -> None:
        server.classroom().clear(visitor.person())  # refuses whoever is no teacher
        class_set.delete_all()
        class_set.forget_deleted()

    _try(clear)
    st.session_state[keys.RUNS_CHOSEN] = []
    st.session_state[keys.RUNS_DELETED] = {}


def _try(change: Callable[[], object]) -> None:
    """Change something; where that is refused or fails, leave a message."""
    try:
        change()
    except UserError as error:
        messages.leave("runs", str(error))
    except OSError as error:
        messages.leave("runs", f"This could not be written to {folder.home()}: {error.strerror}.")


def announce() -> None:
    """Say which runs will go when the disk space is used up, as long as it is short."""
    space = server.classroom().space()
    if not space.is_short:
        return
    used, limit = space.used / 1e9, space.limit / 1e9
    oldest = ", ".join(run.title for run in space.next[:3])
    rest = f" and {len(space.next) - 3:,} more" if len(space.next) > 3 else ""
    goes = f"the oldest runs will be removed: {oldest}{rest}. Pin what you want to keep."
    nothing = "no run can be started: all are pinned."
    st.warning(
        f"The runs take {used:.2g} of the {limit:.2g} GB that they may. When it is used up, "
        + (goes if space.next else nothing)
    )
