"""Wake words by speech recognition: needs no model of its own.

The beginning of each stretch of speech is recognised and compared with the words by sound. With
Whisper base on synthetic speech, words alone and followed at once by a question: of 16 in voices
that nothing was tuned on, 3 missed when clean, 5 at 10 dB of noise (of 36 in the voices it was
tuned on, 1 when clean); none of 64 near-misses taken for a word, and none in 42 minutes of people
who talk and of noise. What it cannot do: hear a word in the middle of speech that goes on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from kws import RATE_HZ, Detection, Samples, Transcribe, WakeConfig
from kws.sounds import Sound, likeness_at_start, sounds_of, sounds_of_word
from kws.words import WakeWord

NAME = "asr-pinyin"
PRE_ROLL_S = 0.4
"""Audio from before voice was found, so that no first sound is lost."""
PAUSE_S = 0.26
"""Quiet after which what was said is looked at."""
HEAD_S = 2.6
"""Speech that goes on is looked at once it is that long, and then no more until it ends."""
END_S = 0.7
"""Quiet that ends a stretch of speech: who hesitates within a word may go on."""
SHORTEST_S = 0.35
"""No wake word is shorter."""

_MARKS = re.compile(r"[\W_]*")

IsSpeech = Callable[[Samples], bool]
"""Voice activity detection, given by the caller: whether a chunk is speech."""


@dataclass(frozen=True)
class Match:
    """The wake word that the beginning of a transcript is most like."""

    word: str
    score: float
    """Likeness of the sounds in [0, 1]."""
    rest: str
    """What was said after it in the same breath; may be empty."""


@dataclass(frozen=True)
class Look:
    """What was made of the beginning of a stretch of speech."""

    at_s: float
    """Seconds of audio since the detector was made or reset."""
    text: str
    nearest: Match | None
    """Whether or not it is near enough; None if nothing was heard."""


class PinyinMatcher:
    """Compares the beginning of transcripts with wake words."""

    def __init__(self, words: Sequence[WakeWord], likeness: float = WakeConfig.likeness) -> None:
        self._likeness = likeness
        self._words = [(word.text, ways_to_say(word)) for word in words if word.enabled]

    def match(self, text: str) -> Match | None:
        """Return the word that `text` begins with, and the rest; None if it begins with none."""
        nearest = self.nearest(text)
        return nearest if nearest and nearest.score >= self._likeness else None

    def nearest(self, text: str) -> Match | None:
        """Return the word that the beginning of `text` is most like; None if it has no sounds."""
        heard = sounds_of(text)
        if not heard or not self._words:
            return None
        places = [
            (likeness_at_start(way, heard), word) for word, ways in self._words for way in ways
        ]
        place, word = max(places, key=lambda one: one[0].likeness)
        return Match(word, place.likeness, _MARKS.sub("", text[place.end :], count=1))


def ways_to_say(word: WakeWord) -> list[list[Sound]]:
    """Return the sounds of each way to say a word."""
    return [sounds_of_word(word.text, way) for way in word.pinyin or ("",)]


class AsrPinyinDetector:
    """Listens for wake words through voice activity detection and speech recognition.

    `process` takes as long as `transcribe` does when it looks at what was said: after a pause, and
    once in speech that goes on.
    """

    looked: Look | None = None
    """The last look."""

    def __init__(
        self,
        words: Sequence[WakeWord],
        transcribe: Transcribe,
        is_speech: IsSpeech,
        chunk_samples: int,
        config: WakeConfig = WakeConfig(),  # noqa: B008 - a frozen value
    ) -> None:
        self.chunk_samples = chunk_samples
        self._matcher = PinyinMatcher(words, config.likeness)
        self._transcribe = transcribe
        self._is_speech = is_speech
        self._refractory = int(config.refractory_s * RATE_HZ)
        self.reset()

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        # All in samples; those of speech are of the present stretch of speech.
        self._heard = self._quiet = self._voiced = self._looked_at = self._deaf_until = 0
        self._decided = False
        self._buffer: list[Samples] = []
        self.looked = None

    def process(self, samples: Samples) -> Detection | None:
        """Hear one more chunk; tell whether a word has just been said."""
        self._heard += len(samples)
        self._quiet += len(samples)
        if self._is_speech(samples):
            self._quiet = 0
            self._voiced += len(samples)
        if self._quiet >= END_S * RATE_HZ:
            self._voiced = self._looked_at = 0
            self._decided = False
        if self._decided:
            return None
        self._buffer.append(samples)
        if not self._voiced:
            del self._buffer[: -max(1, int(PRE_ROLL_S * RATE_HZ) // self.chunk_samples)]
        return self._look() if self._is_due() else None

    def _is_due(self) -> bool:
        """Tell whether there is speech that was not looked at, and it pauses or is long enough."""
        if self._voiced < SHORTEST_S * RATE_HZ or self._voiced == self._looked_at:
            return False
        return self._quiet >= PAUSE_S * RATE_HZ or self._is_long()

    def _is_long(self) -> bool:
        return self.chunk_samples * len(self._buffer) >= HEAD_S * RATE_HZ

    def _look(self) -> Detection | None:
        text = self._transcribe(np.concatenate(self._buffer))
        at_s = self._heard / RATE_HZ
        self.looked = Look(at_s, text, self._matcher.nearest(text))
        self._looked_at = self._voiced
        match = self._matcher.match(text)
        if match or self._is_long():
            self._decided = True
            self._buffer.clear()
        if match is None or self._heard < self._deaf_until:
            return None
        self._deaf_until = self._heard + self._refractory
        return Detection(match.word, match.score, at_s, NAME)
