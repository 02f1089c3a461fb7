"""What the loudspeaker has just played, so that the assistant knows its own words again."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np

from asr import RATE_HZ
from voice.audio import Samples
from voice.audio.pcm import resample

KEPT_S = 5.0
"""Longer than a look for wake words goes back, with the delays of devices and of decoding."""


class OwnVoice:
    """The last seconds of what was played."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks: deque[tuple[Samples, int]] = deque()
        self._kept_s = 0.0

    def played(self, samples: Samples, rate_hz: int) -> None:
        """Take what leaves for the loudspeaker, pauses included. May be called from an audio
        callback: it only copies."""
        with self._lock:
            self._blocks.append((np.array(samples, np.float32), rate_hz))
            self._kept_s += len(samples) / rate_hz
            while self._kept_s > KEPT_S and len(self._blocks) > 1:
                oldest, oldest_hz = self._blocks.popleft()
                self._kept_s -= len(oldest) / oldest_hz

    def recent(self) -> Samples:
        """Return what was played, 16 kHz, shape (n,); empty if that was silence."""
        with self._lock:
            blocks = [block for block in self._blocks if len(block[0])]
        if not any(samples.any() for samples, _ in blocks):
            return np.zeros(0, np.float32)
        rate_hz = blocks[-1][1]
        played = np.concatenate([samples for samples, hz in blocks if hz == rate_hz])
        return resample(played, rate_hz, RATE_HZ)
