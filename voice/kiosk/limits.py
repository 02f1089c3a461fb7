"""How much and how long: what one client, and all together, may take from the assistant."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address


@dataclass(frozen=True)
class Limits:
    """The measures, far above what people and their screens need."""

    changes_per_s: float = 5.0
    """Questions, commands and settings of one client: more than people can touch, far less than
    would disturb a voice."""
    changes_at_once: float = 20.0
    reads_per_s: float = 50.0
    """Pages, pictures and counts for one client."""
    reads_at_once: float = 300.0
    """A page has a dozen files; some screens share an address."""
    wrong_per_s: float = 0.1
    """Tokens that nobody knows, of one address."""
    wrong_at_once: float = 10.0
    connections: int = 250
    """Open at one time, of this machine or of all others together."""
    connections_of_one: int = 40
    """Of one other machine."""
    head_s: float = 10.0
    """Until the head of a request has arrived, or of the next one on the same connection."""
    body_grace_s: float = 10.0
    slowest_body_bytes_per_s: float = 20_000.0
    """A recording of a minute, 16 kHz, may take 100 s."""
    handshake_s: float = 5.0
    """Until a connection is encrypted."""
    pinged_every_s: float = 20.0
    """A WebSocket whose other end does not answer for as long again is closed."""
    unread_s: float = 30.0
    """For how long a client may leave unread what it was sent."""


@dataclass
class Allowance:
    """A token bucket: `rate` in a second, `most` at once."""

    rate: float
    most: float
    clock: Callable[[], float] = time.monotonic
    _left: float = field(init=False)
    _at_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._at_s = self.most, self.clock()

    def take(self) -> bool:
        """Take one; False if none is left."""
        now_s = self.clock()
        self._left = min(self.most, self._left + (now_s - self._at_s) * self.rate)
        self._at_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Allowances:
    """An allowance for each client, of the last thousands that came."""

    MOST = 4096

    def __init__(self, rate: float, most: float) -> None:
        self._rate, self._most = rate, most
        self._of: OrderedDict[str, Allowance] = OrderedDict()

    def take(self, client: str) -> bool:
        """Take one from a client's allowance; False if none is left."""
        allowance = self._of.pop(client, None) or Allowance(self._rate, self._most)
        self._of[client] = allowance
        if len(self._of) > self.MOST:
            self._of.popitem(last=False)
        return allowance.take()


def client_of(address: str) -> str:
    """Return whom an address counts for: the network of 64 bits that one machine has in IPv6."""
    plain = unmapped(address)
    return str(IPv6Address(int(IPv6Address(plain)) >> 64 << 64)) if ":" in plain else plain


def unmapped(address: str) -> str:
    """Return an address without its zone, and one of IPv4 as such."""
    plain = address.partition("%")[0]
    mapped = IPv6Address(plain).ipv4_mapped if ":" in plain else None
    return str(mapped or plain)
