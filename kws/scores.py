"""How near recordings come to a wake word, also where they do not wake: for `hean wake test`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kws import Files, Samples, WakeConfig
from kws.looks import LookingDetector, Nearest
from kws.words import WakeWord
from kws.zipformer import ZipformerDetector

THRESHOLDS = tuple(step / 20 for step in range(1, 20))
"""Tried all at once, since sherpa-onnx tells whether a threshold is passed, but not by how much."""


@dataclass(frozen=True)
class Score:
    """How near some audio came to a wake word."""

    at_s: float
    """Seconds of audio."""
    word: str
    score: float
    """From 0 to 1."""
    woke: bool
    """Whether it was near enough."""
    text: str = ""
    """What was recognised, where the engine tells."""


class Scorer(Protocol):
    """Scores audio."""

    chunk_samples: int

    def process(self, samples: Samples) -> Score | None:
        """Hear one more chunk; return a score if there is a new one."""
        ...

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        ...


class LookScorer:
    """Scores each look of the engines `whisper` and `asr-pinyin`."""

    def __init__(self, detector: LookingDetector) -> None:
        self.chunk_samples = detector.chunk_samples
        self._detector = detector

    def process(self, samples: Samples) -> Score | None:
        """Hear one more chunk; return a score if what was said was looked at."""
        before = self._detector.looked
        found = self._detector.process(samples)
        look = self._detector.looked
        if look is None or look is before:
            return None
        nearest = look.nearest or Nearest("", 0.0, False)
        return Score(look.at_s, nearest.word, nearest.score, found is not None, nearest.text)

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        self._detector.reset()


class ZipformerScorer:
    """Scores each hit of the engine `zipformer` by the highest threshold that it passes."""

    def __init__(self, words: Sequence[WakeWord], files: Files, config: WakeConfig) -> None:
        self.chunk_samples = ZipformerDetector.chunk_samples
        self._limits = {word.text: word.threshold for word in words}
        self._steps = [
            ZipformerDetector([replace(word, threshold=step) for word in words], files, config)
            for step in THRESHOLDS
        ]

    def process(self, samples: Samples) -> Score | None:
        """Hear one more chunk; return a score if a word was heard at any threshold."""
        found = [hit for step in self._steps if (hit := step.process(samples))]
        if not found:
            return None
        best = max(found, key=lambda hit: hit.score)
        return Score(best.at_s, best.word, best.score, best.score >= self._limits[best.word])

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        for step in self._steps:
            step.reset()
