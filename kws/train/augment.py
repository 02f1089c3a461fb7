"""Rooms, noises, levels and microphones for clean clips: all made, none recorded.

A draw is a function of its random generator alone, so that a training step can be done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kws import RATE_HZ, Samples

Random = np.random.Generator

_ROOMS, _NOISES = 64, 48
"""How many are made ahead; each is used at many places."""
_NOISE_S = 20.0
_BABBLE_SHARE = 0.2
_WIDEST_BANDS, _WIDEST_FRAMES = 12, 10
"""Of a mask; a longer gap than 0.1 s could swallow a whole sound."""


@dataclass(frozen=True)
class Strength:
    """How much is changed: shares of the examples, and ranges that are drawn from evenly."""

    speed: tuple[float, float] = (0.9, 1.12)
    """As of a tape: pitch and formants change, too."""
    rooms: float = 0.3
    noise: float = 0.65
    snr_db: tuple[float, float] = (0.0, 30.0)
    """Speech over noise."""
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
        self._rooms = [make_room(random) for _ in range(_ROOMS)]
        count = int(_NOISE_S * RATE_HZ)
        self._noises = [make_noise(random, count) for _ in range(_NOISES)]
        self._noises += [scaled(np.resize(noise, count)) for noise in recorded]

    def speed(self, samples: Samples, random: Random) -> Samples:
        """Play a clip faster or slower."""
        places = np.arange(0, len(samples) - 1, random.uniform(*self._strength.speed))
        return np.asarray(np.interp(places, np.arange(len(samples)), samples), np.float32)

    def place(self, speech: Samples, babble: Samples, random: Random) -> Samples:
        """Put speech into a room with noise, of the same length; `babble` is one of the noises."""
        strength = self._strength
        if random.random() < strength.rooms:
            speech = convolve(speech, self._rooms[random.integers(_ROOMS)])
        speech = scaled(speech) * _gain(random.uniform(*strength.level_db))
        if random.random() < strength.noise:
            below = _gain(-random.uniform(*strength.snr_db))
            speech = speech + self._noise(babble, random) * (below * _loudness(speech))
        hiss = random.standard_normal(len(speech), np.float32)
        hiss *= _gain(random.uniform(*strength.floor_db))
        return np.asarray(np.clip(speech + hiss, -1, 1))

    def _noise(self, babble: Samples, random: Random) -> Samples:
        if random.random() < _BABBLE_SHARE:
            return scaled(babble)
        noise = self._noises[random.integers(len(self._noises))]
        return np.resize(np.roll(noise, random.integers(len(noise))), len(babble))

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


def make_room(random: Random) -> Samples:
    """Return a room's impulse response: the direct sound, a few early reflections, and noise that
    dies away within 0.15 to 0.8 s (by 60 dB)."""
    decay_s = random.uniform(0.15, 0.8)
    seconds = np.arange(int(decay_s * RATE_HZ)) / RATE_HZ
    tail = random.standard_normal(len(seconds)) * 10 ** (-3 * seconds / decay_s)
    tail[: int(0.02 * RATE_HZ)] = 0
    for delay_s in random.uniform(0.001, 0.04, random.integers(4, 12)):
        at = int(delay_s * RATE_HZ)
        tail[at] += random.choice((-1, 1)) * random.uniform(2, 10) * np.exp(-delay_s / 0.02)
    direct_db = random.uniform(-2, 12)
    tail *= _gain(-direct_db) / np.sqrt(np.sum(tail**2))
    tail[0] += 1
    return tail.astype(np.float32)


def make_noise(random: Random, count: int) -> Samples:
    """Return noise of RMS 1: coloured between violet and brown, its loudness now steady, now
    swelling, at times with mains hum or machine tones in it."""
    spectrum = np.fft.rfft(random.standard_normal(count))
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    noise = np.fft.irfft(spectrum * np.maximum(hz, 20) ** -random.uniform(-0.3, 1.2), count)
    noise /= np.std(noise)
    seconds = np.arange(count) / RATE_HZ
    if random.random() < 0.5:
        swell_hz, phase = random.uniform(0.1, 4), random.uniform(0, 2 * np.pi)
        noise *= 10 ** (random.uniform(0, 1) * np.sin(2 * np.pi * swell_hz * seconds + phase))
    if random.random() < 0.35:
        base_hz = random.choice((50.0, 60.0, random.uniform(80, 900)))
        for harmonic in range(1, random.integers(2, 12)):
            wave = np.sin(2 * np.pi * base_hz * harmonic * seconds + random.uniform(0, 6))
            noise += random.uniform(0, 1.5) / harmonic * wave
    return scaled(noise.astype(np.float32))


def convolve(samples: Samples, response: Samples) -> Samples:
    """Return samples as a room gives them back, cut to the same length."""
    size = 1 << (len(samples) + len(response) - 2).bit_length()
    product = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[: len(samples)].astype(np.float32)


def scaled(samples: Samples) -> Samples:
    """Return samples with a loudness of 1."""
    return samples / max(_loudness(samples), 1e-6)


def _loudness(samples: Samples) -> float:
    """Return the RMS of the louder half of all tenths of a second: pauses do not count."""
    size = RATE_HZ // 10
    whole = samples[: len(samples) // size * size].reshape(-1, size)
    powers = np.sort(np.square(whole).mean(1)) if len(whole) else np.square(samples)
    return float(np.sqrt(powers[len(powers) // 2 :].mean()))


def _gain(decibels: float) -> float:
    return float(10 ** (decibels / 20))


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
