"""The operator's live line: the level of the microphone, four times in a second, and the work."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, WebSocket

from voice.events import Event, LevelMeasured
from voice.kiosk.hub import Hub, first_of, tell_all, until_gone
from voice.kiosk.rules import needs
from voice.operator.guard import COOKIE
from voice.operator.sessions import Sessions
from voice.operator.work import RUNNING, Work

_LOOK_S = 1.0
SIGNED_OUT = 4401
"""Close code of WebSockets, one of our own."""


class LevelTeller:
    """Follows the events; tells each level to the operators, and nothing where there are none."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, LevelMeasured):
            self._hub.tell({"type": "level", "level_dbfs": round(event.level_dbfs, 1)})


def live_routes(prefix: str, sessions: Sessions, hub: Hub, work: Work) -> APIRouter:
    """Return the route of the live line."""
    router = APIRouter(prefix=prefix, tags=["operator"])

    @router.websocket("/events", dependencies=[needs("admin")])
    async def events(socket: WebSocket) -> None:
        """Tell levels and work until the operator has signed out."""
        cookie = socket.cookies.get(COOKIE, "")
        await socket.accept()
        if sessions.find(cookie, touch=False) is None:
            await socket.close(SIGNED_OUT, "sign in with the PIN")
            return
        told = tell_all(hub, socket, lambda: work.state.as_json())
        signed_in = _until_signed_out(socket, sessions, cookie, work)
        await first_of(told, signed_in, until_gone(socket))

    return router


async def _until_signed_out(socket: WebSocket, sessions: Sessions, cookie: str, work: Work) -> None:
    """Watching a work to its end is use of the session; watching the level is not."""
    while sessions.find(cookie, touch=work.state.state == RUNNING) is not None:
        await asyncio.sleep(_LOOK_S)
    await socket.close(SIGNED_OUT, "signed out")
