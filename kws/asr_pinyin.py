"""Wake words in transcripts: needs no model of its own, and takes any recogniser.

What was said is recognised and compared with the words by sound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kws import Samples, Transcribe, WakeConfig
from kws.looks import Nearest
from kws.sounds import Place, Sound, likeness_anywhere, likeness_at_start, sounds_of, sounds_of_word
from kws.words import WakeWord

NAME = "asr-pinyin"
MIDDLE_COST = 0.08
"""Likeness lost where something else was said before: no sound of a word may be another one."""

_CALLED = 0.5
"""Likeness of what is cut off as the word where it is known to have been said."""
_MARKS = re.compile(r"[\W_]*")

Compare = Callable[[Sequence[Sound], Sequence[Sound]], Place]


@dataclass(frozen=True)
class Match:
    """The wake word that a transcript is most like."""

    word: str
    score: float
    """Likeness of the sounds in [0, 1]."""
    rest: str
    """What was said after it in the same breath; may be empty."""


class PinyinMatcher:
    """Compares transcripts with wake words."""

    def __init__(self, words: Sequence[WakeWord], likeness: float = WakeConfig.likeness) -> None:
        self._likeness = likeness
        self._words = {word.text: ways_to_say(word) for word in words if word.enabled}

    def match(self, text: str) -> Match | None:
        """Return the word that `text` begins with, and the rest; None if it begins with none."""
        nearest = self._nearest(text, likeness_at_start)
        return nearest if nearest and nearest.score >= self._likeness else None

    def nearest(self, text: str) -> Match | None:
        """Return the word that some part of `text` is most like; None if it has no sounds."""
        return self._nearest(text, _likeness_mostly_at_start)

    def _nearest(self, text: str, compare: Compare) -> Match | None:
        heard = sounds_of(text)
        if not heard or not self._words:
            return None
        places = [(compare(way, heard), word) for word, ways in self._words.items() for way in ways]
        place, word = max(places, key=lambda one: one[0].likeness)
        return Match(word, place.likeness, _after(place, text))

    def rest(self, word: str, text: str) -> str:
        """Return what `text` says after `word`, which was heard in it; all of it where nothing
        is like the word."""
        heard = sounds_of(text)
        places = [likeness_anywhere(way, heard) for way in self._words.get(word, ())]
        place = max(places, key=lambda one: one.likeness, default=Place(0.0, 0))
        return _after(place, text) if place.likeness >= _CALLED else text


def ways_to_say(word: WakeWord) -> list[list[Sound]]:
    """Return the sounds of each way to say a word."""
    return [sounds_of_word(word.text, way) for way in word.pinyin or ("",)]


class TranscriptFinder:
    """Looks for wake words in what a recogniser makes of audio."""

    name = NAME
    own_score = 0.7

    def __init__(
        self,
        words: Sequence[WakeWord],
        transcribe: Transcribe,
        likeness: float = WakeConfig.likeness,
    ) -> None:
        self._matcher = PinyinMatcher(words, likeness)
        self._transcribe = transcribe
        self._likeness = likeness

    def nearest(self, samples: Samples) -> Nearest:
        """Return the word that the transcript comes nearest to; "" if there are no sounds."""
        text = self._transcribe(samples)
        match = self._matcher.nearest(text) or Match("", 0.0, "")
        return Nearest(match.word, match.score, match.score >= self._likeness, text)


def _likeness_mostly_at_start(way: Sequence[Sound], heard: Sequence[Sound]) -> Place:
    start, anywhere = likeness_at_start(way, heard), likeness_anywhere(way, heard)
    middle = Place(round(max(0.0, anywhere.likeness - MIDDLE_COST), 3), anywhere.end)
    return start if start.likeness >= middle.likeness else middle


def _after(place: Place, text: str) -> str:
    return _MARKS.sub("", text[place.end :], count=1)
