"""Audio of clients, of any layout they tell, as the recogniser hears it."""

from __future__ import annotations

from typing import Any

import numpy as np
from wyoming.event import Event

from asr import RATE_HZ, Samples
from voice.audio.pcm import Resampler, to_mono
from voice.wyoming.wire import BrokenEvent

_DTYPES: dict[int, np.dtype[np.signedinteger]] = {2: np.dtype("<i2"), 4: np.dtype("<i4")}
_RATES_HZ = range(4_000, 192_001)
_MOST_CHANNELS = 8


class Sound:
    """A stream of audio chunks: 16 kHz mono out of whatever comes in."""

    def __init__(self) -> None:
        self._resampler = Resampler(RATE_HZ, RATE_HZ)
        self._rate_hz = RATE_HZ

    def samples(self, event: Event) -> Samples:
        """Return the audio of a chunk, shape (n,). Raises BrokenEvent."""
        rate_hz = _number(event.data, "rate", _RATES_HZ)
        channels = _number(event.data, "channels", range(1, _MOST_CHANNELS + 1))
        width = _number(event.data, "width", range(1, 5))
        payload = event.payload or b""
        if width not in _DTYPES or len(payload) % (width * channels):
            raise BrokenEvent("an audio chunk must hold whole samples of 2 or 4 bytes")
        if rate_hz != self._rate_hz:
            self._resampler, self._rate_hz = Resampler(rate_hz, RATE_HZ), rate_hz
        frames = np.frombuffer(payload, _DTYPES[width]).reshape(-1, channels)
        return self._resampler.process(to_mono(frames))

    def rest(self) -> Samples:
        """Return what is left at the end."""
        return self._resampler.process(np.zeros(0, np.float32), last=True)


def _number(data: dict[str, Any], key: str, allowed: range) -> int:
    value = data.get(key)
    if not isinstance(value, int) or value not in allowed:
        raise BrokenEvent(f"{key} of audio must be from {allowed[0]} to {allowed[-1]}")
    return value
