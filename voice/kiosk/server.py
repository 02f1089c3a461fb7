"""The thread that serves screen and interface."""

from __future__ import annotations

import socket
import threading

import uvicorn

from voice.errors import ConfigError
from voice.kiosk import KioskConfig
from voice.kiosk.routes import Kiosk, create_app

_BACKLOG = 128
_MOST_CONNECTIONS = 250
_END_S = 2
_LONGEST_MESSAGE = 4096
"""Bytes; screens only listen."""


class Server:
    """Serves until `close`. A fault here never reaches the conversation."""

    def __init__(self, config: KioskConfig, kiosk: Kiosk) -> None:
        """Take the port. Raises ConfigError if another program has it."""
        self._socket = _bound(config)
        self.port: int = self._socket.getsockname()[1]
        host = f"[{config.home}]" if ":" in config.home else config.home
        self.url = f"http://{host}:{self.port}/"
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(kiosk),
                log_config=None,
                access_log=False,
                server_header=False,
                limit_concurrency=_MOST_CONNECTIONS,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=_END_S,
                ws_max_size=_LONGEST_MESSAGE,
            )
        )
        self._thread = threading.Thread(target=self._work, name="kiosk", daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def close(self) -> None:
        """End soon; screens come back by themselves when the assistant runs again."""
        self._server.should_exit = True
        self._thread.join(2 * _END_S)
        self._socket.close()

    def _work(self) -> None:
        self._server.run([self._socket])


def _bound(config: KioskConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.home else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((config.home, config.port))
        taken.listen(_BACKLOG)
    except OSError as error:
        taken.close()
        raise ConfigError(
            f"kiosk.port {config.port} cannot be used ({error.strerror})",
            "choose another with --set kiosk.port=8711, or none with --set kiosk.enabled=false",
        ) from error
    return taken
