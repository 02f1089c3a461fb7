"""The operator's live line: the level of the microphone, four times in a second, and the work."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from voice.events import Event, LevelMeasured
from voice.kiosk.hub import Hub, TooManyClients, first_of, until_gone
from voice.kiosk.rules import needs
from voice.operator.guard import COOKIE
from voice.operator.sessions import Sessions
from voice.operator.work import RUNNING, Work

_LOOK_S = 1.0
SIGNED_OUT, TRY_AGAIN_LATER = 4401, 1013
"""Close codes of WebSockets: one of our own, one from the registry of RFC 6455."""


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
        works = _tell(socket, hub, work), _until_signed_out(socket, sessions, cookie, work)
        await first_of(*works, until_gone(socket))

    return router


async def _tell(socket: WebSocket, hub: Hub, work: Work) -> None:
    def picture() -> dict[str, Any]:
        return work.state.as_json()

    reason = "too slow, or the assistant ends"
    try:
        async for text in hub.messages(picture):
            await socket.send_text(text)
    except TooManyClients:
        reason = "too many pages"
    except WebSocketDisconnect:
        return
    await socket.close(TRY_AGAIN_LATER, reason)


async def _until_signed_out(socket: WebSocket, sessions: Sessions, cookie: str, work: Work) -> None:
    """Watching a work to its end is use of the session; watching the level is not."""
    while sessions.find(cookie, touch=work.state.state == RUNNING) is not None:
        await asyncio.sleep(_LOOK_S)
    await socket.close(SIGNED_OUT, "signed out")
