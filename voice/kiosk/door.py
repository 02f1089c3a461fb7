"""Takes connections: a bounded number, of each machine and of all, encrypted in time.

The server's own way of taking connections counts none until they are encrypted, and waits a
minute for that.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from weakref import WeakSet

from voice.kiosk.limits import Limits, client_of

_AT_ONCE = 64
"""Connections taken in one go; then others have their turn."""
_PAUSE_S = 1.0
"""Rest when the system has no more file descriptors."""
_KEPT_FREE = 256
"""File descriptors for models, sound, audit and knowledge: none of these may ever lack one."""
Protocols = Callable[[], asyncio.Protocol]


class _Guest(socket.socket):
    """A connection that tells when it is closed, whoever closes it."""

    def __init__(self, fileno: int, gone: Callable[[], None]) -> None:
        super().__init__(fileno=fileno)
        self._gone: Callable[[], None] | None = gone

    def close(self) -> None:
        """Close and tell, once."""
        super().close()
        gone, self._gone = self._gone, None
        if gone:
            gone()


class Door:
    """Takes the connections of a listening socket; in plain text without `context`."""

    def __init__(
        self, listener: socket.socket, limits: Limits, context: ssl.SSLContext | None = None
    ) -> None:
        self._listener = listener
        self._limits = limits
        self._context = context
        self._most = min(limits.connections, _spare_descriptors())
        self._most_of_one = limits.connections_of_one if context else self._most
        self._open: Counter[str] = Counter()
        self._inside: WeakSet[asyncio.Transport] = WeakSet()
        self._admitted: set[asyncio.Task[None]] = set()

    def open(self, protocols: Protocols) -> None:
        """Begin to take connections; called in the event loop that serves them."""
        self._protocols = protocols
        self._loop = asyncio.get_running_loop()
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._take)

    def close(self) -> None:
        """Take no more; those that are open stay."""
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for task in self._admitted:
            task.cancel()

    async def dismiss(self) -> None:
        """End at once those that are still open."""
        for transport in list(self._inside):
            # Up to Python 3.11.3, that of an encrypted connection which was closed twice raises it.
            with suppress(AttributeError):
                transport.abort()
        await asyncio.sleep(0.01)  # the loop frees them

    def _take(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                number, address = self._listener._accept()  # type: ignore[attr-defined]
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:
                self._rest()
                return
            self._receive(number, client_of(str(address[0])))

    def _rest(self) -> None:
        """Leave the queue alone for a moment: with no descriptor left this would spin."""
        self._loop.remove_reader(self._listener)
        self._loop.call_later(_PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        if self._listener.fileno() >= 0:
            self._loop.add_reader(self._listener, self._take)

    def _receive(self, number: int, client: str) -> None:
        self._open[client] += 1
        guest = _Guest(number, lambda: self._forget(client))
        if self._open[client] > self._most_of_one or self._open.total() > self._most:
            guest.close()
            return
        guest.setblocking(False)
        unread_ms = int(1000 * self._limits.unread_s)
        guest.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread_ms)
        task = self._loop.create_task(self._admit(guest))
        self._admitted.add(task)
        task.add_done_callback(self._admitted.discard)

    def _forget(self, client: str) -> None:
        self._open[client] -= 1
        if not self._open[client]:
            del self._open[client]

    async def _admit(self, guest: _Guest) -> None:
        """Encrypt the connection and hand it over; what is no TLS, or too slow, is closed."""
        timeout = self._limits.handshake_s if self._context else None
        try:
            with suppress(OSError):  # of ssl, too
                transport, _ = await self._loop.connect_accepted_socket(
                    self._protocols, guest, ssl=self._context, ssl_handshake_timeout=timeout
                )
                self._inside.add(transport)
                return
        except asyncio.CancelledError:
            guest.close()
            raise
        guest.close()


def _spare_descriptors() -> int:
    """Return how many connections the limit of this process leaves room for, at two doors."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return 1_000_000
    return max(16, (soft - _KEPT_FREE) // 2)
