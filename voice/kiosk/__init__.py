"""The screen of the kiosk and the interface for other programs, served by the daemon itself.

`board` keeps the picture of what goes on, `hub` tells it to every connected screen, `routes` takes
what is touched there, `access` keeps strangers out, `server` runs all of it in one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class KioskConfig:
    """Screen and interface for other programs, at http://ADDRESS:PORT/."""

    enabled: bool = True
    """Serve them while `hean run` listens to a microphone."""
    address: str = "127.0.0.1"
    """Address to serve on; only this machine's own: 127.0.0.1, ::1 or localhost."""
    port: int = 8710
    """TCP port; 0 = any free one."""

    def __post_init__(self) -> None:
        if self.address not in LOOPBACK:
            raise ValueError(
                f"kiosk.address is {self.address!r}; it must be one of {', '.join(LOOPBACK)}: "
                "the page is for this machine alone"
            )
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"kiosk.port is {self.port}; it must be from 0 to 65535")


class Controls(Protocol):
    """What a person can do without speaking. Every method is quick; answers come as events."""

    volume: float
    """Loudness of the answers, 0.0 to 1.0."""

    def ask(self, text: str, language: str) -> None:
        """Answer a question aloud, as if it had been said."""
        ...

    def command(self, name: str) -> None:
        """Wake, stop, or carry out a spoken command: repeat, slower, louder, more."""
        ...
