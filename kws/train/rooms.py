"""Rooms that are made, not measured: impulse responses from a dry closet to a stairwell."""

from __future__ import annotations

import numpy as np

from kws import RATE_HZ, Samples
from kws.train.waves import Random, Wave, gain_of

_DECAY_S = (0.15, 1.8)
"""Until the echo has fallen by 60 dB, in the middle of the spectrum."""
_DIRECT_DB = (-8.0, 12.0)
"""The direct sound over all that follows: near to a microphone, or far from it."""
_CORNERS_HZ = (0, 250, 500, 1000, 2000, 4000, RATE_HZ / 2)


def make_room(random: Random) -> Samples:
    """Return a room's impulse response: the direct sound, early reflections that get denser, and
    noise that dies away, in each octave at a speed of its own, the high ones sooner."""
    decay_s = float(np.exp(random.uniform(*np.log(_DECAY_S))))
    tail = _tail(random, decay_s)
    seconds = np.arange(len(tail)) / RATE_HZ
    grown_s = random.uniform(0.003, 0.05)
    tail *= np.clip((seconds - 0.001) / grown_s, 0, 1)
    tail /= np.sqrt(np.sum(tail**2))
    early = random.uniform(0.001, 0.06, int(random.integers(4, 20)))
    strengths = random.choice((-1, 1), len(early)) * random.uniform(0.1, 1, len(early))
    np.add.at(tail, (early * RATE_HZ).astype(int), random.uniform(0, 0.7) * strengths)
    tail *= gain_of(-random.uniform(*_DIRECT_DB)) / np.sqrt(np.sum(tail**2))
    tail[0] += 1
    return tail.astype(np.float32)


def convolve(samples: Samples, response: Samples) -> Samples:
    """Return samples as a room gives them back, cut to the same length."""
    size = 1 << (len(samples) + len(response) - 2).bit_length()
    product = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    return np.fft.irfft(product, size)[: len(samples)].astype(np.float32)


def _tail(random: Random, decay_s: float) -> Wave:
    """Return noise whose bands die away by 60 dB within their times."""
    count = int(decay_s * RATE_HZ)
    seconds = np.arange(count) / RATE_HZ
    hz = np.fft.rfftfreq(count, 1 / RATE_HZ)
    spectrum = np.fft.rfft(random.standard_normal(count))
    sooner = random.uniform(0.0, 0.25)
    tail = np.zeros(count)
    for octave, (low, high) in enumerate(zip(_CORNERS_HZ, _CORNERS_HZ[1:], strict=False)):
        band = np.fft.irfft(spectrum * ((hz >= low) & (hz < high)), count)
        band_s = decay_s * (1 - sooner) ** octave * random.uniform(0.7, 1)
        tail += random.uniform(0.4, 1) * band * 10 ** (-3 * seconds / band_s)
    return tail
