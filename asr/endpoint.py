"""Where an utterance begins and ends, counted in audio, never by the clock."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

import numpy as np

from asr import RATE_HZ, Samples


class Boundary(Enum):
    """What the last chunk brought about."""

    START = "start"
    """Somebody has begun to speak."""
    SILENCE = "silence"
    """The utterance is over: silence for long enough."""
    TOO_LONG = "too_long"
    """The utterance is over: it reached the longest length; the rest is not used."""


@dataclass(frozen=True)
class EndpointRules:
    """When speech counts as an utterance, in seconds of audio."""

    silence_s: float = 0.7
    """Silence that ends an utterance."""
    min_speech_s: float = 0.1
    """Speech without a gap that begins one: shorter sounds are clicks. Short enough for "stop"."""
    pre_roll_s: float = 0.4
    """Audio kept from before the first chunk of speech."""
    max_utterance_s: float = 28.0
    """Longest utterance, pre-roll included."""


class Endpointer:
    """Finds the boundaries of utterances in a sequence of speech decisions.

    After an utterance that was too long, all speech up to the next silence still belongs to it
    and is ignored.
    """

    def __init__(self, rules: EndpointRules, chunk_s: float) -> None:
        self._chunk_s = chunk_s
        self._to_start = _chunks(rules.min_speech_s, chunk_s)
        self._to_end = _chunks(rules.silence_s, chunk_s)
        self._longest = _chunks(rules.max_utterance_s, chunk_s)
        self._pre_roll = int(rules.pre_roll_s / chunk_s)
        self.reset()

    def reset(self) -> None:
        """Wait for the next utterance."""
        self._state = _State.WAITING
        self._voiced = 0
        """Chunks of speech in a row."""
        self._silent = 0
        """Chunks without speech in a row."""
        self._length = 0
        """Chunks of the utterance."""

    @property
    def speaking(self) -> bool:
        """Tell whether an utterance is going on."""
        return self._state is _State.SPEAKING

    @property
    def trailing_silence_s(self) -> float:
        """Return the seconds of audio since the last speech."""
        return self._silent * self._chunk_s

    def process(self, voiced: bool) -> Boundary | None:
        """Take the decision on the next chunk; return the boundary it made, if any."""
        self._voiced = self._voiced + 1 if voiced else 0
        self._silent = 0 if voiced else self._silent + 1
        if self._state is _State.SPEAKING:
            return self._speaking()
        if self._state is _State.OVERLONG:
            if self._silent >= self._to_end:
                self.reset()
        elif self._voiced >= self._to_start:
            self._state = _State.SPEAKING
            self._length = self._voiced + self._pre_roll
            return Boundary.START
        return None

    def _speaking(self) -> Boundary | None:
        self._length += 1
        if self._silent >= self._to_end:
            self.reset()
            return Boundary.SILENCE
        if self._length >= self._longest:
            self._state = _State.OVERLONG
            return Boundary.TOO_LONG
        return None


class PreRoll:
    """Keeps the audio from which an utterance must be heard once its start is certain."""

    def __init__(self, rules: EndpointRules) -> None:
        self._room = int((rules.pre_roll_s + rules.min_speech_s) * RATE_HZ)
        self._chunks: deque[Samples] = deque()
        self._kept = 0

    def add(self, samples: Samples) -> None:
        """Add audio, forgetting what is too old."""
        self._chunks.append(samples)
        self._kept += len(samples)
        while self._kept - len(self._chunks[0]) >= self._room:
            self._kept -= len(self._chunks.popleft())

    def take(self) -> Samples:
        """Return all audio kept, and forget it."""
        samples = np.concatenate([np.zeros(0, np.float32), *self._chunks])
        self._chunks.clear()
        self._kept = 0
        return samples


class _State(Enum):
    WAITING = 0
    SPEAKING = 1
    OVERLONG = 2


def _chunks(seconds: float, chunk_s: float) -> int:
    """Return how many chunks make up at least `seconds`; at least one."""
    return max(1, -int(-seconds // chunk_s))
