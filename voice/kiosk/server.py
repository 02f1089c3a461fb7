"""The thread that serves screen and interface."""

from __future__ import annotations

import asyncio
import socket
import threading

import uvicorn

from voice.errors import ConfigError
from voice.kiosk import KioskConfig
from voice.kiosk.beyond import Beyond
from voice.kiosk.door import Door
from voice.kiosk.limits import Limits
from voice.kiosk.protocol import TimedProtocol
from voice.kiosk.routes import Kiosk, create_app
from voice.ports import bound, host

_END_S = 2
_LONGEST_HEAD = 16_384
_LONGEST_MESSAGE = 65_536
"""Bytes of a WebSocket's message; two seconds of a browser's microphone."""


class Server:
    """Serves until `close`. A fault here never reaches the conversation."""

    def __init__(
        self,
        config: KioskConfig,
        kiosk: Kiosk,
        beyond: Beyond | None = None,
        limits: Limits | None = None,
    ) -> None:
        """Take the ports. Raises ConfigError if another program has one."""
        self._limits = limits or Limits()
        home = _bound(config.home, config.port, "port")
        self.port: int = home.getsockname()[1]
        self.url = f"http://{host(config.home)}:{self.port}/"
        self.tls_port = 0
        doors = [Door(home, self._limits)]
        if beyond:
            doors.append(self._outer_door(config, beyond, home))
        self._server = _Served(
            doors,
            self._limits,
            uvicorn.Config(
                create_app(kiosk, self._limits, beyond),
                log_config=None,
                log_level="error",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=_LONGEST_HEAD,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=_END_S,
                ws_max_size=_LONGEST_MESSAGE,
                ws_per_message_deflate=False,  # a sentence is not worth the time
                ws_ping_interval=self._limits.pinged_every_s,
                ws_ping_timeout=self._limits.pinged_every_s,
            ),
        )
        self._thread = threading.Thread(target=self._server.run, name="kiosk", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """End soon; screens come back by themselves when the assistant runs again."""
        self._server.should_exit = True
        self._thread.join(2 * _END_S)

    def _outer_door(self, config: KioskConfig, beyond: Beyond, home: socket.socket) -> Door:
        try:
            listener = _bound(config.address, config.tls_port, "tls_port")
        except ConfigError:
            home.close()
            raise
        self.tls_port = listener.getsockname()[1]
        return Door(listener, self._limits, beyond.context)


class _Served(uvicorn.Server):
    """The server behind doors of our own."""

    def __init__(self, doors: list[Door], limits: Limits, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._doors = doors
        self._limits = limits

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open the doors."""
        await super().startup(sockets=[])
        for door in self._doors:
            door.open(self._protocol)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the doors, then let all who are inside go."""
        for door in self._doors:
            door.close()
        await super().shutdown(sockets=[])
        for door in self._doors:
            await door.dismiss()

    def _protocol(self) -> asyncio.Protocol:
        return TimedProtocol(self._limits, self.config, self.server_state, self.lifespan.state)


def _bound(address: str, port: int, key: str) -> socket.socket:
    another = f"choose another with --set kiosk.{key}={port + 2}"
    fix = f"{another}, or none with --set kiosk.enabled=false"
    return bound(address, port, f"kiosk.{key}", fix)
