"""Whether the assistant is alive: sound really comes in and is really processed."""

from __future__ import annotations

import time
from collections.abc import Callable

from voice.events import DeviceLost, DeviceRestored, Event, LevelMeasured

STALE_S = 5.0
"""The level is told four times in a second of audio; so long without one, nobody listens."""


class Vitals:
    """Follows the events; safe to ask from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._heard_s: float | None = None
        self.lost = ""
        """Why there is no microphone or loudspeaker just now; it is being looked for."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, LevelMeasured):
            self._heard_s = self._clock()
        elif isinstance(event, DeviceLost):
            self.lost = event.message
        elif isinstance(event, DeviceRestored):
            self.lost = ""

    @property
    def audio_age_s(self) -> float:
        """Return the seconds since audio was last processed; infinite before the first."""
        return float("inf") if self._heard_s is None else self._clock() - self._heard_s

    @property
    def problem(self) -> str:
        """Return why nobody is heard just now; "" = all is well."""
        if self.lost:
            return self.lost
        if self._heard_s is None:
            return "no sound has come in yet"
        return "no sound comes in any more" if self.audio_age_s > STALE_S else ""
