"""Microphone and loudspeaker in memory: what tests speak into and listen to."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import numpy as np

from voice.audio import Samples
from voice.audio.pcm import resample

_BACKLOG = 256
"""Chunks that may wait; whoever feeds more waits."""


class VirtualMicrophone:
    """Audio that another thread feeds."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self._queue: queue.Queue[Samples | None] = queue.Queue(_BACKLOG)

    def feed(self, samples: Samples) -> None:
        """Add audio."""
        self._queue.put(np.asarray(samples, np.float32))

    def chunks(self) -> Iterator[Samples]:
        """Yield what was fed until the microphone is closed."""
        while (chunk := self._queue.get()) is not None:
            yield chunk

    def close(self) -> None:
        """End the audio after what was fed so far."""
        self._queue.put(None)


class VirtualSpeaker:
    """Keeps what was played, with its turn."""

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.volume = 1.0
        self._lock = threading.Lock()
        self._barred = 0
        self.played: list[tuple[int, Samples]] = []

    def play(self, samples: Samples, rate_hz: int, turn: int) -> None:
        """Keep audio, unless the turn was flushed."""
        audio = resample(samples, rate_hz, self.rate_hz) * np.float32(self.volume)
        with self._lock:
            if turn >= self._barred:
                self.played.append((turn, audio))

    def flush(self, before: int) -> None:
        """Bar all turns older than `before`."""
        with self._lock:
            self._barred = max(self._barred, before)

    def hold(self) -> None:
        """Do nothing: there is nobody to hear a pause."""

    def go_on(self) -> None:
        """Do nothing."""

    def drain(self, turn: int, timeout_s: float) -> bool:
        """Return at once: memory plays without waiting."""
        return True

    def close(self) -> None:
        """Keep everything; there is no device to free."""

    def audio(self, turn: int) -> Samples:
        """Return all audio played for a turn."""
        with self._lock:
            pieces = [samples for number, samples in self.played if number == turn]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
