"""Arithmetic on samples: layout, rate, level. No devices, no files."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from voice.audio import Samples

SILENCE_DBFS = -96.0
"""Level reported for digital silence: the noise floor of 16-bit audio."""


def to_mono(frames: NDArray[np.floating] | NDArray[np.signedinteger]) -> Samples:
    """Return audio of shape (n,) or (n, channels) as mono float32 in [-1, 1].

    Signed integers are scaled by their full range. Channels are averaged; dead (all-zero)
    channels are left out: many USB devices deliver one microphone in a stereo stream.
    """
    audio = frames.astype(np.float32)
    if np.issubdtype(frames.dtype, np.signedinteger):
        audio = audio / 2.0 ** (8 * frames.dtype.itemsize - 1)
    # A NaN or infinity in a broken float file would poison every later stage, an average first.
    audio = np.clip(np.nan_to_num(audio, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    if audio.ndim == 2:
        alive = np.any(audio != 0, axis=0)
        audio = audio[:, alive].mean(axis=1) if alive.any() else np.zeros(len(audio), np.float32)
    return audio.astype(np.float32)


def to_int16(samples: Samples) -> NDArray[np.int16]:
    """Return samples in [-1, 1] as 16-bit integers, clipped rather than wrapped."""
    return np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype(np.int16)


def resample(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Return the audio at another rate, band-limited (soxr, high quality)."""
    if from_hz == to_hz or not len(samples):
        return samples
    import soxr

    return np.asarray(soxr.resample(samples, from_hz, to_hz), dtype=np.float32)


def level_dbfs(samples: Samples) -> float:
    """Return the root-mean-square level in dB relative to full scale."""
    if not len(samples):
        return SILENCE_DBFS
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return max(SILENCE_DBFS, 10 * np.log10(power)) if power > 0 else SILENCE_DBFS


class Resampler:
    """Streaming change of rate: chunks in, chunks out, without clicks at the joints."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = None
        if from_hz != to_hz:
            import soxr

            self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32")

    def process(self, samples: Samples, last: bool = False) -> Samples:
        """Return the resampled audio that is ready; with `last` everything that is left."""
        if self._stream is None:
            return samples
        return np.asarray(self._stream.resample_chunk(samples, last=last), dtype=np.float32)


class Rechunker:
    """Cuts a stream of chunks of any size into chunks of one size."""

    def __init__(self, chunk_samples: int) -> None:
        self._size = chunk_samples
        self._rest: Samples = np.zeros(0, np.float32)

    def process(self, samples: Samples) -> list[Samples]:
        """Return all whole chunks that are ready; what is left waits for the next call."""
        audio = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(audio) // self._size * self._size
        self._rest = audio[whole:]
        return [audio[i : i + self._size] for i in range(0, whole, self._size)]
