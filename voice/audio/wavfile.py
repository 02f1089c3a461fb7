"""Recordings as microphone and loudspeaker: WAV, FLAC, MP3, OGG through libsndfile."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voice.audio import Samples
from voice.audio.pcm import resample, to_int16, to_mono
from voice.errors import InputError, cause

_MAX_READ_S = 120.0
_BLOCK = 4096
_MOST_VALUES = 48_000 * 4 * 120
"""Decoded at once: four channels at 48 kHz for two minutes, 92 MB."""
_MONO = "record in mono or stereo, at 16 to 48 kHz"
_CONVERT = "convert it to WAV, FLAC or MP3, for example: ffmpeg -i FILE question.wav"


def read_audio(path: Path, rate_hz: int, max_s: float = _MAX_READ_S) -> tuple[Samples, float]:
    """Return the first `max_s` seconds of a recording as mono audio at `rate_hz`,
    and the length of the whole recording in seconds.

    A recording that is cut short is read as far as it goes. Raises InputError.
    """
    import soundfile

    _check_file(path)
    try:
        frames, rate, length = _read_frames(path, max_s)
    except (soundfile.LibsndfileError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a recording that can be read ({error})", _CONVERT) from error
    return resample(to_mono(frames), rate, rate_hz), max(length, len(frames)) / rate


def decode_audio(data: bytes, rate_hz: int, max_s: float = _MAX_READ_S) -> tuple[Samples, float]:
    """Return the first `max_s` seconds of a recording in memory as mono audio at `rate_hz`,
    and the length of the whole recording in seconds.

    A recording that is cut short is read as far as it goes. Raises InputError, also for what
    would become far larger in memory than any recording of speech.
    """
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            kept = max_s * file.samplerate * file.channels
        if kept > _MOST_VALUES:
            raise InputError("the recording has more channels or a higher rate than is read", _MONO)
        frames, rate, length = _read_frames(io.BytesIO(data), max_s)
    except (soundfile.LibsndfileError, ValueError) as error:
        told = getattr(error, "error_string", error)  # without the name of a Python object
        raise InputError(f"not a recording that can be read ({told})", _CONVERT) from error
    return resample(to_mono(frames), rate, rate_hz), max(length, len(frames)) / rate


def _check_file(path: Path) -> None:
    """Raise InputError unless this is a file that can be read and has something in it."""
    try:
        status = path.stat()
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise InputError(f"{path}: {reason}", "name a recording that exists") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: no recording but a folder or a device", "name a recording")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: may not be read", "give this user the right to read it")
    if not status.st_size:
        raise InputError(f"{path}: the file is empty", "record the question again")


def _read_frames(source: Path | io.BytesIO, max_s: float) -> tuple[NDArray[np.float32], int, int]:
    """Return frames of shape (n, channels), their rate in Hz and the count the header promises."""
    import soundfile

    with soundfile.SoundFile(source) as file:
        try:
            # At once: between blocks soundfile seeks, which garbles MP3.
            frames = file.read(int(max_s * file.samplerate), dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            frames = _read_until_damage(source, int(max_s * file.samplerate))
        return frames, file.samplerate, file.frames


def _read_until_damage(source: Path | io.BytesIO, limit: int) -> NDArray[np.float32]:
    """Read in small blocks, so that damage costs only what follows it."""
    import soundfile

    if isinstance(source, io.BytesIO):
        source.seek(0)
    with soundfile.SoundFile(source) as file:
        blocks = [np.zeros((0, file.channels), np.float32)]
        with contextlib.suppress(soundfile.LibsndfileError):
            while limit > 0:
                blocks.append(file.read(min(limit, _BLOCK), dtype="float32", always_2d=True))
                limit = limit - len(blocks[-1]) if len(blocks[-1]) else 0
    return np.concatenate(blocks)


def write_wav(path: Path, samples: Samples, rate_hz: int) -> None:
    """Write 16-bit mono WAV under a temporary name, then rename: never half a file."""
    import soundfile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".wav")
        os.close(handle)
        try:
            soundfile.write(name, to_int16(samples), rate_hz, subtype="PCM_16")
            os.chmod(name, 0o644)
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise InputError(
            f"{path}: cannot be written ({cause(error)})", "name a folder that can be written"
        ) from error


class WavMicrophone:
    """Plays a recording into the pipeline, in real time or as fast as it is read.

    `tail_s` seconds of silence follow, as a room stays open after a question.
    """

    def __init__(
        self,
        path: Path,
        rate_hz: int,
        real_time: bool = True,
        chunk_s: float = 0.032,
        tail_s: float = 2.0,
    ) -> None:
        self.rate_hz = rate_hz
        audio, self.length_s = read_audio(path, rate_hz)
        self._audio = np.concatenate([audio, np.zeros(int(tail_s * rate_hz), np.float32)])
        self._chunk = max(1, int(chunk_s * rate_hz))
        self._real_time = real_time
        self._closed = False

    def chunks(self, sleep: Callable[[float], None] = time.sleep) -> Iterator[Samples]:
        """Yield the recording; in real time each chunk comes when its last sample was due."""
        start = time.monotonic()
        for at in range(0, len(self._audio), self._chunk):
            if self._closed:
                return
            chunk = self._audio[at : at + self._chunk]
            if self._real_time:
                sleep(max(0.0, start + (at + len(chunk)) / self.rate_hz - time.monotonic()))
            yield chunk

    def close(self) -> None:
        """End the recording now."""
        self._closed = True


class WavSpeaker:
    """Collects what is spoken and writes it as a WAV file when closed."""

    def __init__(self, path: Path, rate_hz: int) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self.volume = 1.0
        self._pieces: list[Samples] = []
        self._barred = 0

    def play(self, samples: Samples, rate_hz: int, turn: int) -> None:
        """Append audio, unless the turn was flushed."""
        if turn >= self._barred:
            audio = resample(samples, rate_hz, self._rate_hz)
            self._pieces.append(audio * np.float32(self.volume))

    def flush(self, before: int) -> None:
        """Bar all turns older than `before`. What was written before stays: it was heard."""
        self._barred = max(self._barred, before)

    def hold(self) -> None:
        """Do nothing: there is nobody to hear a pause."""

    def go_on(self) -> None:
        """Do nothing."""

    def drain(self, turn: int, timeout_s: float) -> bool:
        """Return at once: a file plays without waiting."""
        return True

    def close(self) -> None:
        """Write the file."""
        if self._pieces:
            write_wav(self._path, np.concatenate(self._pieces), self._rate_hz)
