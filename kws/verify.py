"""The second stage: a hit counts only if another engine finds the word in its audio, too.

A keyword spotting model of a few megabytes takes similar words for the wake word (for an own model
40 % of near-homophones were measured); a recogniser that is fifty times its size does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from kws import RATE_HZ, Detection, Samples, Transcribe, WakeWordDetector
from kws.asr_pinyin import ways_to_say
from kws.looks import Finder
from kws.sounds import likeness_anywhere, sounds_of
from kws.words import WakeWord

AUDIO_S = 2.4
"""Audio up to the hit that the caller should keep: a slow wake word and what was before it."""
LIKENESS = 0.8
"""Of the sounds. Lower than where recognition alone decides: two engines must err together."""


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
    """Judges by one look of an engine that looks, at the likeness from which it knows a word again:
    lower than where it wakes by itself, since two engines must err together."""

    def __init__(self, finder: Finder) -> None:
        self.own_score = finder.own_score
        self._finder = finder

    def judge(self, word: str, samples: Samples) -> Verdict:
        """Look for `word` in the audio of a hit, which ends shortly after the word."""
        nearest = self._finder.nearest(samples)
        if nearest is None or nearest.word != word:
            return Verdict(False, 0.0, nearest.text if nearest else "")
        return Verdict(nearest.score >= self.own_score, nearest.score, nearest.text)


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


class ConfirmedDetector:
    """Another detector whose hits are confirmed. `process` takes longer when there is one."""

    def __init__(self, detector: WakeWordDetector, stage: Judge) -> None:
        self.chunk_samples = detector.chunk_samples
        self.vetoed = 0
        """Hits that did not count."""
        self._detector = detector
        self._stage = stage
        self._audio: deque[Samples] = deque(maxlen=int(AUDIO_S * RATE_HZ) // self.chunk_samples)

    def process(self, samples: Samples) -> Detection | None:
        """Hear one more chunk; tell whether a word has just been said."""
        self._audio.append(samples)
        hit = self._detector.process(samples)
        if hit is None:
            return None
        verdict = self._stage.judge(hit.word, np.concatenate(self._audio))
        if not verdict.confirmed:
            self.vetoed += 1
            return None
        return replace(hit, score=verdict.score)

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        self._audio.clear()
        self._detector.reset()
