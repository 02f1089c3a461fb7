"""The operating point of a model: boost and threshold of each word, from curves that are measured.

Measured with the real detector, on sounds that the model was not trained on. A threshold is passed
or not; so each sound is heard again with higher ones until none is passed, and all points of the
curve follow from how far it got.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kws import Samples, WakeWordDetector
from kws.words import WakeWord

BOOSTS = (0.2, 0.3, 0.5, 1.0)
"""Not 0: sherpa-onnx takes that for none given, and boosts by 1."""
THRESHOLDS = (0.15, 0.25, 0.35, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.88, 0.91, 0.94)
_TAIL = 12_800
"""Samples of silence after each sound: the model looks ahead."""

Load = Callable[[Sequence[WakeWord]], WakeWordDetector]
"""Loads the detector for some words."""
Show = Callable[[float], None]
"""Told the share that is done."""


@dataclass(frozen=True)
class Sound:
    """Something to hear."""

    audio: Samples
    word: str
    """The wake word in it; empty if there is none."""
    near: bool
    """Sounds nearly like a wake word."""
    condition: str
    """clean, 10db, 10db_room, 5db."""
    voice: str

    @property
    def seconds(self) -> float:
        """Return its length."""
        return len(self.audio) / 16_000


@dataclass(frozen=True)
class Heard:
    """How far a sound got at one boost."""

    sound: Sound
    passed: Mapping[str, float]
    """The highest threshold that each word passed; words that passed none are not in it."""


@dataclass(frozen=True)
class Point:
    """What one boost and threshold do for a word."""

    word: str
    boost: float
    threshold: float
    miss: Mapping[str, float]
    """Share of the sounds with the word in which it is not heard, by condition."""
    near: float
    """Share of the near-misses that wake this word."""
    false_per_hour: float
    """In all other speech and in noise."""

    @property
    def cost(self) -> float:
        """Return what is made as small as possible: a missed word counts as much as a near-miss
        that wakes in the end, an hour with one false wake in the end as a tenth of all words."""
        return self.missed + SECOND_STAGE_PASSES * (self.near + self.false_per_hour / 10)

    @property
    def missed(self) -> float:
        """Return the share of words that are missed, the mean of all conditions."""
        return float(np.mean(list(self.miss.values()) or [1.0]))


SECOND_STAGE_PASSES = 0.1
"""Share of wrong hits that the second stage does not veto: `hean bench wake` measured 2 of 64
for recognition alone. What this engine misses, nobody finds again."""
SURE_NEAR = 0.06
"""Share of the near-misses that may pass where a hit counts without a second stage. Those of the
development set differ from a word in one or two sounds: of what `hean bench wake` says, a quarter
as many pass."""
SURE_WEIGHT = 0.25
"""Of a word that is heard, but not surely: the second stage finds most of them."""
HARDEST = "5db"
"""Noise that is left out where voices are compared."""


def hear(
    words: Sequence[WakeWord],
    load: Load,
    sounds: Sequence[Sound],
    boosts: Sequence[float],
    show: Show,
) -> dict[float, list[Heard]]:
    """Return how far each sound gets at each boost.

    Nothing follows from one boost for another: at a threshold of 0.7, one of 1.2 missed 14 of 100
    words where one of 0.4 missed 3, though what is compared with the threshold has no boost in it.
    """
    found: dict[float, list[Heard]] = {}
    for boost in boosts:
        steps = [
            load([replace(word, boost=boost, threshold=threshold) for word in words])
            for threshold in THRESHOLDS
        ]
        heard = []
        for number, sound in enumerate(sounds):
            way = _halve if sound.word else _climb
            heard.append(Heard(sound, way(steps, sound)))
            show((len(found) + number / len(sounds)) / len(boosts))
        found[boost] = heard
    return found


def _halve(steps: Sequence[WakeWordDetector], sound: Sound) -> dict[str, float]:
    """Return the highest threshold that each word passes in a sound with a word, which gets far."""
    passed: dict[str, float] = {}
    low, high = 0, len(steps) - 1
    while low <= high:
        middle = (low + high + 1) // 2
        words = _words_heard(steps[middle], sound.audio)
        passed |= {word: max(THRESHOLDS[middle], passed.get(word, 0.0)) for word in words}
        low, high = (middle + 1, high) if sound.word in words else (low, middle - 1)
    return passed


def _climb(steps: Sequence[WakeWordDetector], sound: Sound) -> dict[str, float]:
    """Return the same for a sound without a word, in which most thresholds are not passed."""
    passed: dict[str, float] = {}
    for threshold, step in zip(THRESHOLDS, steps, strict=True):
        words = _words_heard(step, sound.audio)
        if not words:
            break
        passed |= dict.fromkeys(words, threshold)
    return passed


def _words_heard(detector: WakeWordDetector, audio: Samples) -> set[str]:
    detector.reset()
    size = detector.chunk_samples
    padded = np.concatenate([audio, np.zeros(_TAIL + size, np.float32)])
    chunks = padded[: len(padded) // size * size].reshape(-1, size)
    return {hit.word for chunk in chunks if (hit := detector.process(chunk))}


def curve(word: str, boost: float, heard: Iterable[Heard]) -> list[Point]:
    """Return the points of a word at one boost, one for each threshold."""
    heard = list(heard)
    mine = [one for one in heard if one.sound.word == word]
    near = [one for one in heard if one.sound.near]
    other = [one for one in heard if not one.sound.near and not one.sound.word]
    hours = sum(one.sound.seconds for one in other) / 3600
    points = []
    for threshold in THRESHOLDS:
        false = sum(_woke(one, word, threshold) for one in other)
        points.append(
            Point(
                word,
                boost,
                threshold,
                {
                    name: 1 - _share(_woke(one, word, threshold) for one in group)
                    for name, group in _by_condition(mine).items()
                },
                _share(_woke(one, word, threshold) for one in near),
                false / hours if hours else 0.0,
            )
        )
    return points


def choose(points: Sequence[Point]) -> tuple[Point, Point | None]:
    """Return the point at which a hit is to be confirmed, and that at which it counts at once.

    The first is that of the least cost at its boost, the second the lowest threshold from there on
    with few near-misses and no false wake, if there is one. Of the boosts, that is taken at which
    the two miss least.
    """
    boosts = dict.fromkeys(one.boost for one in points)
    pairs = [_pair([one for one in points if one.boost == boost]) for boost in boosts]
    return min(pairs, key=lambda pair: (_price(*pair), pair[0].false_per_hour, -pair[0].threshold))


def _pair(points: Sequence[Point]) -> tuple[Point, Point | None]:
    """Return both points of one boost; of equal ones that with the fewest false wakes, then the
    highest threshold."""
    first = min(points, key=lambda one: (round(one.cost, 4), one.false_per_hour, -one.threshold))
    sure = (
        one
        for one in sorted(points, key=lambda one: one.threshold)
        if one.threshold >= first.threshold and one.near <= SURE_NEAR and not one.false_per_hour
    )
    return first, next(sure, None)


def _price(first: Point, sure: Point | None) -> float:
    return round(first.cost + SURE_WEIGHT * (sure.missed if sure else 1.0), 4)


def by_voice(point: Point, heard: Iterable[Heard]) -> dict[str, tuple[float, int]]:
    """Return the share of misses at a point, and of how many, for each voice."""
    groups: dict[str, list[bool]] = {}
    for one in heard:
        if one.sound.word == point.word and one.sound.condition != HARDEST:
            woke = _woke(one, point.word, point.threshold)
            groups.setdefault(one.sound.voice, []).append(not woke)
    return {voice: (_share(missed), len(missed)) for voice, missed in sorted(groups.items())}


def _by_condition(heard: Iterable[Heard]) -> dict[str, list[Heard]]:
    groups: dict[str, list[Heard]] = {}
    for one in heard:
        groups.setdefault(one.sound.condition, []).append(one)
    return groups


def _woke(one: Heard, word: str, threshold: float) -> bool:
    return one.passed.get(word, 0.0) >= threshold


def _share(values: Iterable[bool]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0
