"""Who looks at the page: a person whose token their browser keeps in a cookie, so that they stay the same
after a reload. A browser that takes no cookies has a new person in each tab."""

from __future__ import annotations

import contextlib
import re

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.parts import keys, server
from s5core.errors import UserError
from s5core.runs import people
from s5core.runs.people import Person

COOKIE = "s5_person"
DAYS = 90  # that the browser keeps it
FORWARDED = ("X-Forwarded-For", "X-Real-Ip", "Forwarded")  # headers of a proxy, which hides where one is

# A page can set no cookie that scripts cannot read. What it holds lets its owner change their own runs.
KEEP = """<script>
document.cookie = "{cookie}={token}; path=/; max-age={seconds}; samesite=lax"
    + (location.protocol === "https:" ? "; secure" : "");
</script>"""


def welcome() -> None:
    """Know that they are here. The router calls this before it draws the page."""
    if get_script_run_ctx() is None:
        return  # a new process of Python imports this script: nobody looks
    with contextlib.suppress(UserError):  # a bad setting: whatever needs the queue says so
        visit(_id())


def keep_cookie() -> None:
    """Let the browser keep the token. Call it at the end of the sidebar, because it takes a place."""
    token = _token()
    if _token_of_browser() != token:
        script = KEEP.format(cookie=COOKIE, token=token, seconds=DAYS * 24 * 60 * 60)
        st.html(script, unsafe_allow_javascript=True)


def person() -> Person:
    """The person, and what they may change at this moment. Raises UserError for a bad setting."""
    return server.classroom().person(_id(), is_local())


def address() -> str:
    """Where the person is: their machine's address, or that of the last proxy before the server."""
    return st.context.ip_address or "this machine"


def _id() -> str:
    return people.id_of(_token())


def _token() -> str:
    """The token of this session: the browser's, or a new one."""
    token: str = st.session_state.get(keys.PERSON) or _token_of_browser() or people.new_token()
    st.session_state[keys.PERSON] = token
    return token


def _token_of_browser() -> str | None:
    """The token in the cookie; None where there is none that we could have made."""
    token = st.context.cookies.get(COOKIE)
    return token if isinstance(token, str) and re.fullmatch(r"[\w-]{43}", token, re.ASCII) else None


def is_local() -> bool:
    """Whether the browser is on the server's own machine."""
    headers = st.context.headers
    return st.context.ip_address is None and not any(name in headers for name in FORWARDED)


class Visit:
    """An open page of a person."""

    def __init__(self, id: str) -> None:
        self.id, self.classroom = id, server.classroom()
        self.classroom.enter(id)

    def end(self) -> None:
        """The page was closed."""
        self.classroom.leave(self.id)


@st.cache_resource(scope="session", on_release=Visit.end, show_spinner=False)
def visit(id: str) -> Visit:
    """The visit of this session. Streamlit releases it when the browser leaves."""
    return Visit(id)
