"""A page of the screen as microphone and loudspeaker, for machines that have no others."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from starlette.status import (
    WS_1001_GOING_AWAY,
    WS_1003_UNSUPPORTED_DATA,
    WS_1013_TRY_AGAIN_LATER,
)

from voice.audio.remote import Occupied, RemoteDevice, RemoteMicrophone
from voice.kiosk.hub import first_of
from voice.kiosk.rules import needs

SILENT_S = 10.0
"""A page that gives no audio for so long makes room for another one."""
LONGEST_FRAME_BYTES = 4096
"""An eighth of a second; pages send a quarter of that."""
_WAITING = 50
"""Frames that wait to be sent, two seconds; the oldest is dropped beyond."""


def microphone_routes(remote: RemoteDevice) -> APIRouter:
    """Return the route by which a page brings its microphone.

    What it sends are frames of 16-bit little-endian samples, 16 kHz mono. What it is sent is
    first an object with the rate of what is to be played, then frames of that, as they are due.
    """
    router = APIRouter(prefix="/v1", tags=["assistant"])

    @router.websocket("/microphone", dependencies=[needs("operate")])
    async def microphone(socket: WebSocket) -> None:
        """Listen to a page, and let it play the answers."""
        await socket.accept()
        frames: asyncio.Queue[bytes] = asyncio.Queue(_WAITING)
        loop = asyncio.get_running_loop()

        def send(frame: bytes) -> None:
            with suppress(RuntimeError):  # the server has just ended
                loop.call_soon_threadsafe(_put, frames, frame)

        try:
            brought = remote.connect(send)
        except Occupied:
            await socket.close(WS_1013_TRY_AGAIN_LATER, "another page gives its microphone already")
            return
        try:
            await socket.send_json({"type": "play", "rate_hz": remote.speaker.rate_hz})
            await first_of(_hear(socket, brought), _play(socket, frames))
        finally:
            remote.disconnect(brought)

    return router


def _put(frames: asyncio.Queue[bytes], frame: bytes) -> None:
    if frames.full():
        frames.get_nowait()
    frames.put_nowait(frame)


async def _hear(socket: WebSocket, microphone: RemoteMicrophone) -> None:
    while True:
        try:
            message = await asyncio.wait_for(socket.receive(), SILENT_S)
        except (TimeoutError, asyncio.TimeoutError):  # two classes up to Python 3.10
            await socket.close(WS_1001_GOING_AWAY, "no sound comes from this page")
            return
        if message["type"] == "websocket.disconnect":
            return
        frame = message.get("bytes")
        if not frame or len(frame) % 2 or len(frame) > LONGEST_FRAME_BYTES:
            await socket.close(WS_1003_UNSUPPORTED_DATA, "send 16-bit samples, 16 kHz mono")
            return
        microphone.hear(frame)


async def _play(socket: WebSocket, frames: asyncio.Queue[bytes]) -> None:
    with suppress(WebSocketDisconnect):
        while True:
            await socket.send_bytes(await frames.get())
