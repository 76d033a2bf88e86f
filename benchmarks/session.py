"""A session of the app without a browser: Streamlit's own messages over its WebSocket.

A browser costs more than the server that it looks at. Thirty of these sessions cost next to nothing, so
that what they wait for is the server.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.server import App

HARD_DIGITS = "Hard digits"  # the list beside the canvas
PATIENCE = 120  # seconds until an answer counts as none
COOKIE = "s5_person={token}"  # as the page `visitor` keeps it: each session is another person


class PageError(Exception):
    """A page has shown an exception, or has not come to its end."""


class Session:
    """An open page. Its methods wait until the server has answered, and return the seconds that took."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._page = ""
        self._elements: dict[tuple[int, ...], tuple[str, object]] = {}  # fragment and element, by place
        self._drawn = -1  # which of the hard digits was drawn last
        self.texts: list[str] = []  # what the last answer had in words

    async def open(self, page: str, query: str = "") -> float:
        """Go to a page, such as "draw"; "" is the start page."""
        self._elements.clear()
        self._page = ""
        return await self._rerun(ClientState(page_name=page, query_string=query))

    async def click(self, label: str) -> float:
        """Press the button that is called so. Raises KeyError where there is none."""
        for fragment, element in self._elements.values():
            if getattr(element, "label", None) == label:
                state = WidgetState(id=element.id, trigger_value=True)  # type: ignore[attr-defined]
                return await self._send(fragment, state)
        raise KeyError(label)

    async def tick(self) -> float:
        """Let the page's clock tick: the answer is what has changed since. Raises KeyError where the page
        has no clock."""
        for fragment, element in self._elements.values():
            if getattr(element, "component_name", "").endswith("clock"):
                id = f"$$STREAMLIT_INTERNAL_KEY_{element.id}__events"  # type: ignore[attr-defined]
                payload = json.dumps([{"event": "tick", "value": True}])
                return await self._send(fragment, WidgetState(id=id, json_trigger_value=payload))
        raise KeyError("clock")

    async def draw(self) -> float:
        """Put the next of the hard digits on the canvas. Raises KeyError where there is no canvas."""
        for fragment, element in self._elements.values():
            if getattr(element, "label", None) == HARD_DIGITS:
                names = list(element.options)  # type: ignore[attr-defined]
                self._drawn = (self._drawn + 1) % len(names)
                state = WidgetState(id=element.id, string_value=names[self._drawn])  # type: ignore[attr-defined]
                return await self._send(fragment, state)
        raise KeyError(HARD_DIGITS)

    async def flood(self, page: str) -> None:
        """Ask for a page fifty times a second, whether it was drawn or not, until this is cancelled."""
        reading = asyncio.create_task(self._read())
        state = ClientState(page_name=page)
        try:
            while not reading.done():
                await self._connection.send(BackMsg(rerun_script=state).SerializeToString())
                await asyncio.sleep(0.02)
        finally:
            reading.cancel()

    async def _read(self) -> None:
        while True:
            await self._receive()

    def drop(self) -> None:
        """Break the connection without a word, as a computer does that is switched off."""
        self._connection.transport.abort()

    async def _send(self, fragment: str, *states: WidgetState) -> float:
        widgets = WidgetStates(widgets=states)
        return await self._rerun(
            ClientState(fragment_id=fragment, widget_states=widgets, page_script_hash=self._page)
        )

    async def _rerun(self, state: ClientState) -> float:
        began = monotonic()
        await self._connection.send(BackMsg(rerun_script=state).SerializeToString())
        self.texts = []
        async with asyncio.timeout(PATIENCE):
            while not self._take(await self._receive()):
                pass
        return monotonic() - began

    async def _receive(self) -> ForwardMsg:
        content = await self._connection.recv()
        assert isinstance(content, bytes)
        message = ForwardMsg()
        message.ParseFromString(content)
        return message

    def _take(self, message: ForwardMsg) -> bool:
        """Note what a message says. Returns whether it is the last of an answer."""
        match message.WhichOneof("type"):
            case "new_session":
                self._page = message.new_session.page_script_hash
            case "delta" if message.delta.WhichOneof("type") == "new_element":
                new = message.delta.new_element
                kind = new.WhichOneof("type")
                if kind == "exception":
                    raise PageError(f"{new.exception.type}: {new.exception.message}")
                element = getattr(new, kind) if kind else None
                self._elements[tuple(message.metadata.delta_path)] = message.delta.fragment_id, element
                self.texts.append(str(getattr(element, "body", "")))
            case "script_finished":
                return message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN
        return False


@asynccontextmanager
async def session(app: App) -> AsyncIterator[Session]:
    """A person of their own, with a connection to the server that lasts until the block ends."""
    cookie = COOKIE.format(token=secrets.token_urlsafe(32))
    async with connect(
        app.url("_stcore/stream").replace("http", "ws", 1),
        subprotocols=["streamlit"],  # type: ignore[list-item]
        additional_headers={"Cookie": cookie},
        max_size=None,
        open_timeout=PATIENCE,
        proxy=None,
        compression=None,
    ) as connection:
        yield Session(connection)
