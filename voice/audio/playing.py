"""What waits for a loudspeaker: every sample belongs to a turn, so that turns can be barred."""

from __future__ import annotations

import threading
import time
from collections import deque

import numpy as np

from voice.audio import Samples
from voice.audio.pcm import resample
from voice.errors import DeviceError

_QUEUED_S = 60.0
"""Audio that may wait: a whole answer, so that the next sentence is made while one plays. A flush
drops it all at once."""
_STUCK_AFTER_S = 3.0
_FIRST_AFTER_S = 8.0
"""A headset without a cable may take seconds to begin."""
_PIECE_S = 0.1


class PlaybackQueue:
    """A loudspeaker that is played by whoever calls `take`: a device's callback, or a clock."""

    def __init__(self, name: str, rate_hz: int, volume: float = 1.0) -> None:
        self.name = name
        self.rate_hz = rate_hz
        self.volume = volume
        self._changed = threading.Condition()
        self._queued: deque[tuple[int, Samples]] = deque()
        self._queued_samples = 0
        self._barred = 0
        self._held = False
        self._closed = False
        self._asked_s = time.monotonic()
        self.works = False
        """Whether anything was asked for yet: some devices can be opened and then stay silent."""

    @property
    def lost(self) -> DeviceError | None:
        """Return what is wrong if the device asks for no more audio, though it is open."""
        patience_s = _STUCK_AFTER_S if self.works else _FIRST_AFTER_S
        silent_s = time.monotonic() - self._asked_s
        return None if self._closed or silent_s < patience_s else self._takes_nothing()

    @property
    def full(self) -> bool:
        """Tell whether no more audio may wait."""
        return self._queued_samples >= _QUEUED_S * self.rate_hz

    def take(self, count: int) -> Samples:
        """Return the next `count` samples: queued audio, then silence. Never waits."""
        taken = np.zeros(count, np.float32)
        at = 0
        self._asked_s = time.monotonic()
        self.works = True
        with self._changed:
            while self._queued and at < count and not self._held:
                turn, samples = self._queued.popleft()
                part = samples[: count - at]
                taken[at : at + len(part)] = part
                at += len(part)
                if len(part) < len(samples):
                    self._queued.appendleft((turn, samples[len(part) :]))
            self._queued_samples -= at
            if at:
                self._changed.notify_all()
        return taken

    def play(self, samples: Samples, rate_hz: int, turn: int) -> None:
        """Queue audio piece by piece, waiting while a minute is queued.

        Raises DeviceError if nothing is taken meanwhile.
        """
        audio = resample(samples, rate_hz, self.rate_hz) * np.float32(self.volume)
        step = max(1, int(self.rate_hz * _PIECE_S))
        for start in range(0, len(audio), step):
            if not self._queue(audio[start : start + step], turn):
                return

    def _queue(self, piece: Samples, turn: int) -> bool:
        with self._changed:
            room = self._changed.wait_for(
                lambda: self._closed or turn < self._barred or not self.full,
                timeout=_STUCK_AFTER_S,
            )
            if self._closed or turn < self._barred:
                return False
            if not room and not self._held:
                raise self._takes_nothing()
            self._queued.append((turn, piece))
            self._queued_samples += len(piece)
            return True

    def flush(self, before: int) -> None:
        """Silence all turns older than `before`, now and later."""
        with self._changed:
            self._barred = max(self._barred, before)
            kept = [(turn, samples) for turn, samples in self._queued if turn >= before]
            self._queued = deque(kept)
            self._queued_samples = sum(len(samples) for _, samples in kept)
            self._changed.notify_all()

    def hold(self) -> None:
        """Pause at once; nothing is lost."""
        with self._changed:
            self._held = True

    def go_on(self) -> None:
        """Go on where `hold` paused."""
        with self._changed:
            self._held = False

    def drain(self, turn: int, timeout_s: float) -> bool:
        """Wait until all audio of `turn` was taken; False if time ran out."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._closed or all(number != turn for number, _ in self._queued),
                timeout_s,
            )

    def _takes_nothing(self) -> DeviceError:
        return DeviceError(f"the loudspeaker {self.name} takes no audio", "check its plug")

    def close(self) -> None:
        """Take no more audio; whoever waits goes on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
