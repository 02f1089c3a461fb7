"""What systemd is told: that the assistant is ready, that it lives, and how it is.

The protocol is one datagram to the socket that NOTIFY_SOCKET names, see sd_notify(3).
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from voice.process.threads import Background
from voice.process.vitals import Vitals

_LOOK_S = 1.0


class Notifier(Background):
    """Tells systemd how the assistant is; without systemd it does nothing.

    The watchdog is fed only while sound is really processed, or while a device that was lost is
    being looked for: a stage that hangs lets it starve, and systemd starts the assistant anew.
    """

    def __init__(self, vitals: Vitals, environment: Mapping[str, str] = os.environ) -> None:
        super().__init__("notifier")
        self._vitals = vitals
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._starves_us = int(environment.get("WATCHDOG_USEC", "0") or 0)
        # Twice as often as needed, as sd_watchdog_enabled(3) advises.
        self._every_s = min(_LOOK_S, self._starves_us / 2e6) if self._starves_us else _LOOK_S
        self._told: str | None = None

    def start(self) -> None:
        """Begin to watch."""
        if self._address:
            super().start()

    def finish(self, stops: bool = True) -> None:
        """Watch no longer; say that the assistant ends, unless it only begins anew."""
        super().finish()
        if self._address and stops:
            self._tell("STOPPING=1")

    def _work(self) -> None:
        ready = False
        while not self._ended.wait(self._every_s):
            problem = self._vitals.problem
            # A microphone in a browser comes with the page, which waits for the assistant.
            works = not problem or bool(self._vitals.lost)
            if works and not ready:
                ready = True
                self._tell("READY=1")
            if self._starves_us and ready and works:
                self._tell("WATCHDOG=1")
            if problem != self._told:
                self._told = problem
                self._tell(f"STATUS={problem or 'listening'}")

    def _tell(self, message: str) -> None:
        # A name that begins with @ is in the abstract namespace of Linux.
        address = self._address.replace("@", "\0", 1)
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)  # whoever does not read must not hold the assistant up
            sender.sendto(message.encode(), address)
