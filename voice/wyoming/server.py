"""The thread that serves Home Assistant and other clients of Wyoming."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from wyoming.error import Error
from wyoming.event import async_write_event

from voice.ports import bound, host
from voice.wyoming import WyomingConfig
from voice.wyoming.services import Services
from voice.wyoming.session import Session
from voice.wyoming.wire import LONGEST_LINE_BYTES

MOST_CLIENTS = 16
_END_S = 5.0


class WyomingServer:
    """Serves until `close`. A fault here never reaches the conversation."""

    def __init__(self, config: WyomingConfig, services: Services) -> None:
        """Take the port. Raises ConfigError if another program has it."""
        self._services = services
        fix = f"choose another with --set wyoming.port={config.port + 1}"
        self._socket = bound(config.address, config.port, "wyoming.port", fix)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"tcp://{host(config.address)}:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._ended = asyncio.Event()
        self._clients: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._work, name="wyoming", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """End soon; what is being computed for clients is given up."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._ended.set)
            self._thread.join(_END_S)
        self._socket.close()

    def _work(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(
            self._welcome, sock=self._socket, limit=LONGEST_LINE_BYTES
        )
        async with server:
            await self._ended.wait()
            for task in self._clients:
                task.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if len(self._clients) <= MOST_CLIENTS:
                await Session(self._services, reader, writer).serve()
            else:
                await async_write_event(Error("too many clients", "busy").event(), writer)
        finally:
            self._clients.discard(task)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
