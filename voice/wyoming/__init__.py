"""Home Assistant's protocol: ears, voice and answers for it, at the same assistant.

`wire` reads what comes in, within bounds; `session` is one conversation with a client; `server`
runs all of them in one thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address


@dataclass(frozen=True)
class WyomingConfig:
    """Wake word, recognition, speech and answers for Home Assistant, at tcp://ADDRESS:PORT."""

    enabled: bool = False
    """Serve them while `hean run` listens to a microphone."""
    address: str = "127.0.0.1"
    """Address to serve on; only this machine's own, 127.0.0.1 or ::1: the protocol knows neither
    passwords nor encryption. From another machine, come through an SSH tunnel."""
    port: int = 10700
    """TCP port; 0 = any free one."""

    def __post_init__(self) -> None:
        try:
            loopback = ip_address(self.address).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError(
                f"wyoming.address is {self.address!r}; it must be 127.0.0.1 or ::1: the protocol "
                "knows neither passwords nor encryption"
            )
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"wyoming.port is {self.port}; it must be from 0 to 65535")
