"""The second stage: a hit counts only if another engine finds the word in its audio, too.

A keyword spotting model of a few megabytes takes similar words for the wake word (for an own model
40 % of near-homophones were measured); a recogniser that is fifty times its size does not. But that
one repeats itself, where the small model hears what was said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from kws import RATE_HZ, Samples, Transcribe, WakeWordDetector
from kws.asr_pinyin import ways_to_say
from kws.looks import Finder, Nearest
from kws.sounds import likeness_anywhere, sounds_of
from kws.words import WakeWord

LIKENESS = 0.8
"""Of the sounds. Lower than where recognition alone decides: two engines must err together."""
LOOK_SCORE = 0.2
"""Of an engine that looks; at 0.25 it wakes by itself. Of 149 words that the model in the box heard
in recorded noise of 10 dB, Whisper confirms 140 from 0.1, 138 from 0.15 and 129 from 0.25; of 22
near-misses that the model took for a word, 11 from 0.1 and 6 from 0.15. For voices on which nothing
was tuned, 0.15 and 0.2 are the same in all; 小爱小爱 in one of the others gets 0.175."""

UNDOUBTED_SCORE = 0.8
"""Of an engine that looks: from here on it is believed that the same was said twice. As 小安小安,
what sounds like it got up to 0.78; of 40 clear calls, 36 got 0.9 or more."""
_TAIL_SAMPLES = RATE_HZ // 2
"""Silence after what is heard again: a detector looks ahead."""


@dataclass(frozen=True)
class Verdict:
    """Whether a hit counts."""

    confirmed: bool
    score: float
    """Likeness of the sounds in [0, 1]."""
    text: str
    """What was recognised."""


class Judge(Protocol):
    """Confirms or vetoes hits of an engine."""

    @property
    def own_score(self) -> float:
        """Return from which score on played speech may be what the engine has heard."""
        ...

    def judge(self, word: str, samples: Samples) -> Verdict:
        """Look for `word` in the audio of a hit, which ends shortly after the word."""
        ...


class LookJudge:
    """Judges by one look of an engine that looks, and is content with less than wakes by itself:
    two engines must err together."""

    def __init__(self, finder: Finder, least: float = LOOK_SCORE) -> None:
        self.own_score = finder.own_score
        self._finder = finder
        self._least = least

    def judge(self, word: str, samples: Samples) -> Verdict:
        """Look for `word` in the audio of a hit, which ends shortly after the word."""
        nearest = self._finder.nearest(samples)
        if nearest is None or nearest.word != word:
            return Verdict(False, 0.0, nearest.text if nearest else "")
        return Verdict(nearest.score >= self._least, nearest.score, nearest.text)


class SecondStage:
    """Judges by the transcript."""

    own_score = 0.7

    def __init__(
        self, words: Sequence[WakeWord], transcribe: Transcribe, likeness: float = LIKENESS
    ) -> None:
        self._ways = {word.text: ways_to_say(word) for word in words}
        self._transcribe = transcribe
        self._likeness = likeness

    def judge(self, word: str, samples: Samples) -> Verdict:
        """Look for `word` anywhere in the audio of a hit, which ends shortly after the word."""
        text = self._transcribe(samples)
        heard = sounds_of(text)
        score = max(likeness_anywhere(way, heard).likeness for way in self._ways[word])
        return Verdict(score >= self._likeness, score, text)


class SecondedFinder:
    """Finds what a recogniser does, but a word that says the same twice over only if that is beyond
    doubt or a detector hears it, too: whoever is led to write 小安 after 小爱 goes on with 小安.

    Of 188 near-misses in voices to tune with, 11 woke by a look alone, 10 of them as 小安小安; so
    only one of these does, for one of 284 calls that is lost (`models/README.md`).
    """

    def __init__(
        self, finder: Finder, detector: WakeWordDetector, words: Sequence[WakeWord]
    ) -> None:
        """`words` are those that the detector listens for."""
        self.name, self.own_score = finder.name, finder.own_score
        self._finder, self._detector = finder, detector
        self._doubled = {word.text for word in words if _says_twice(word)}

    def nearest(self, samples: Samples) -> Nearest | None:
        """Return the word that anything in the audio comes nearest to; None if to none."""
        nearest = self._finder.nearest(samples)
        if nearest is None or not nearest.woke or nearest.score >= UNDOUBTED_SCORE:
            return nearest
        if nearest.word not in self._doubled or hears(self._detector, nearest.word, samples):
            return nearest
        return replace(nearest, woke=False)


def hears(detector: WakeWordDetector, word: str, samples: Samples) -> bool:
    """Tell whether a detector that is used for nothing else hears a word in some audio: in a
    hundredth of the audio's time."""
    detector.reset()
    size = detector.chunk_samples
    heard = np.concatenate([samples, np.zeros(_TAIL_SAMPLES, np.float32)])
    chunks = heard[: len(heard) // size * size].reshape(-1, size)
    return any((hit := detector.process(chunk)) and hit.word == word for chunk in chunks)


def _says_twice(word: WakeWord) -> bool:
    ways = [[replace(sound, end=0) for sound in way] for way in ways_to_say(word)]
    return any(way[: len(way) // 2] == way[len(way) // 2 :] for way in ways)
