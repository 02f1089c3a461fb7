"""The last lines of the log, in memory: what went wrong, without what anybody asked."""

from __future__ import annotations

import logging
import threading
from collections import deque

from voice.audit.record import timestamp, utc_now
from voice.events import (
    DeviceLost,
    DeviceRestored,
    Event,
    Notice,
    StageFailed,
    TurnEnded,
)

MOST_LINES, MOST_CHARS = 500, 400


class LogRing(logging.Handler):
    """Keeps what is logged, and those events that tell how the device is.

    Questions and answers are left out: they stand in the audit log, as its owner wants them kept.
    """

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._lines: deque[dict[str, str]] = deque(maxlen=MOST_LINES)
        self._adding = threading.Lock()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one record of the log."""
        self._add(record.levelname.lower(), f"{record.name}: {record.getMessage()}")

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, Notice):
            self._add("info", event.message)
        elif isinstance(event, DeviceLost):
            self._add("error", f"sound: {event.message}")
        elif isinstance(event, DeviceRestored):
            self._add("info", "sound: the devices are back")
        elif isinstance(event, StageFailed):
            self._add("error", f"turn {event.turn}: {event.stage}: {event.message}")
        elif isinstance(event, TurnEnded):
            self._add("info", f"turn {event.turn}: {event.outcome.value}")

    def lines(self, most: int) -> list[dict[str, str]]:
        """Return the newest lines, oldest first: when, level, text."""
        with self._adding:
            return list(self._lines)[-most:]

    def _add(self, level: str, text: str) -> None:
        clean = "".join(c if c.isprintable() else " " for c in text[:MOST_CHARS])
        with self._adding:
            self._lines.append({"at": timestamp(utc_now()), "level": level, "text": clean})
