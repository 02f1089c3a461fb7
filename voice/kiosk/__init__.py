"""The screen of the kiosk and the interface for other programs, served by the daemon itself.

`board` keeps the picture of what goes on, `hub` tells it to every connected screen, `routes` takes
what is touched there. `rules` say what each route asks for, `access` keeps them, with `keyring`,
`tokens` and `tls` for other machines. `server` runs all of it in one thread, behind the `door`s
where connections come in.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Protocol

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class KioskConfig:
    """Screen and interface for other programs, at http://127.0.0.1:PORT/."""

    enabled: bool = True
    """Serve them while `hean run` listens to a microphone."""
    port: int = 8710
    """TCP port for this machine alone, where nobody is asked for a token; 0 = any free one. What a
    proxy passes on needs a token, as from other machines."""
    address: str = "127.0.0.1"
    """Beyond this machine: the address to serve on, 0.0.0.0 for all. Needs a certificate
    (`hean kiosk certificate`) and a token (`hean kiosk token create NAME`)."""
    tls_port: int = 8711
    """TCP port for other machines, at https://ADDRESS:TLS_PORT/; 0 = any free one."""
    names: str = ""
    """Names and addresses by which other machines reach this one, separated by commas; empty =
    those in the certificate."""
    certificate: str = ""
    """Certificate, a PEM file; empty = the one that `hean kiosk certificate` makes."""
    key: str = ""
    """Key of the certificate, a PEM file; empty = the one that `hean kiosk certificate` makes."""

    def __post_init__(self) -> None:
        if self.address != "localhost":
            try:
                ip_address(self.address)
            except ValueError:
                raise ValueError(
                    f"kiosk.address is {self.address!r}; it must be an address of this machine, "
                    "like 127.0.0.1, or 0.0.0.0 for all"
                ) from None
        for key in ("port", "tls_port"):
            if not 0 <= getattr(self, key) <= 65_535:
                raise ValueError(f"kiosk.{key} is {getattr(self, key)}; it must be 0 to 65535")
        if bool(self.certificate) != bool(self.key):
            raise ValueError("kiosk.certificate and kiosk.key must be given together")

    @property
    def beyond(self) -> bool:
        """Return whether other machines are served, too."""
        return self.address not in LOOPBACK

    @property
    def home(self) -> str:
        """Return the address at which this machine itself is served."""
        return LOOPBACK[0] if self.beyond else self.address

    @property
    def all_names(self) -> tuple[str, ...]:
        """Return the names of the configuration, one by one."""
        return tuple(name for part in self.names.split(",") if (name := part.strip().lower()))


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
