"""Devices in memory whose clock is the audio: a day passes as quickly as it can be computed.

Every time limit of a conversation is counted in audio, so nothing else has to know.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

import numpy as np

from asr import RATE_HZ
from voice.audio import Samples
from voice.audio.pcm import Resampler
from voice.audio.playing import PlaybackQueue

ECHO_DELAY_S = 0.06
"""From handing audio to a loudspeaker to hearing it in the microphone: the devices' buffers."""


class ClockedSpeaker(PlaybackQueue):
    """A loudspeaker that plays as fast as the clock of its room goes."""

    def __init__(self, rate_hz: int) -> None:
        super().__init__("virtual loudspeaker", rate_hz)
        self._awaited = -1

    def drain(self, turn: int, timeout_s: float) -> bool:
        """Wait until all audio of `turn` was taken; False if time ran out."""
        self._awaited = turn
        try:
            return super().drain(turn, timeout_s)
        finally:
            self._awaited = -1

    @property
    def awaited(self) -> bool:
        """Tell whether somebody waits for audio that is still to be played."""
        with self._changed:
            return self.full or any(turn == self._awaited for turn, _ in self._queued)


class ClockedMicrophone:
    """A microphone that is given one block after the other, and drops none."""

    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self.given = self.taken = 0
        """Blocks."""
        self._changed = threading.Condition()
        self._waiting: deque[Samples] = deque()
        self._waits = self._closed = False

    def give(self, block: Samples) -> None:
        """Let a block be heard."""
        with self._changed:
            self._waiting.append(block)
            self.given += 1
            self._waits = False
            self._changed.notify_all()

    def wait_until_heard(self, timeout_s: float) -> bool:
        """Wait until all that was given has been listened to; tell whether it was in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waits or self._closed, timeout_s)

    def chunks(self) -> Iterator[Samples]:
        """Yield what was given until the microphone is closed."""
        while True:
            with self._changed:
                self._waits = not self._waiting
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if not self._waiting:
                    return
                block = self._waiting.popleft()
                self.taken += 1
            yield block

    def close(self) -> None:
        """End the audio after what was given so far."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Echo:
    """The way from the loudspeaker through the room into the microphone."""

    def __init__(self, response: Samples, played_hz: int) -> None:
        """`response` is the impulse response of the room, 16 kHz."""
        self._response = response
        self._resampler = Resampler(played_hz, RATE_HZ)
        delay = np.zeros(int(ECHO_DELAY_S * RATE_HZ), np.float32)
        self._sound = np.concatenate([np.zeros(len(response) - 1, np.float32), delay])

    def through(self, played: Samples, count: int) -> Samples:
        """Take what leaves for the loudspeaker, return the `count` samples that come in now."""
        self._sound = np.concatenate([self._sound, self._resampler.process(played)])
        size = count + len(self._response) - 1
        heard, self._sound = self._sound[:size], self._sound[count:]
        assert len(heard) == size, "the resampler is later than the devices' buffers"
        if not heard.any():
            return np.zeros(count, np.float32)
        return np.asarray(np.convolve(heard, self._response, "valid"), np.float32)


def room_response(seconds: float = 0.3, seed: int = 1) -> Samples:
    """Return the impulse response of a living room, 16 kHz: direct sound, then 60 dB of decay."""
    tail = np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ))
    tail *= 10 ** (-3 * np.arange(len(tail)) / len(tail)) * 0.1
    tail[0] = 1.0
    return np.asarray(tail / np.linalg.norm(tail), np.float32)
