"""Listens in on a microphone or a loudspeaker, so that sound can be timed to the sample."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Iterator

import numpy as np

from voice.audio import Microphone, Samples

SOUND = 0.01
"""Samples above are sound, -40 dBFS; below are silence and noise."""
_KEPT_BLOCKS = 4000
"""About two minutes; older blocks are forgotten."""


class Tap:
    """What went by, and when. Times are monotonic, in seconds."""

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._lock = threading.Lock()
        self._blocks: deque[tuple[float, Samples]] = deque(maxlen=_KEPT_BLOCKS)

    def add(self, samples: Samples, begins_s: float) -> None:
        """Take a block whose first sample went by at a time."""
        with self._lock:
            self._blocks.append((begins_s, samples.copy()))

    def first_sound_s(self, after_s: float) -> float | None:
        """Return when the first sound from a time on went by; None if there was none."""
        return min(self._sounds(after_s, math.inf), default=None)

    def last_sound_s(self, after_s: float, before_s: float = math.inf) -> float | None:
        """Return when the last sound between two times went by; None if there was none."""
        return max(self._sounds(after_s, before_s), default=None)

    def _sounds(self, after_s: float, before_s: float) -> Iterator[float]:
        """Yield the first and the last sound of each block."""
        with self._lock:
            blocks = list(self._blocks)
        for begins_s, samples in blocks:
            times = begins_s + np.flatnonzero(np.abs(samples) > SOUND) / self._rate_hz
            times = times[(times >= after_s) & (times < before_s)]
            if len(times):
                yield float(times[0])
                yield float(times[-1])


class TappedMicrophone:
    """A microphone that is listened in on.

    A device delivers blocks, now and then a late one; its samples are taken at a steady pace. So
    a sample is timed by the block that came soonest after its last sample was due.
    """

    def __init__(self, inner: Microphone, tap: Tap) -> None:
        self.rate_hz = inner.rate_hz
        self.name = str(getattr(inner, "name", ""))
        self._inner = inner
        self._tap = tap

    def chunks(self) -> Iterator[Samples]:
        """Yield the audio as it comes."""
        delivered_s, began_s = 0.0, float("inf")
        for samples in self._inner.chunks():
            length_s = len(samples) / self.rate_hz
            began_s = min(began_s, time.monotonic() - delivered_s - length_s)
            self._tap.add(samples, began_s + delivered_s)
            delivered_s += length_s
            yield samples

    def close(self) -> None:
        """Close the microphone."""
        self._inner.close()
