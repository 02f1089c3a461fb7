"""What made noises are put together from: filters, pitches, and events in time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kws import RATE_HZ

Random = np.random.Generator
Wave = NDArray[np.float64]
Gain = Callable[[Wave], Wave]
"""Of a filter, by frequency in Hz."""


def gain_of(decibels: float) -> float:
    """Return the factor of an amplitude."""
    return float(10 ** (decibels / 20))


def unit(wave: Wave) -> Wave:
    """Return a wave with an RMS of 1."""
    return np.asarray(wave / max(float(np.sqrt(np.mean(np.square(wave)))), 1e-9))


def between(random: Random, low: float, high: float) -> float:
    """Draw evenly by ratio: as often between 1 and 2 as between 2 and 4."""
    return float(spread(random, low, high, 1)[0])


def spread(random: Random, low: float, high: float, count: int) -> Wave:
    """Draw several numbers, each evenly by ratio."""
    return np.exp(random.uniform(np.log(low), np.log(high), count))


def wander(random: Random, count: int, changes_hz: float, low: float, high: float) -> Wave:
    """Return a curve that goes from one value to another, `changes_hz` times a second."""
    knots = random.uniform(low, high, int(count / RATE_HZ * changes_hz) + 3)
    return np.interp(np.linspace(0, len(knots) - 1, count), np.arange(len(knots)), knots)


def filtered(wave: Wave, gain: Gain) -> Wave:
    """Return a wave with a gain that depends on the frequency."""
    hz = np.asarray(np.fft.rfftfreq(len(wave), 1 / RATE_HZ), np.float64)
    return np.fft.irfft(np.fft.rfft(wave) * gain(hz), len(wave))


def tilted(random: Random, count: int, exponent: float) -> Wave:
    """Return noise that falls by 6 * `exponent` dB an octave."""
    return unit(filtered(random.standard_normal(count), lambda hz: np.maximum(hz, 20) ** -exponent))


def peaks(centres_hz: Wave, widths_hz: Wave) -> Gain:
    """Return the gain of resonances side by side, 30 dB above what is between them."""
    return lambda hz: 0.03 + (1 / (1 + ((hz[:, None] - centres_hz) / widths_hz) ** 2)).sum(1)


def pulses(hz: Wave, sharpness: float) -> Wave:
    """Return a harmonic series on a curve of pitch: rounded pulses, whose spectrum falls as a bell
    with the standard deviation of `sharpness` harmonics, so that nothing folds back."""
    pulses = np.exp(sharpness**2 * (np.cos(2 * np.pi * np.cumsum(hz) / RATE_HZ) - 1))
    return np.asarray(pulses - pulses.mean())


def dying(count: int, seconds: float) -> Wave:
    """Return a loudness that falls to 1/e within `seconds`, again and again."""
    return np.exp(-np.arange(count) / (seconds * RATE_HZ))


def clicks(random: Random, count: int, rate_hz: float, uneven: float) -> Wave:
    """Return single samples of either sign, their loudness spread log-normally by `uneven`."""
    number = max(1, int(rate_hz * count / RATE_HZ))
    track = np.zeros(count)
    loud = np.exp(random.normal(0, uneven, number)) * random.choice((-1, 1), number)
    np.add.at(track, random.integers(0, count, number), loud)
    return track


def scattered(
    random: Random, count: int, rate_hz: float, event: Callable[[], Wave], spread_db: float = 6.0
) -> Wave:
    """Return events in time, each as loud as it likes."""
    noise = np.zeros(count)
    for start in _starts(random, count, max(1, round(rate_hz * count / RATE_HZ))):
        wave = event()[: count - start]
        noise[start : start + len(wave)] += gain_of(random.normal(0, spread_db)) * wave
    return noise


def _starts(random: Random, count: int, number: int) -> list[int]:
    """Return where events begin: like a clock, at random, or in groups."""
    way = random.integers(3)
    if way == 0:
        places = (np.arange(number) + random.random() + random.normal(0, 0.02, number)) / number
    elif way == 1:
        places = random.random(number)
    else:
        groups = random.random(1 + number // 4)
        places = random.choice(groups, number) + random.exponential(0.3 * RATE_HZ / count, number)
    return [int(place) for place in places % 1 * max(1, count - RATE_HZ // 4)]
