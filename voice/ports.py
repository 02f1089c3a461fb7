"""Taking a TCP port."""

from __future__ import annotations

import socket

from voice.errors import ConfigError

_BACKLOG = 128


def bound(address: str, port: int, setting: str, fix: str) -> socket.socket:
    """Return a socket that listens at an address; port 0 = any free one.

    Raises ConfigError, in the name of the setting of the port, if another program has it.
    """
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((address, port))
        taken.listen(_BACKLOG)
    except OSError as error:
        taken.close()
        raise ConfigError(f"{setting} {port} cannot be used ({error.strerror})", fix) from error
    return taken


def host(address: str) -> str:
    """Return an address as it stands in a URL."""
    return f"[{address}]" if ":" in address else address
