"""Engines that look for wake words now and then, where somebody speaks: when and at what.

All is counted in audio. A look costs a tenth of a second of work or more, so there is none in
silence, one soon after each pause, and few in speech that goes on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kws import RATE_HZ, Samples

WINDOW_S = 2.6
"""Audio that is looked at: twice STEP_S, so that a word of 1.3 s is whole in some window."""
STEP_S = 1.3
"""How often speech without pauses is looked at: a television does not keep a core busy."""
FIRST_PAUSE_S = 0.09
"""Quiet after which a word is looked for: short, for a person waits for the answering sound."""
SECOND_PAUSE_S = 0.3
"""Quiet after which it is done again: soft ends of words are quiet for voice detection."""
SHORTEST_S = 0.25
"""No wake word is shorter from its first voice to its last; softer parts may be quiet between."""
END_S = 0.7
"""Quiet that ends a stretch of speech: who hesitates within a word may go on."""
PRE_ROLL_S = 0.4
"""Audio from before voice was found, so that no first sound is lost."""

IsSpeech = Callable[[Samples], bool]
"""Voice activity detection, given by the caller: whether a chunk is speech."""


@dataclass(frozen=True)
class Nearest:
    """The wake word that audio comes nearest to."""

    word: str
    """Empty if there is none at all."""
    score: float
    """From 0 to 1."""
    woke: bool
    """Whether it is near enough."""
    text: str = ""
    """What was recognised, as far as the finder needed to know."""


class Finder(Protocol):
    """Looks for wake words in audio."""

    name: str
    own_score: float
    """Score from which the assistant's own speech may be what is taken for a word: lower than what
    wakes, since a room changes how it sounds."""

    def nearest(self, samples: Samples) -> Nearest | None:
        """Return the word that anything in the audio comes nearest to; None if to none."""
        ...


@dataclass(frozen=True)
class Look:
    """What was found when the audio was looked at."""

    at_s: float
    """Seconds of audio since the detector was made or reset."""
    nearest: Nearest | None


class LookSchedule:
    """Tells when what is being said is worth a look."""

    def __init__(self, chunk_s: float) -> None:
        self._chunk_s = chunk_s
        self.reset()

    def reset(self) -> None:
        """Forget what was said."""
        # In chunks: without voice, of voice since the last look, and of all since that began.
        self._quiet = self._voiced = self._since = 0
        self._again = False

    @property
    def quiet_s(self) -> float:
        """Return the seconds of audio since the last voice."""
        return self._quiet * self._chunk_s

    def process(self, voiced: bool) -> bool:
        """Take the decision on the next chunk; tell whether to look now."""
        if voiced:
            self._quiet = 0
            self._voiced += 1
            self._again = False
        else:
            self._quiet += 1
        if self.quiet_s >= END_S:
            self._voiced = self._since = 0
        elif self._voiced:
            self._since += 1
        if not self._is_due():
            return False
        self._again = self._voiced > 0 and not voiced
        self._voiced = self._since = 0
        return True

    def _is_due(self) -> bool:
        if self._again:
            return self._reaches(SECOND_PAUSE_S)
        if not self._voiced or (self._since - self._quiet) * self._chunk_s < SHORTEST_S:
            return False
        return self._reaches(FIRST_PAUSE_S) or (
            not self._quiet and self._since * self._chunk_s >= STEP_S
        )

    def _reaches(self, pause_s: float) -> bool:
        return self.quiet_s - self._chunk_s < pause_s <= self.quiet_s


class Window:
    """The last audio, up to `seconds` of it."""

    def __init__(self, seconds: float = WINDOW_S) -> None:
        self._most = int(seconds * RATE_HZ)
        self._parts: deque[Samples] = deque()
        self._held = 0

    def add(self, samples: Samples) -> None:
        """Add audio of any length; the oldest part goes as soon as it is not needed."""
        self._parts.append(samples)
        self._held += len(samples)
        self.keep(self._most)

    def keep(self, count: int) -> None:
        """Forget all but the last parts that hold `count` samples."""
        while self._parts and self._held - len(self._parts[0]) >= count:
            self._held -= len(self._parts.popleft())

    def samples(self) -> Samples:
        """Return the audio, shape (n,)."""
        return np.concatenate([np.zeros(0, np.float32), *self._parts])[-self._most :]
