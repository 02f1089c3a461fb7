"""How near recordings come to a wake word, also where they do not wake: for `hean wake test`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kws import Detection, Samples, WakeWordDetector
from kws.detector import EngineDetector
from kws.looks import Look, Nearest

THRESHOLDS = tuple(step / 20 for step in range(1, 20))
"""Tried all at once, since sherpa-onnx tells whether a threshold is passed, but not by how much."""
_SAME_WORD_S = 1.0
"""After a word woke: what is still heard of it is no news."""


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


class Scorer:
    """Scores what an engine hears: each look of its finder, and each hit of its detector at any
    threshold."""

    def __init__(self, detector: EngineDetector, ladder: Sequence[WakeWordDetector] = ()) -> None:
        """`ladder` has the engine's own detector at each of THRESHOLDS, if it has one."""
        self.chunk_samples = detector.chunk_samples
        self._detector = detector
        self._ladder = ladder
        self._quiet_until_s = 0.0

    def process(self, samples: Samples) -> Score | None:
        """Hear one more chunk; return a score if there is a new one."""
        before = self._detector.looked
        woke = self._detector.process(samples)
        hits = [hit for step in self._ladder if (hit := step.process(samples))]
        look = self._detector.looked if self._detector.looked is not before else None
        at_s = self._detector.heard_s
        if not (woke or ((hits or look) and at_s >= self._quiet_until_s)):
            return None
        if woke:
            self._quiet_until_s = at_s + _SAME_WORD_S
        near = [Nearest(hit.word, hit.score, False) for hit in hits]
        return _score(at_s, woke, [*near, *_seen(look)])

    def reset(self) -> None:
        """Forget all audio heard so far; time starts again at zero."""
        self._detector.reset()
        self._quiet_until_s = 0.0
        for step in self._ladder:
            step.reset()


def _seen(look: Look | None) -> list[Nearest]:
    return [look.nearest or Nearest("", 0.0, False)] if look else []


def _score(at_s: float, woke: Detection | None, near: Sequence[Nearest]) -> Score:
    """Return the best of what was near; of a word that woke, how near that one came."""
    text = next((one.text for one in near if one.text), "")
    if woke:
        own = [one.score for one in near if one.word == woke.word]
        return Score(at_s, woke.word, max([woke.score, *own]), True, text)
    best = max(near, key=lambda one: one.score)
    return Score(at_s, best.word, best.score, False, text)
