"""Connections that last: one that was let in with a token ends when the token does."""

from __future__ import annotations

import time
from collections.abc import Callable

from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.types import Message, Receive, Send

LOOK_S = 1.0
"""How often it is looked whether a token is still good, at most."""


def while_known(known: Callable[[], bool], receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Return what a WebSocket receives and sends by as long as `known` is so.

    It is looked when something is received or sent: one that is silent learns nothing either.
    """
    looked_s = time.monotonic()

    def over() -> bool:
        nonlocal looked_s
        now_s = time.monotonic()
        if now_s - looked_s < LOOK_S:
            return False
        if known():
            looked_s = now_s
            return False
        return True

    async def received() -> Message:
        message = await receive()
        if over():
            return {"type": "websocket.disconnect", "code": WS_1008_POLICY_VIOLATION}
        return message

    async def sent(message: Message) -> None:
        if message["type"] == "websocket.send" and over():
            reason = "the token is expired or revoked"
            await send(
                {"type": "websocket.close", "code": WS_1008_POLICY_VIOLATION, "reason": reason}
            )
            raise OSError(reason)  # how a server tells an application that nobody is there
        await send(message)

    return received, sent
