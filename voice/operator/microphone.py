"""Is the microphone well? Three seconds of what it hears, judged and, if wanted, played back."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from asr import RATE_HZ
from voice.audio import Samples
from voice.audio.pcm import level_dbfs
from voice.errors import DeviceError

TEST_S = 3.0
_LATE_S = 2.0
"""Sound comes in blocks; later than this none comes at all."""
_FRAME = RATE_HZ // 10
_FULL = 0.999
"""A sample at full scale, as 16 bits round it."""
_DEAD_DBFS = -85.0
"""Below the noise of any real microphone: it is muted or not connected."""
_QUIET_DBFS = -42.0
"""Loudest tenth of a second of somebody who speaks; recognition suffers below."""
_NOISY_DBFS = -38.0
_MOST_CLIPPED = 1e-3


@dataclass(frozen=True)
class Judgement:
    """What was heard in a test. Levels in dB relative to full scale."""

    verdict: str
    """good, dead, clipped, noisy or quiet."""
    level_dbfs: float
    """Of the loudest tenth of a second."""
    noise_dbfs: float
    """Of the quiet in between: the tenth percentile of tenths of a second."""
    peak_dbfs: float
    clipped: float
    """Share of samples that are cut off at full scale."""


def judge(samples: Samples) -> Judgement:
    """Judge a recording in which somebody spoke. The first thing that is wrong is the verdict."""
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    levels = [level_dbfs(frame) for frame in frames] or [level_dbfs(samples)]
    level, noise = max(levels), float(np.percentile(levels, 10))
    peak = float(np.abs(samples).max(initial=0.0))
    clipped = float(np.mean(np.abs(samples) >= _FULL)) if len(samples) else 0.0
    verdict = "good"
    if level < _DEAD_DBFS:
        verdict = "dead"
    elif clipped > _MOST_CLIPPED:
        verdict = "clipped"
    elif noise > _NOISY_DBFS:
        verdict = "noisy"
    elif level < _QUIET_DBFS:
        verdict = "quiet"
    peak_dbfs = max(-96.0, 20 * float(np.log10(max(peak, 1e-9))))
    return Judgement(verdict, round(level, 1), round(noise, 1), round(peak_dbfs, 1), clipped)


class Recorder:
    """Takes what the microphone hears, while somebody wants it. One recording at a time."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._one = threading.Lock()
        self._wanted = 0
        self._parts: list[Samples] = []

    def hear(self, samples: Samples) -> None:
        """Take audio at RATE_HZ, in the listener's thread."""
        if not self._wanted:
            return
        with self._changed:
            self._parts.append(samples[: self._wanted].copy())
            self._wanted = max(0, self._wanted - len(samples))
            self._changed.notify_all()

    def record(self, seconds: float = TEST_S) -> Samples:
        """Return so much of what is heard from now on.

        Raises DeviceError: nothing comes from the microphone, or another test is going on.
        """
        if not self._one.acquire(blocking=False):
            raise DeviceError("another test of the microphone is going on", "wait for its end")
        try:
            with self._changed:
                self._parts, self._wanted = [], int(seconds * RATE_HZ)
                whole = self._changed.wait_for(lambda: not self._wanted, seconds + _LATE_S)
                self._wanted = 0
                if not whole:
                    raise DeviceError("no sound comes from the microphone", "is it plugged in?")
                return np.concatenate(self._parts)
        finally:
            self._one.release()
