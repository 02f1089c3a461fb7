"""Rooms, noises, levels and microphones for clean clips: all made, none recorded.

A draw is a function of its random generator alone, so that a training step can be done again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws import RATE_HZ, Samples
from kws.train.noises import make_noise
from kws.train.rooms import convolve, make_room
from kws.train.waves import Random, gain_of

_ROOMS, _NOISES = 96, 192
"""How many there are; each is used at many places."""
_NOISE_S = 12.0
_BABBLE_SHARE = 0.15
_SUDDEN_SHARE = 0.2
"""Of the noises: what begins or ends in the middle of an example."""
_HIGHEST_DB = 10.0
"""Of the loudest tenth of a second of noise, over the mean of all of it: what is far louder than
speech hides a word, and nothing can be learnt from it."""
_WIDEST_BANDS, _WIDEST_FRAMES = 12, 10
"""Of a mask; a longer gap than 0.1 s could swallow a whole sound."""


@dataclass(frozen=True)
class Strength:
    """How much is changed: shares of the examples, and ranges that are drawn from evenly."""

    speed: tuple[float, float] = (0.9, 1.12)
    """As of a tape: pitch and formants change, too."""
    rooms: float = 0.5
    echoing_noises: float = 0.5
    """Of those that are made."""
    noise: float = 0.85
    snr_db: tuple[float, float] = (-3.0, 25.0)
    """Speech over noise; of noise the mean power counts, bangs are far above it."""
    level_db: tuple[float, float] = (-42.0, -14.0)
    """Of the speech, below full scale."""
    floor_db: tuple[float, float] = (-95.0, -62.0)
    """Of the hiss that every microphone has, below full scale."""
    colour: float = 0.6
    masks: float = 0.6


class Augmenter:
    """Changes examples. `recorded` are noises to use besides those that are made."""

    def __init__(
        self, strength: Strength, random: Random, recorded: Sequence[Samples] = ()
    ) -> None:
        self._strength = strength
        seeds = random.integers(1 << 32, size=(_ROOMS + _NOISES, 2)).tolist()
        self._rooms = _Bank([partial(_room, seed) for seed in seeds[:_ROOMS]])
        self._noises = _Bank(
            [partial(self._made_noise, seed) for seed in seeds[_ROOMS:]]
            + [partial(_repeated, noise) for noise in recorded]
        )

    def speed(self, samples: Samples, random: Random) -> Samples:
        """Play a clip faster or slower."""
        places = np.arange(0, len(samples) - 1, random.uniform(*self._strength.speed))
        return np.asarray(np.interp(places, np.arange(len(samples)), samples), np.float32)

    def place(self, speech: Samples, babble: Samples, random: Random) -> Samples:
        """Put speech into a room with noise, of the same length; `babble` is one of the noises."""
        strength = self._strength
        if random.random() < strength.rooms:
            speech = convolve(speech, self._rooms.any(random))
        speech = scaled(speech) * gain_of(random.uniform(*strength.level_db))
        if random.random() < strength.noise:
            below = gain_of(-random.uniform(*strength.snr_db))
            speech = speech + self._noise(babble, random) * (below * _loudness(speech))
        hiss = random.standard_normal(len(speech), np.float32)
        hiss *= gain_of(random.uniform(*strength.floor_db))
        return np.asarray(np.clip(speech + hiss, -1, 1))

    def _noise(self, babble: Samples, random: Random) -> Samples:
        if random.random() < _BABBLE_SHARE:
            return levelled(babble)
        noise = self._noises.any(random)
        noise = np.resize(np.roll(noise, random.integers(len(noise))), len(babble))
        if random.random() < _SUDDEN_SHARE:
            at = random.integers(len(noise))
            noise[slice(at) if random.random() < 0.5 else slice(at, None)] = 0
        return levelled(noise)

    def _made_noise(self, seed: Sequence[int]) -> Samples:
        """Return noise, perhaps as it is heard in a room: in another one than the speech."""
        random = np.random.default_rng(seed)
        noise = make_noise(random, int(_NOISE_S * RATE_HZ))
        echoes = random.random() < self._strength.echoing_noises
        return convolve(noise, make_room(random)) if echoes else noise

    def colour(self, features: Tensor, random: Random) -> Tensor:
        """Change features, shape (N, frames, bands), as other microphones would, and mask parts
        (Park et al., "SpecAugment", 2019)."""
        batch, _, bands = features.shape
        coloured = random.random((batch, 1)) < self._strength.colour
        curves = _response(random, batch, bands) * coloured
        features = features + torch.from_numpy(curves.astype(np.float32))[:, None]
        mean = features.mean((1, 2))
        for number in np.flatnonzero(random.random(batch) < self._strength.masks):
            for _ in range(2):
                _mask(features[number].T, _WIDEST_BANDS, mean[number], random)
                _mask(features[number], _WIDEST_FRAMES, mean[number], random)
        return features


class _Bank:
    """Sounds that are made when they are first used, and kept."""

    def __init__(self, makers: Sequence[Callable[[], Samples]]) -> None:
        self._makers = makers
        self._made: dict[int, Samples] = {}

    def any(self, random: Random) -> Samples:
        """Return one of them."""
        number = int(random.integers(len(self._makers)))
        if number not in self._made:
            self._made[number] = self._makers[number]()
        return self._made[number]


def _room(seed: Sequence[int]) -> Samples:
    return make_room(np.random.default_rng(seed))


def _repeated(noise: Samples) -> Samples:
    """Return a recording of noise as long as those that are made."""
    return np.resize(noise, int(_NOISE_S * RATE_HZ))


def scaled(samples: Samples) -> Samples:
    """Return samples with a loudness of 1."""
    return samples / max(_loudness(samples), 1e-6)


def levelled(noise: Samples) -> Samples:
    """Return noise with an RMS of 1, or with less if it is too uneven for that."""
    powers = _powers(noise)
    power = max(float(powers.mean()), float(powers.max()) / gain_of(_HIGHEST_DB) ** 2)
    return np.asarray(noise / max(np.sqrt(power), 1e-6), np.float32)


def _loudness(samples: Samples) -> float:
    """Return the RMS of the louder half of all tenths of a second: pauses do not count."""
    powers = np.sort(_powers(samples))
    return float(np.sqrt(powers[len(powers) // 2 :].mean()))


def _powers(samples: Samples) -> Samples:
    """Return the mean power of each tenth of a second."""
    size = RATE_HZ // 10
    whole = samples[: len(samples) // size * size].reshape(-1, size)
    return np.square(whole).mean(1) if len(whole) else np.square(samples)


def _response(random: Random, batch: int, bands: int) -> NDArray[np.float64]:
    """Return smooth curves over the bands, natural logarithm of power: tilts and ripples."""
    place = np.linspace(-1, 1, bands)
    curves = random.normal(0, 0.7, (batch, 1)) * place
    for ripples in (1, 2, 3):
        phase = random.uniform(0, 2 * np.pi, (batch, 1))
        curves += random.normal(0, 0.35, (batch, 1)) * np.cos(np.pi * ripples * place + phase)
    return curves


def _mask(rows: Tensor, widest: int, value: Tensor, random: Random) -> None:
    width = random.integers(1, widest + 1)
    start = random.integers(max(1, len(rows) - int(width)))
    rows[start : start + width] = value
