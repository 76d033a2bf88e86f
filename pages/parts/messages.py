"""Messages of callbacks: a callback runs before the page is drawn, so it leaves its message for a
place on the page, which shows it once."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.parts import keys
from s5core.errors import UserError
from s5core.runs import folder
from s5core.words import message


def leave(place: keys.Place, text: str) -> None:
    """Leave a message, one or more sentences, for a place. It is no Markdown."""
    st.session_state[keys.message(place)] = text


def attempt(place: keys.Place, change: Callable[[], object]) -> bool:
    """Change something in a callback; where that is refused or cannot be written, leave the reason for a
    place. Returns whether it was changed."""
    try:
        change()
    except UserError as error:
        leave(place, str(error))
    except OSError as error:
        leave(place, f"This could not be written to {folder.home()}: {error.strerror}.")
    else:
        return True
    return False


def show(place: keys.Place) -> bool:
    """Show the message that was left for this place, and forget it. Returns whether there was one."""
    text = st.session_state.pop(keys.message(place), None)
    if text is not None:
        st.error(message(text))
    return text is not None


def complain(error: UserError) -> None:
    """Show an error here and now."""
    st.error(message(str(error)))
