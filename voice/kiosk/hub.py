"""Tells what happens to every connected screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from starlette.status import WS_1008_POLICY_VIOLATION, WS_1013_TRY_AGAIN_LATER
from starlette.websockets import WebSocket, WebSocketDisconnect

from voice.kiosk.limits import Allowance
from voice.kiosk.messages import Message

MOST_CLIENTS = 100
_QUEUED = 200
"""Messages that wait for a screen. One that is slower is cut off: it will come again, and begin
with a new picture."""
_SAID_PER_S, _SAID_AT_ONCE = 1.0, 20.0


class TooManyClients(Exception):
    """Nobody more is let in."""


class Hub:
    """Passes messages from the assistant's threads on to the screens, in the server's thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queues: set[asyncio.Queue[str | None]] = set()

    def open(self) -> None:
        """Begin to pass messages on; called in the server's event loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Let all screens go."""
        self._loop = None
        for queue in self._queues:
            _cut_off(queue)

    def tell(self, message: Message) -> None:
        """Pass a message on; from any thread, without waiting."""
        loop = self._loop
        if loop is not None and self._queues:
            text = json.dumps(message, ensure_ascii=False)
            with suppress(RuntimeError):  # the server has just ended
                loop.call_soon_threadsafe(self._spread, text)

    async def messages(self, picture: Callable[[], Message]) -> AsyncIterator[str]:
        """Yield the picture, then everything that happens, until this client is cut off.

        Raises TooManyClients.
        """
        with self._place() as queue:
            # The place is taken first: what happens between the two is told twice, never lost.
            yield json.dumps(picture(), ensure_ascii=False)
            while (text := await queue.get()) is not None:
                yield text

    @contextmanager
    def _place(self) -> Iterator[asyncio.Queue[str | None]]:
        if len(self._queues) >= MOST_CLIENTS:
            raise TooManyClients
        queue: asyncio.Queue[str | None] = asyncio.Queue(_QUEUED)
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    def _spread(self, text: str) -> None:
        for queue in list(self._queues):
            if queue.full():
                _cut_off(queue)
            else:
                queue.put_nowait(text)


def _cut_off(queue: asyncio.Queue[str | None]) -> None:
    while not queue.empty():
        queue.get_nowait()
    queue.put_nowait(None)


async def tell_all(hub: Hub, socket: WebSocket, picture: Callable[[], Message]) -> None:
    """Send the picture and everything that happens, until this client goes or is cut off."""
    reason = "too slow, or the assistant ends"
    try:
        async for text in hub.messages(picture):
            await socket.send_text(text)
    except TooManyClients:
        reason = "too many pages"
    except WebSocketDisconnect:
        return
    await socket.close(WS_1013_TRY_AGAIN_LATER, reason)


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one has ended, then end the others. Raises what the first one raised."""
    tasks = [asyncio.create_task(work) for work in works]
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    for task in done:
        task.result()


async def until_gone(socket: WebSocket) -> None:
    """Read and forget what a client sends that only has to listen, until it goes or talks on."""
    allowance = Allowance(_SAID_PER_S, _SAID_AT_ONCE)
    while (await socket.receive())["type"] != "websocket.disconnect":
        if not allowance.take():
            await socket.close(WS_1008_POLICY_VIOLATION, "nothing is read here")
            return
