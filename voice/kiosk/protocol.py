"""HTTP with time limits: the server's own protocol waits for ever for the head of a request."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from voice.kiosk.limits import Limits

_LINGER_S = 2.0
"""For a client that goes on sending what nobody reads, to see why it was refused."""


class TimedProtocol(H11Protocol):
    """Ends a connection whose next request does not come in time."""

    def __init__(
        self, limits: Limits, config: Config, state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config=config, server_state=state, app_state=app_state)
        self._limits = limits
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait(self._limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait."""
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take data; the head of a request is complete when it has got a cycle."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._wait(None)

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Leave the connection to the protocol of WebSockets, which has pings."""
        self._wait(None)
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Begin to wait for the next request, if it is not here already."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            unread = self.conn.their_state is h11.SEND_BODY
            self._wait(_LINGER_S if unread else self._limits.head_s)

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; in the midst of an answer nothing can be said any more."""
        try:
            super().send_400_response(msg)
        except h11.LocalProtocolError:
            self.transport.abort()

    def _wait(self, wait_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if wait_s is None else self.loop.call_later(wait_s, self._late)

    def _late(self) -> None:
        self.transport.abort()
