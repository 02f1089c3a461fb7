"""What is heard in a day: long quiet, noise, television, talk, and now and then a question.

Made scene by scene from a seed: the same seed and clips give the same day, however fast it is
heard, and a long day begins like a short one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr import RATE_HZ, Samples
from voice.audio.wavfile import read_audio

ROOM_DBFS = -65.0
NOISE_DBFS = (-55.0, -30.0)
TELEVISION_DBFS = (-40.0, -22.0)
PERSON_DBFS = (-32.0, -20.0)
"""Levels of rooms, appliances, televisions and people, loud or soft, near or far."""
_LONGEST_RECORDING_S = 60.0
_SHARES = {"silence": 0.35, "noise": 0.18, "television": 0.17, "talk": 0.12, "dialogue": 0.18}
"""Shares of the scenes; a day in a shelter or a visitor hall rather than one in a bedroom."""
_LENGTHS_S = {"silence": (20.0, 90.0), "noise": (15.0, 60.0), "television": (20.0, 60.0),
              "talk": (15.0, 45.0)}  # fmt: skip
_PAUSE_S = (0.5, 1.2)
"""Between the call and the question."""
_ANSWER_S = (14.0, 26.0)
_BARGE_IN = 0.25
"""Share of the answers over which somebody calls again."""
_ONE_BREATH = 0.3
"""Share of the questions that follow the call without a pause."""


@dataclass(frozen=True)
class Clips:
    """What may be said, 16 kHz."""

    calls: Sequence[Samples]
    questions: Sequence[Samples]
    stops: Sequence[Samples]
    talk: Sequence[Samples]
    """Said to others, without a wake word."""
    recordings: Sequence[Path] = ()
    """The same, in files."""


@dataclass(frozen=True)
class Scene:
    """A part of the day."""

    kind: str
    audio: Samples
    calls: tuple[tuple[float, float], ...] = ()
    """Begin and end of each wake word, in seconds from the beginning of the scene."""


class Day:
    """All scenes of a day."""

    def __init__(self, seed: int, clips: Clips) -> None:
        self._seed = seed
        self._clips = clips

    def scenes(self, seconds: float) -> Iterator[Scene]:
        """Yield scenes until so much audio was given; the last one may be longer."""
        number = 0
        while seconds > 0:
            scene = self._scene(number)
            yield scene
            number += 1
            seconds -= len(scene.audio) / RATE_HZ

    def _scene(self, number: int) -> Scene:
        choice = np.random.default_rng([self._seed, number])
        kind = str(choice.choice(list(_SHARES), p=list(_SHARES.values())))
        if number == 0:
            kind = "dialogue"  # even a day of a minute has one
        if kind == "dialogue":
            return self._dialogue(choice)
        count = int(choice.uniform(*_LENGTHS_S[kind]) * RATE_HZ)
        make = {"silence": self._silence, "noise": self._noise, "television": self._television}
        return Scene(kind, make.get(kind, self._talk)(choice, count))

    def _silence(self, choice: np.random.Generator, count: int) -> Samples:
        return at_level(pink(choice, count), ROOM_DBFS)

    def _noise(self, choice: np.random.Generator, count: int) -> Samples:
        """Return an appliance that hums, and things that fall now and then."""
        noise = at_level(pink(choice, count), choice.uniform(*NOISE_DBFS))
        for _ in range(choice.integers(0, 6)):
            at, length = int(choice.integers(0, count)), int(choice.uniform(0.01, 0.3) * RATE_HZ)
            bang = choice.standard_normal(length) * np.exp(-np.arange(length) / (0.2 * length))
            noise[at : at + length] += (0.3 * bang).astype(np.float32)[: count - at]
        return noise

    def _television(self, choice: np.random.Generator, count: int) -> Samples:
        """Return one or two people over music and noise."""
        level = choice.uniform(*TELEVISION_DBFS)
        mixture = at_level(self._people(choice, count), level)
        if choice.random() < 0.5:
            mixture += at_level(self._people(choice, count), level - 6)
        mixture += at_level(music(choice, count), level - choice.uniform(3, 15))
        return mixture + self._silence(choice, count)

    def _talk(self, choice: np.random.Generator, count: int) -> Samples:
        talk = at_level(self._people(choice, count), choice.uniform(*PERSON_DBFS))
        return talk + self._silence(choice, count)

    def _people(self, choice: np.random.Generator, count: int) -> Samples:
        """Return people who say one thing after the other, with pauses."""
        parts: list[Samples] = []
        while sum(map(len, parts)) < count:
            parts += [self._said(choice), quiet(choice.uniform(0.2, 2.0))]
        return np.concatenate(parts)[:count]

    def _said(self, choice: np.random.Generator) -> Samples:
        files, clips = self._clips.recordings, self._clips.talk
        place = int(choice.integers(0, len(files) + len(clips)))
        if place < len(clips):
            return clips[place]
        return read_audio(files[place - len(clips)], RATE_HZ, max_s=_LONGEST_RECORDING_S)[0]

    def _dialogue(self, choice: np.random.Generator) -> Scene:
        """Return somebody who calls, asks, listens, perhaps calls again, or stops the answer."""
        parts, calls = [quiet(choice.uniform(1.0, 4.0))], []

        def call() -> None:
            begin_s = sum(map(len, parts)) / RATE_HZ
            parts.append(_one_of(choice, self._clips.calls))
            calls.append((begin_s, begin_s + len(parts[-1]) / RATE_HZ))

        while True:
            call()
            if choice.random() > _ONE_BREATH:
                parts.append(quiet(choice.uniform(*_PAUSE_S)))
            parts.append(_one_of(choice, self._clips.questions))
            if choice.random() > _BARGE_IN:
                break
            parts.append(quiet(choice.uniform(2.0, 6.0)))
        if choice.random() < _BARGE_IN:
            parts += [quiet(choice.uniform(2.0, 5.0)), _one_of(choice, self._clips.stops)]
        parts.append(quiet(choice.uniform(*_ANSWER_S)))
        said = np.concatenate(parts)
        audio = at_level(said, choice.uniform(*PERSON_DBFS)) + self._silence(choice, len(said))
        return Scene("dialogue", audio, tuple(calls))


def _one_of(choice: np.random.Generator, clips: Sequence[Samples]) -> Samples:
    return clips[int(choice.integers(0, len(clips)))]


def quiet(seconds: float) -> Samples:
    """Return silence."""
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def pink(choice: np.random.Generator, count: int) -> Samples:
    """Return noise with as much power in each octave, like that of rooms."""
    spectrum = np.fft.rfft(choice.standard_normal(count))
    return np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), count).astype("f4")


def music(choice: np.random.Generator, count: int) -> Samples:
    """Return chords that change twice a second, struck like a piano's."""
    length = RATE_HZ // 2
    at_s = np.arange(length) / RATE_HZ
    chords = []
    for _ in range(count // length + 1):
        root_hz = 110.0 * 2 ** (choice.integers(0, 24) / 12)
        notes_hz = root_hz * 2 ** (np.array([0, 4, 7]) / 12)
        chord = np.sin(2 * np.pi * np.outer(notes_hz, at_s)).sum(0)
        chords.append(np.exp(-3 * at_s) * chord)
    return np.concatenate(chords)[:count].astype(np.float32)


def at_level(audio: Samples, level_dbfs: float) -> Samples:
    """Return audio so loud that its loudest second has this level."""
    seconds = np.resize(audio, (max(1, len(audio) // RATE_HZ), min(len(audio), RATE_HZ)))
    loudest = float(np.sqrt(np.mean(np.square(seconds), 1).max()))
    return np.asarray(audio * (10 ** (level_dbfs / 20) / max(loudest, 1e-9)), np.float32)
