"""One HTTP request whose every wait can be cancelled and has an end.

`http.client` blocks in the socket. Here the socket wakes up every POLL_S, asks whether to go on,
and reads further; so no thread is needed and a cancelled request closes its connection, which is
how a server learns that nobody wants the answer any more.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from llm import GenerationError

POLL_S = 0.05
CONNECT_S = 3.0


class Cancelled(Exception):
    """The caller does not want the rest."""


@dataclass(frozen=True)
class Server:
    """Where an OpenAI-compatible server listens."""

    secure: bool
    host: str
    port: int
    path: str
    """Beginning of every path, for example /v1."""

    @classmethod
    def from_url(cls, url: str) -> Server:
        """Take an address apart. Raises GenerationError: not http or https, no host, bad port."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise GenerationError(f"llm.server_url {url!r} is no address: {error}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise GenerationError(
                f"llm.server_url is {url!r}; it must be like http://127.0.0.1:8080/v1"
            )
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, port or (443 if secure else 80), parts.path.rstrip("/"))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.secure else 'http'}://{host}:{self.port}{self.path}"


@dataclass
class Patience:
    """How long to wait: until `cancelled`, or for `silence_s` without a byte."""

    cancelled: Callable[[], bool]
    silence_s: float


def open_connection(server: Server, patience: Patience) -> http.client.HTTPConnection:
    """Connect to the server. Raises GenerationError: not reachable, or not in the local network."""
    try:
        raw = _connect(server)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if server.secure:
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=server.host)
    except OSError as error:
        raise GenerationError(
            f"the language model server {server} cannot be reached: {error.strerror or error}"
        ) from error
    connection = http.client.HTTPConnection(server.host, server.port)
    connection.sock = _PatientSocket(raw, patience)
    return connection


def _connect(server: Server) -> socket.socket:
    """Connect to the first address of the server that answers."""
    failure = OSError("it has no address")
    for *_, address in socket.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM):
        host = str(address[0])
        require_local(host)
        try:
            return socket.create_connection((host, server.port), CONNECT_S)
        except OSError as error:
            failure = error
    raise failure


def require_local(address: str) -> None:
    """Refuse an address outside the local network: what people ask stays in the house.

    The check is on the address and not on the name, because a name may lead anywhere.
    Raises GenerationError.
    """
    if not ipaddress.ip_address(address.partition("%")[0]).is_private:
        raise GenerationError(
            f"the language model server has the address {address}, which is not in the local "
            "network; questions are never sent further than that"
        )


class _PatientSocket:
    """What `http.client` needs of a socket, with reads that can be cancelled."""

    def __init__(self, raw: socket.socket, patience: Patience) -> None:
        self._raw, self._patience, self._read = raw, patience, False

    def sendall(self, data: Any) -> None:
        self._raw.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._read = True
        return io.BufferedReader(_PatientReader(self._raw, self._patience))

    def close(self) -> None:
        # `http.client` closes its socket before it reads the body; then the reader closes it.
        if not self._read:
            self._raw.close()


class _PatientReader(io.RawIOBase):
    """Reads a socket in short waits."""

    def __init__(self, raw: socket.socket, patience: Patience) -> None:
        raw.settimeout(POLL_S)
        self._raw, self._patience = raw, patience

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._raw.close()
        super().close()

    def readinto(self, buffer: Any) -> int:
        until_s = time.monotonic() + self._patience.silence_s
        while True:
            if self._patience.cancelled():
                raise Cancelled
            try:
                return self._raw.recv_into(buffer)
            except TimeoutError:
                if time.monotonic() > until_s:
                    raise GenerationError(
                        "the language model server has said nothing for "
                        f"{self._patience.silence_s:g} s"
                    ) from None
