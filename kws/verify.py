"""The second stage: a hit counts only if another engine finds the word in its audio, too.

A keyword spotting model of a few megabytes takes similar words for the wake word (for an own model
40 % of near-homophones were measured); a recogniser that is fifty times its size does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kws import Samples, Transcribe
from kws.asr_pinyin import ways_to_say
from kws.looks import Finder
from kws.sounds import likeness_anywhere, sounds_of
from kws.words import WakeWord

LIKENESS = 0.8
"""Of the sounds. Lower than where recognition alone decides: two engines must err together."""
LOOK_SCORE = 0.2
"""Of an engine that looks; at 0.25 it wakes by itself. Of 149 words that the model in the box heard
in recorded noise of 10 dB, Whisper confirms 140 from 0.1, 138 from 0.15 and 129 from 0.25; of 22
near-misses that the model took for a word, 11 from 0.1 and 6 from 0.15. For voices on which nothing
was tuned, 0.15 and 0.2 are the same in all; 小爱小爱 in one of the others gets 0.175."""


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
