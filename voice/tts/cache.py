"""Answers synthesised ahead, on disk: the first sound of a vetted answer is one file read away.

Only texts that `warm` was given are kept; composed answers never come back, so they are not.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from pathlib import Path

import numpy as np

from voice.tts import Samples, SynthesisError, Synthesizer

CHUNK_S = 0.5
"""Audio given at a time, so that the listener can cut in."""
_SUFFIX = ".flac"


class CachedSynthesizer:
    """A synthesiser that remembers the speech of chosen texts."""

    def __init__(self, inner: Synthesizer, folder: Path, max_mb: float) -> None:
        self.rate_hz = inner.rate_hz
        self.voices = inner.voices
        self._inner = inner
        self._folder = folder
        self._max_bytes = int(max_mb * 1_000_000)

    @property
    def name(self) -> str:
        """Return what the inner synthesiser is called now."""
        return self._inner.name

    @property
    def speed(self) -> float:
        """Return how fast is spoken; what is kept was spoken at one speed and serves only that."""
        return self._inner.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._inner.speed = speed

    def speaking(self, voice: str, speed: float) -> CachedSynthesizer:
        """Return the same with another voice ("" = as it is) and speed, and what is kept of it.

        Raises SynthesisError if there is no such voice.
        """
        other = copy(self)
        other._inner = self._inner.speaking(voice, speed)
        return other

    def synthesize(
        self, text: str, language: str, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Samples]:
        """Yield the speech of `text`, from disk if it was synthesised ahead.

        Raises SynthesisError if nothing in the text can be spoken.
        """
        samples = self._read(self._path(text, language))
        if samples is None:
            yield from self._inner.synthesize(text, language, cancelled)
            return
        step = int(CHUNK_S * self.rate_hz)
        for start in range(0, samples.size, step):
            if cancelled():
                return
            yield samples[start : start + step]

    def warm(
        self,
        texts: Iterable[tuple[str, str]],
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[tuple[str, bool]]:
        """Synthesise (text, language) pairs ahead; after each one, yield the text and whether it
        had to be synthesised. Give the most needed first: what does not fit is not kept.

        Raises SynthesisError if a text cannot be spoken or the folder cannot be written.
        """
        kept: set[Path] = set()
        for text, language in texts:
            if cancelled():
                return
            path = self._path(text, language)
            new = self._read(path) is None
            if new:
                pieces = list(self._inner.synthesize(text, language, cancelled))
                if cancelled():
                    return
                self._write(path, np.concatenate(pieces))
            kept.add(path)
            if not self._make_room(kept):
                return
            yield text, new

    def _path(self, text: str, language: str) -> Path:
        key = "\0".join((self.name, str(self.rate_hz), language, text))
        return self._folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}{_SUFFIX}"

    def _read(self, path: Path) -> Samples | None:
        """Return the audio of a file, None if it is missing or damaged; note that it was used."""
        import soundfile

        try:
            samples, rate_hz = soundfile.read(path, dtype="float32")
        except (OSError, soundfile.SoundFileError):
            return None
        if rate_hz != self.rate_hz or samples.ndim != 1 or not samples.size:
            return None
        with contextlib.suppress(OSError):  # a read-only disk only loses the order of use
            os.utime(path)
        return np.asarray(samples, np.float32)

    def _write(self, path: Path, samples: Samples) -> None:
        """Write a file under another name, then rename it: it is whole or not there."""
        import soundfile

        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                dir=self._folder, prefix=".", suffix=_SUFFIX, delete=False
            ) as partial:
                soundfile.write(partial, samples, self.rate_hz, "PCM_16", format="FLAC")
                partial.flush()
                os.fsync(partial.fileno())
            Path(partial.name).replace(path)
        except (OSError, soundfile.SoundFileError) as error:
            raise SynthesisError(f"{self._folder}: speech cannot be kept: {error}") from error

    def _make_room(self, kept: set[Path]) -> bool:
        """Delete what was not used for longest until all fits; false if `kept` itself does not."""
        files = [(path.stat().st_mtime, path) for path in self._folder.glob(f"*{_SUFFIX}")]
        size = sum(path.stat().st_size for _, path in files)
        for _, path in sorted(files):
            if size <= self._max_bytes:
                break
            if path not in kept:
                size -= path.stat().st_size
                path.unlink()
        return size <= self._max_bytes
