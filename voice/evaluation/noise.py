"""Noise for spoken questions: chosen by hash, so that the same question has the same every time."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from asr import RATE_HZ, Samples
from voice.audio.wavfile import read_audio
from voice.errors import InputError

_SUFFIXES = (".flac", ".wav", ".mp3", ".ogg")
_SHORTEST_S = 3.0
"""Shorter recordings are left out: repeated clicks and impulse responses are no noise."""
_PINK_S = 30.0
_LOWEST_HZ = 50.0
"""Pink noise is flat below this; microphones of phones and kiosks hear little there."""
_PEAK = 0.99


class Noise:
    """Mixes noise into speech at one ratio of mean powers (SNR)."""

    def __init__(self, snr_db: float, folder: Path | None = None) -> None:
        """Take the recordings of a folder and those below it, or pink noise without one.

        Raises InputError if the folder holds no recording that can be read.
        """
        self.snr_db = snr_db
        self.source = folder.name if folder else "pink"
        self._recordings = _read(folder) if folder else [pink(_PINK_S)]

    def mixed(self, speech: Samples, length: slice, key: str) -> Samples:
        """Return audio with noise over all of it, chosen by `key`.

        `length` is where in the audio somebody speaks: there the power of speech is measured.
        """
        number = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
        recording = self._recordings[number % len(self._recordings)]
        start = (number >> 16) % len(recording)
        noise = np.resize(np.roll(recording, -start), len(speech))
        wanted = _power(speech[length]) / 10 ** (self.snr_db / 10)
        gain = np.sqrt(wanted / (_power(noise) or 1.0))
        loud = speech + noise * np.float32(gain)
        # Quieter as a whole rather than clipped: clipping would be another kind of disturbance.
        return np.asarray(loud * min(1.0, _PEAK / float(np.abs(loud).max())), np.float32)


def pink(length_s: float, seed: int = 0) -> Samples:
    """Return noise whose power falls by 3 dB an octave, at 16 kHz, shape (n,)."""
    size = int(length_s * RATE_HZ)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(size))
    pitch_hz = np.maximum(np.fft.rfftfreq(size, 1 / RATE_HZ), _LOWEST_HZ)
    samples = np.fft.irfft(spectrum / np.sqrt(pitch_hz), size)
    return np.asarray(samples / np.abs(samples).max(), np.float32)


def _read(folder: Path) -> list[Samples]:
    fix = "name a folder with recordings of noise (WAV, FLAC, MP3, OGG)"
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder", fix)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    recordings = [read_audio(path, RATE_HZ)[0] for path in paths]
    usable = [r for r in recordings if len(r) >= _SHORTEST_S * RATE_HZ and _power(r) > 0]
    if not usable:
        raise InputError(f"{folder}: no recordings of {_SHORTEST_S} seconds or more", fix)
    return usable


def _power(samples: Samples) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))
