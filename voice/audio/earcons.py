"""Short sounds that tell what the assistant does, for whom looks elsewhere.

Each is one to three notes, struck like wood: they are told apart by their melody, not by their
length or loudness, and none of them is like the two-tone of an alarm.
"""

from __future__ import annotations

import numpy as np

from voice.audio import Samples

LONGEST_S = 0.2
PEAK = 0.25
"""Highest sample, -12 dBFS: softer than speech, which has peaks of about -3 dBFS."""

_D4, _FIS4, _A4, _D5, _FIS5, _A5, _D6 = 293.66, 369.99, 440.0, 587.33, 739.99, 880.0, 1174.66
_MELODIES: dict[str, tuple[float, ...]] = {
    "listening": (_D5, _A5),  # up, like a question
    "thinking": (_FIS5,),
    "done": (_D5, _FIS5, _D6),
    "cancelled": (_A5, _D5),  # down: the opposite of listening
    "error": (_D4, _D4),  # low, twice
}
NAMES = tuple(_MELODIES)

_NOTE_S = 0.06
_LAST_NOTE_S = 0.08
_DECAY_S = 0.05
_FADE_IN_S = 0.004
_FADE_OUT_S = 0.02
_OVERTONES = ((1.0, 1.0), (2.0, 0.25), (4.0, 0.12))
"""Multiples of the pitch and their strength; a marimba's bars are tuned to 1 : 4."""


def earcon(name: str, rate_hz: int) -> Samples:
    """Return the sound called `name`, one of NAMES: shape (n,), at most 0.2 s at `rate_hz`.

    Begins and ends at zero. Raises ValueError if there is no such sound.
    """
    if name not in _MELODIES:
        raise ValueError(f"there is no earcon {name!r}; there are {', '.join(NAMES)}")
    melody = _MELODIES[name]
    length = int(((len(melody) - 1) * _NOTE_S + _LAST_NOTE_S) * rate_hz)
    sound = np.zeros(length)
    for place, pitch_hz in enumerate(melody):
        start = int(place * _NOTE_S * rate_hz)
        sound[start:] += _note(pitch_hz, length - start, rate_hz)
    fade = int(_FADE_OUT_S * rate_hz)
    sound[-fade:] *= _rise(fade)[::-1]
    return np.asarray(PEAK * sound / np.abs(sound).max(), np.float32)


def _note(pitch_hz: float, length: int, rate_hz: int) -> np.ndarray:
    """Return a struck note; overtones die away sooner than the pitch itself."""
    at_s = np.arange(length) / rate_hz
    note = np.zeros(length)
    for multiple, strength in _OVERTONES:
        if multiple * pitch_hz < rate_hz / 2:
            decay = np.exp(-at_s * multiple**0.5 / _DECAY_S)
            note += strength * decay * np.sin(2 * np.pi * multiple * pitch_hz * at_s)
    fade = int(_FADE_IN_S * rate_hz)
    note[:fade] *= _rise(fade)
    return note


def _rise(length: int) -> np.ndarray:
    """Return half a cosine from 0 to 1."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.arange(length) / max(1, length - 1)))
