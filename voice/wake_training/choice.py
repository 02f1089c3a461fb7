"""Measures a trained wake word model on its development set, and chooses its operating point."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from kws import RATE_HZ, Files, Samples, WakeConfig
from kws.train.corpus import Clip
from kws.train.operating import (
    BOOSTS,
    Heard,
    Point,
    Show,
    Sound,
    by_voice,
    choose,
    curve,
    hear,
)
from kws.words import WakeWord, make_word
from kws.zipformer import ZipformerDetector
from voice.audio.wavfile import read_audio
from voice.wake_training.material import OTHERS

CONDITIONS: Mapping[str, float | None] = {
    "clean": None, "10db": 10.0, "10db_room": 10.0, "5db": 5.0,
}  # fmt: skip
"""Speech over noise, both at their mean power, as `hean bench wake` counts it."""
_ROOM = "_room"
"""At the end of the name of a condition: with the echo of a room."""
TYPED = "*"
"""In the table of operating points: words that were not trained for."""
_NOISE_S = 180.0
_SEED = 7
_QUIETER = np.float32(0.1)


@dataclass(frozen=True)
class Choice:
    """The operating points of a model, and what they rest on."""

    points: Mapping[str, Point]
    """Where a hit is to be confirmed, by word; that of TYPED is for words that were not trained
    for."""
    sure: Mapping[str, Point]
    """Where a hit counts at once, by word, if there is such a point; with the same boost."""
    curves: Sequence[Point]
    voices: Mapping[str, Mapping[str, tuple[float, int]]]
    """Share of misses, and of how many, by word and voice."""
    counts: Mapping[str, int]
    """Sounds by kind, and `other_s`: seconds of speech and noise without a wake word."""

    @property
    def settings(self) -> dict[str, dict[str, float]]:
        """Return boost, threshold and, if there is one, the higher threshold of sure hits by word,
        as the model keeps them."""
        settings = {
            word: {"boost": point.boost, "threshold": point.threshold}
            for word, point in self.points.items()
        }
        for word, point in self.sure.items():
            settings[word]["sure"] = point.threshold
        return settings

    def as_json(self) -> dict[str, Any]:
        """Return all of it for the report."""
        return {
            "counts": dict(self.counts),
            "chosen": {word: asdict(point) for word, point in self.points.items()},
            "sure": {word: asdict(point) for word, point in self.sure.items()},
            "curves": [asdict(point) for point in self.curves],
            "voices": {word: dict(voices) for word, voices in self.voices.items()},
        }


def measure(words: Sequence[WakeWord], files: Files, sounds: Sequence[Sound], show: Show) -> Choice:
    """Hear all sounds at each boost, and choose the point of each word.

    Words of OTHERS are measured together: their point serves for all that are not trained for.
    """
    known = dict.fromkeys(word.text for word in words)
    others = [make_word(text) for text in OTHERS if text not in known]
    groups = [list(words), others] if any(s.word in OTHERS for s in sounds) else [list(words)]
    found: dict[str, dict[float, list[Heard]]] = {}
    for number, group in enumerate(groups):
        found |= _swept(group, files, sounds, partial(_part, show, number, len(groups)))
    return conclude(list(known), found, sounds)


def conclude(
    known: Sequence[str], found: Mapping[str, Mapping[float, list[Heard]]], sounds: Sequence[Sound]
) -> Choice:
    """Return the points of the words that were trained for and of all others, from how far the
    sounds get in which a word, or none, is: by word and boost."""
    curves = [
        point
        for text, boosts in found.items()
        for boost, heard in boosts.items()
        for point in curve(text, boost, heard)
    ]
    pairs = {text: choose([one for one in curves if one.word == text]) for text in known}
    voices = {text: by_voice(one, found[text][one.boost]) for text, (one, _) in pairs.items()}
    if len(found) > len(known):
        pairs[TYPED] = choose(_pooled([one for one in curves if one.word not in known]))
    chosen = {text: first for text, (first, _) in pairs.items()}
    sure = {text: second for text, (_, second) in pairs.items() if second}
    return Choice(chosen, sure, curves, voices, _counts(sounds))


def _swept(
    words: Sequence[WakeWord], files: Files, sounds: Sequence[Sound], show: Show
) -> dict[str, dict[float, list[Heard]]]:
    """Return, for each word and boost, how far the sounds get in which it, or none of them, is."""

    def load(tried: Sequence[WakeWord]) -> ZipformerDetector:
        return ZipformerDetector(tried, files, WakeConfig(refractory_s=0.5))

    texts = [word.text for word in words]
    mine = [sound for sound in sounds if not sound.word or sound.word in texts]
    return dict.fromkeys(texts, hear(words, load, mine, BOOSTS, show))


def _part(show: Show, number: int, count: int, done: float) -> None:
    show((number + done) / count)


def _pooled(points: Sequence[Point]) -> list[Point]:
    """Return the mean of several words at each boost and threshold."""
    groups: dict[tuple[float, float], list[Point]] = {}
    for one in points:
        groups.setdefault((one.boost, one.threshold), []).append(one)
    return [
        Point(
            TYPED,
            boost,
            threshold,
            {
                name: float(np.mean([one.miss[name] for one in group if name in one.miss]))
                for name in {name for one in group for name in one.miss}
            },
            float(np.mean([one.near for one in group])),
            float(np.mean([one.false_per_hour for one in group])),
        )
        for (boost, threshold), group in groups.items()
    ]


def sounds_of(folder: Path, clips: Sequence[Clip], noises: Sequence[Samples]) -> list[Sound]:
    """Return what is heard of the development set: words in each condition, near-misses, all else
    clean and in noise, and noise alone. `noises` are recordings, besides what is made."""
    random = np.random.default_rng(_SEED)
    place = _Place(random, noises)
    sounds = [
        sound
        for clip in clips
        if clip.split == "dev"
        for sound in _sounds(clip, read_audio(folder / clip.audio, RATE_HZ)[0], place)
    ]
    pieces = int(_NOISE_S // 10)
    sounds += [
        Sound(np.clip(_QUIETER * place.noise(10 * RATE_HZ), -1, 1), "", False, "noise", "")
        for _ in range(pieces)
    ]
    return sounds


def _sounds(clip: Clip, audio: Samples, place: _Place) -> Iterator[Sound]:
    voice = clip.speaker.rpartition("-")[0] or clip.speaker
    names = list(CONDITIONS) if clip.word else ["clean", "10db" + _ROOM]
    if clip.kind == "near":
        names = ["clean", "10db"]
    for name in names:
        snr_db = CONDITIONS[name]
        heard = audio if snr_db is None else place.put(audio, snr_db, name.endswith(_ROOM))
        yield Sound(heard, clip.word, clip.kind == "near", name, voice)


class _Place:
    """Noise, and perhaps a room, another one each time."""

    def __init__(self, random: np.random.Generator, noises: Sequence[Samples]) -> None:
        self._random = random
        self._noises = list(noises)

    def put(self, speech: Samples, snr_db: float, echo: bool) -> Samples:
        """Return speech as it is heard there."""
        from kws.train.rooms import convolve, make_room

        if echo:
            speech = convolve(speech, make_room(self._random))
        loud = _unit(speech) + self.noise(len(speech)) * np.float32(10 ** (-snr_db / 20))
        return np.asarray(0.4 * loud / max(1e-6, float(np.abs(loud).max())), np.float32)

    def noise(self, count: int) -> Samples:
        """Return noise with an RMS of 1, made or recorded."""
        from kws.train.noises import make_noise

        if self._noises and self._random.random() < 0.5:
            chosen = self._noises[int(self._random.integers(len(self._noises)))]
            return _unit(np.resize(chosen, count))
        return make_noise(self._random, count)


def _unit(samples: Samples) -> Samples:
    return np.asarray(samples / max(1e-6, float(np.sqrt(np.mean(np.square(samples))))), np.float32)


def _counts(sounds: Sequence[Sound]) -> dict[str, int]:
    counts = Counter(
        "near" if sound.near else f"{sound.word} {sound.condition}".strip() for sound in sounds
    )
    other_s = sum(sound.seconds for sound in sounds if not sound.near and not sound.word)
    return {**counts, "other_s": round(other_s)}
