"""Noises that are made, not recorded: of a house, a street and the weather.

What keeps a model from hearing a word is which bands are covered, for how long, and how suddenly.
So each kind is a formula whose rates, pitches, bands and loudness are drawn anew for each noise,
far wider than any one thing sounds. A noise is a function of its random generator alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from kws import RATE_HZ, Samples
from kws.train.waves import (
    Random,
    Wave,
    between,
    clicks,
    dying,
    filtered,
    gain_of,
    peaks,
    pulses,
    scattered,
    spread,
    tilted,
    unit,
    wander,
)

_TWO_AT_ONCE = 0.35
"""Share of the noises in which there are two kinds."""
_COLOURED = 0.5


def make_noise(random: Random, count: int, kind: str = "") -> Samples:
    """Return noise of RMS 1, of one of KINDS or, if none is named, of one or two of them."""
    kinds = list(KINDS)
    drawn = [kind] if kind else random.choice(kinds, 1 + int(random.random() < _TWO_AT_ONCE))
    noise = np.zeros(count)
    for name in drawn:
        noise += gain_of(random.uniform(-9, 0)) * unit(KINDS[name](random, count))
    if random.random() < _COLOURED:  # by a loudspeaker, a wall, a cheap microphone
        noise = filtered(noise, peaks(random.uniform(100, 6000, 3), random.uniform(300, 3000, 3)))
    return unit(noise).astype(np.float32)


def steady(random: Random, count: int) -> Wave:
    """Air, ventilation, mains: coloured between violet and brown, now swelling, with some hum."""
    noise = tilted(random, count, random.uniform(-0.3, 1.3))
    seconds = np.arange(count) / RATE_HZ
    if random.random() < 0.5:
        swell_hz, phase = random.uniform(0.1, 4), random.uniform(0, 2 * np.pi)
        noise *= 10 ** (random.uniform(0, 1) * np.sin(2 * np.pi * swell_hz * seconds + phase))
    if random.random() < 0.35:
        base_hz = random.choice((50.0, 60.0, random.uniform(80, 900)))
        for harmonic in range(1, random.integers(2, 12)):
            wave = np.sin(2 * np.pi * base_hz * harmonic * seconds + random.uniform(0, 6))
            noise += random.uniform(0, 1.5) / harmonic * wave
    return noise


def weather(random: Random, count: int) -> Wave:
    """Wind, sea, traffic: bands of noise that each come and go by themselves, within seconds."""
    noise = np.zeros(count)
    depth_db, changes_hz = random.uniform(3, 20), between(random, 0.15, 3)
    for _ in range(random.integers(1, 4)):
        band = peaks(spread(random, 60, 5000, 1), spread(random, 50, 3000, 1))
        loudness_db = wander(random, count, changes_hz, -depth_db, depth_db)
        noise += filtered(random.standard_normal(count), band) * 10 ** (loudness_db / 20)
    return noise


def rain(random: Random, count: int) -> Wave:
    """Rain, a shower, frying: many small clicks, from single drops to a roar, dull or bright."""
    drops = clicks(random, count, between(random, 60, 6000), random.uniform(0.3, 1.0))
    drops = filtered(drops, peaks(spread(random, 400, 6000, 2), spread(random, 300, 3000, 2)))
    behind = tilted(random, count, random.uniform(-0.2, 0.8))
    return unit(drops) + gain_of(random.uniform(-25, 0)) * behind


def crackle(random: Random, count: int) -> Wave:
    """Fire, gravel, paper, shots: clicks of which few are very loud, over a soft roar."""
    fire = clicks(random, count, between(random, 1, 150), random.uniform(1.0, 1.8))
    ring_s = between(random, 0.0005, 0.02)
    ring = random.standard_normal(RATE_HZ // 5) * dying(RATE_HZ // 5, ring_s)
    fire = np.convolve(fire, ring[: int(6 * ring_s * RATE_HZ) + 2])[:count]
    roar = tilted(random, count, random.uniform(0.3, 1.3))
    return unit(fire) + gain_of(random.uniform(-30, -3)) * roar


def knocks(random: Random, count: int) -> Wave:
    """Clocks, keys, dishes, steps, doors: something is struck, rings in a few modes and dies away,
    as regular as a clock, at random or in groups."""
    modes = int(random.integers(1, 8))
    lowest_hz = between(random, 50, 2500)
    hz = lowest_hz * np.exp(random.uniform(0, 1.2, modes))
    decays_s, thud_s = spread(random, 0.002, 0.12, modes), between(random, 0.001, 0.04)
    dull = random.uniform(0, 1)

    def struck() -> Wave:
        seconds = np.arange(RATE_HZ // 2) / RATE_HZ
        thud = random.standard_normal(len(seconds)) * np.exp(-seconds / thud_s)
        strengths = random.normal(0, 1, modes)
        rings = np.sin(2 * np.pi * hz[:, None] * seconds) * np.exp(-seconds / decays_s[:, None])
        return np.asarray(dull * thud + strengths @ rings)

    return scattered(random, count, between(random, 0.4, 12), struck)


def bubbles(random: Random, count: int) -> Wave:
    """Boiling, pouring, a tap: each bubble rings with a rising pitch (Minnaert, 1933)."""
    lowest_hz = between(random, 200, 1500)

    def bubble() -> Wave:
        seconds = np.arange(RATE_HZ // 8) / RATE_HZ
        hz = lowest_hz * np.exp(random.uniform(0, 1.3)) * (1 + random.uniform(0, 8) * seconds)
        fading = np.exp(-seconds / between(random, 0.004, 0.05))
        return np.asarray(np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ) * fading)

    return scattered(random, count, between(random, 3, 90), bubble)


@dataclass(frozen=True)
class _Caller:
    """Something that calls; each pair is drawn from evenly by ratio."""

    pitch_hz: tuple[float, float]
    seconds: tuple[float, float]
    """Of a call."""
    calls_hz: tuple[float, float]
    bend: tuple[float, float]
    """From the first pitch to that of the middle, in octaves."""
    breath: tuple[float, float]
    """Noise in the voice, as a share."""


_CALLERS = (
    _Caller((200, 900), (0.07, 0.3), (0.3, 3), (-0.2, 0.6), (0.2, 0.8)),  # dogs
    _Caller((350, 900), (0.4, 1.3), (0.2, 0.8), (0.1, 0.7), (0.02, 0.2)),  # cats
    _Caller((400, 1200), (0.2, 1.5), (0.3, 1.2), (-0.2, 0.6), (0.02, 0.4)),  # cocks, crows
    _Caller((300, 700), (0.4, 1.6), (0.4, 1.0), (0.0, 0.5), (0.02, 0.4)),  # babies
    _Caller((1800, 5500), (0.04, 0.4), (0.5, 6), (-0.5, 0.8), (0.01, 0.1)),  # birds
    _Caller((70, 250), (0.5, 2.0), (0.15, 0.5), (-0.3, 0.5), (0.1, 0.6)),  # cattle
)


def calls(random: Random, count: int) -> Wave:
    """Animals and crying: voices with a pitch that bends, formants, and pauses between."""
    caller = _CALLERS[int(random.integers(len(_CALLERS)))]
    pitch_hz, sharpness = between(random, *caller.pitch_hz), between(random, 0.8, 8)
    breath = random.uniform(*caller.breath)
    throat = peaks(spread(random, 500, 4500, 4), spread(random, 80, 800, 4))

    def call() -> Wave:
        length = int(between(random, *caller.seconds) * RATE_HZ)
        arch = np.sin(np.pi * np.linspace(0, 1, length) ** random.uniform(0.4, 1.5))
        shaking = random.uniform(0, 0.04) * np.cumsum(random.normal(0, 0.02, length))
        hz = pitch_hz * random.normal(1, 0.05) * 2 ** (random.uniform(*caller.bend) * arch)
        voice = unit(pulses(hz * np.exp(shaking), sharpness))
        voice = (1 - breath) * voice + breath * random.standard_normal(length)
        return filtered(voice, throat) * arch ** random.uniform(0.3, 1)

    return scattered(random, count, between(random, *caller.calls_hz), call, spread_db=3)


def gasps(random: Random, count: int) -> Wave:
    """Coughs, sneezes, sniffs, sighs: bursts of breath through a mouth, one or a few in a row."""
    mouth = peaks(spread(random, 300, 6000, 4), spread(random, 150, 1500, 4))
    rise_s, fall_s = between(random, 0.003, 0.25), between(random, 0.03, 0.3)
    voiced = random.uniform(0, 0.7)
    pitch_hz = between(random, 90, 350)

    def gasp() -> Wave:
        seconds = np.arange(RATE_HZ) / RATE_HZ
        loudness = np.exp(-np.abs(seconds - rise_s) / np.where(seconds < rise_s, rise_s, fall_s))
        voice = unit(pulses(np.linspace(1.2, 0.7, RATE_HZ) * pitch_hz, 4.0))
        burst = (1 - voiced) * random.standard_normal(RATE_HZ) + voiced * voice
        return filtered(burst, mouth) * loudness

    return scattered(random, count, between(random, 0.15, 2), gasp)


def engines(random: Random, count: int) -> Wave:
    """Motors, saws, drills, hair dryers: dense harmonics of a pitch that is unsteady, and noise."""
    unsteady = random.uniform(0, 0.5)
    octaves = wander(random, count, between(random, 0.2, 4), -unsteady, unsteady)
    jitter = 1 + random.uniform(0, 0.02) * wander(random, count, 200, -1, 1)
    hz = between(random, 18, 350) * 2**octaves * jitter
    firing = unit(pulses(hz, between(random, 2, 25)))
    noise = tilted(random, count, random.uniform(0, 1)) * (1 + random.uniform(0, 1) * firing)
    both = firing + gain_of(random.uniform(-20, 6)) * noise
    return filtered(both, peaks(spread(random, 80, 5000, 4), spread(random, 100, 2000, 4)))


def rotors(random: Random, count: int) -> Wave:
    """Helicopters, fans, washing machines: broad noise that beats 2 to 30 times a second."""
    octaves = wander(random, count, 0.5, -0.1, 0.1)
    beats = pulses(between(random, 2, 30) * 2**octaves, between(random, 0.5, 5))
    beats = (beats - beats.min()) / max(float(np.ptp(beats)), 1e-9)
    noise = tilted(random, count, random.uniform(0.2, 1.2))
    return np.asarray(noise * (random.uniform(0.02, 0.6) + beats))


def alarms(random: Random, count: int) -> Wave:
    """Telephones, sirens, beeps, reversing lorries: one or two tones that go on and off or glide,
    pure or sharp."""
    seconds = np.arange(count) / RATE_HZ
    rhythm = 2 * np.pi * between(random, 0.3, 12) * seconds + random.uniform(0, 6)
    turns = np.sin(rhythm) if random.random() < 0.5 else np.sign(np.sin(rhythm))
    on = np.sin(rhythm * random.choice((0.25, 0.5, 1.0))) > random.uniform(-1.1, 0.6)
    hz = between(random, 350, 3500) * 2 ** (random.uniform(0, 0.6) * turns)
    tones = pulses(hz, between(random, 0.3, 4))
    if random.random() < 0.4:
        tones = tones + pulses(hz * random.uniform(1.1, 1.9), 0.5)
    softened = np.convolve(on, np.full(80, 1 / 80))[:count]
    return tones * softened + 1e-3 * random.standard_normal(count)


def music(random: Random, count: int) -> Wave:
    """Melodies and chords of notes of one scale, plucked or held, with a drum or without."""
    scale = np.array([0, 2, 4, 7, 9, 12, 14, 16, 19, 21]) / 12
    base_hz, sharpness = between(random, 80, 500), between(random, 0.5, 6)
    at_once, lasts_s = int(random.integers(1, 4)), between(random, 0.08, 1.5)
    length = int(RATE_HZ * min(3.0, 3 * lasts_s))
    fading = dying(length, lasts_s) * np.minimum(1, np.arange(length) / random.integers(1, 800))

    def chord() -> Wave:
        notes = base_hz * 2 ** random.choice(scale, at_once)
        return sum((pulses(np.full(length, hz), sharpness) for hz in notes), np.zeros(1)) * fading

    melody = unit(scattered(random, count, between(random, 1, 8), chord, spread_db=3))
    return melody + (random.random() < 0.4) * random.uniform(0, 1) * unit(knocks(random, count))


KINDS: Mapping[str, Callable[[Random, int], Wave]] = {
    "steady": steady, "weather": weather, "rain": rain, "crackle": crackle, "knocks": knocks,
    "bubbles": bubbles, "calls": calls, "gasps": gasps, "engines": engines, "rotors": rotors,
    "alarms": alarms, "music": music,
}  # fmt: skip
