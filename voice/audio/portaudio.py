"""Real microphones and loudspeakers through PortAudio.

The callbacks copy and return: no model, no resampling, no waiting inside them.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from voice.audio import Samples
from voice.audio.pcm import Resampler, resample, to_mono
from voice.errors import DeviceError

_BLOCK_S = 0.032
_CAPTURED_S = 8.0
"""Audio that may wait for the listener; the oldest is dropped beyond."""
_QUEUED_S = 60.0
"""Audio that may wait for the loudspeaker: a whole answer, so that the next sentence is made while
one plays. A flush drops it all at once."""
_FIRST_BLOCK_S = 5.0
_LOST_AFTER_S = 3.0
_LIST = (
    "`hean check` lists the devices; choose one with --set audio.input=NAME or audio.output=NAME"
)


def devices() -> list[dict[str, Any]]:
    """Return all devices as PortAudio describes them; empty if there are none.

    Raises DeviceError if PortAudio itself is missing.
    """
    return [dict(device) for device in _sounddevice().query_devices()]


def rescan() -> None:
    """Look for devices again: PortAudio sees only those present when it was started.

    Open streams end; call this only while none is in use.
    """
    sounddevice = _sounddevice()
    sounddevice._terminate()
    sounddevice._initialize()


def _sounddevice() -> Any:
    try:
        import sounddevice
    except OSError as error:
        raise DeviceError(
            "the PortAudio library is missing", "install it: apt-get install libportaudio2"
        ) from error
    return sounddevice


def find_device(name: str, kind: str) -> tuple[int, dict[str, Any]]:
    """Return index and description of the named (or default) device for "input" or "output".

    Raises DeviceError that lists what there is.
    """
    sounddevice = _sounddevice()
    channels = f"max_{kind}_channels"
    usable = [(d["index"], d) for d in devices() if d[channels] > 0]
    what = "microphone" if kind == "input" else "loudspeaker"
    if not usable:
        raise DeviceError(f"no {what} found", "plug one in, or ask with --wav FILE or --text")
    if name:
        for index, device in usable:
            if name.lower() in device["name"].lower():
                return index, device
        names = ", ".join(device["name"] for _, device in usable)
        raise DeviceError(f"no {what} named {name!r}; there are: {names}", _LIST)
    default = sounddevice.default.device[0 if kind == "input" else 1]
    return next(((i, d) for i, d in usable if i == default), usable[0])


def _open(stream: Any, kind: str, index: int, rate_hz: int, callback: Any) -> tuple[Any, int]:
    """Open a stream at the wanted rate, or at the device's own where it cannot do that."""
    sounddevice = _sounddevice()
    own_hz = int(sounddevice.query_devices(index)["default_samplerate"])
    channels = int(sounddevice.query_devices(index)[f"max_{kind}_channels"])
    problem: Exception | None = None
    for rate in dict.fromkeys((rate_hz, own_hz, 48_000, 44_100)):
        for count in dict.fromkeys((1, min(2, channels))):
            try:
                opened = stream(
                    device=index,
                    samplerate=rate,
                    channels=count,
                    dtype="float32",
                    blocksize=int(rate * _BLOCK_S),
                    callback=callback,
                )
                opened.start()
            except sounddevice.PortAudioError as error:
                problem = error
            else:
                return opened, rate
    name = sounddevice.query_devices(index)["name"]
    raise DeviceError(
        f"{name} cannot be opened ({problem})",
        "end the program that uses it, or choose another device; " + _LIST,
    )


class PortAudioMicrophone:
    """A real microphone, delivered as mono audio at `rate_hz`."""

    def __init__(self, name: str, rate_hz: int) -> None:
        self.rate_hz = rate_hz
        self.dropped = 0
        """Blocks lost because the listener was late."""
        self._captured: queue.Queue[Samples | None] = queue.Queue(int(_CAPTURED_S / _BLOCK_S))
        index, device = find_device(name, "input")
        self.name = str(device["name"])
        self._stream, self._device_hz = _open(
            _sounddevice().InputStream, "input", index, rate_hz, self._on_audio
        )

    def _on_audio(self, frames: np.ndarray, _count: int, _time: Any, _status: Any) -> None:
        """Copy a block. Called from the audio thread: must not wait."""
        if self._captured.full():
            self.dropped += 1
            with contextlib.suppress(queue.Empty):
                self._captured.get_nowait()
        self._captured.put_nowait(frames.copy())

    def chunks(self) -> Iterator[Samples]:
        """Yield audio until closed. Raises DeviceError when the device is lost."""
        resampler = Resampler(self._device_hz, self.rate_hz)
        patience_s = _FIRST_BLOCK_S
        while True:
            try:
                block = self._captured.get(timeout=patience_s)
            except queue.Empty:
                raise DeviceError(
                    f"the microphone {self.name} delivers no audio", "check its plug; " + _LIST
                ) from None
            if block is None:
                return
            patience_s = _LOST_AFTER_S
            audio = resampler.process(to_mono(block))
            if len(audio):
                yield audio

    def close(self) -> None:
        """Stop and free the device; `chunks` ends."""
        self._stream.abort()
        self._stream.close()
        with contextlib.suppress(queue.Full):
            self._captured.put_nowait(None)


class PortAudioSpeaker:
    """A real loudspeaker. Every queued sample belongs to a turn."""

    def __init__(
        self,
        name: str,
        rate_hz: int,
        volume: float = 1.0,
        played: Callable[[Samples, int], None] = lambda samples, rate_hz: None,
    ) -> None:
        """Open the device. `played` is told, in the audio thread, all that leaves for it:
        audio and pauses alike."""
        self.volume = volume
        self._played = played
        self._held = False
        self._changed = threading.Condition()
        self._queued: deque[tuple[int, Samples]] = deque()
        self._queued_samples = 0
        self._barred = 0
        self._closed = False
        index, device = find_device(name, "output")
        self.name = str(device["name"])
        self._stream, self.rate_hz = _open(
            _sounddevice().OutputStream, "output", index, rate_hz, self._on_need
        )

    def _on_need(self, frames: np.ndarray, count: int, _time: Any, _status: Any) -> None:
        """Hand over queued audio, then silence. Called from the audio thread: must not wait."""
        frames.fill(0)
        at = 0
        with self._changed:
            while self._queued and at < count and not self._held:
                turn, samples = self._queued.popleft()
                part = samples[: count - at]
                frames[at : at + len(part)] = part[:, None]
                at += len(part)
                if len(part) < len(samples):
                    self._queued.appendleft((turn, samples[len(part) :]))
            self._queued_samples -= at
            if at:
                self._changed.notify_all()
        self._played(frames[:, 0], self.rate_hz)

    def play(self, samples: Samples, rate_hz: int, turn: int) -> None:
        """Queue audio piece by piece, waiting while a minute is queued."""
        audio = resample(samples, rate_hz, self.rate_hz) * np.float32(self.volume)
        step = max(1, int(self.rate_hz * 0.1))
        for start in range(0, len(audio), step):
            if not self._queue(audio[start : start + step], turn):
                return

    def _queue(self, piece: Samples, turn: int) -> bool:
        with self._changed:
            room = self._changed.wait_for(
                lambda: (
                    self._closed
                    or turn < self._barred
                    or self._queued_samples < _QUEUED_S * self.rate_hz
                ),
                timeout=_LOST_AFTER_S,
            )
            if self._closed or turn < self._barred:
                return False
            if not room and not self._held:
                raise DeviceError(f"the loudspeaker {self.name} takes no audio", "check its plug")
            self._queued.append((turn, piece))
            self._queued_samples += len(piece)
            return True

    def flush(self, before: int) -> None:
        """Silence all turns older than `before`, now and later."""
        with self._changed:
            self._barred = max(self._barred, before)
            kept = [(turn, samples) for turn, samples in self._queued if turn >= before]
            self._queued = deque(kept)
            self._queued_samples = sum(len(samples) for _, samples in kept)
            self._changed.notify_all()

    def hold(self) -> None:
        """Pause at once; nothing is lost."""
        with self._changed:
            self._held = True

    def go_on(self) -> None:
        """Go on where `hold` paused."""
        with self._changed:
            self._held = False

    def drain(self, turn: int, timeout_s: float) -> bool:
        """Wait until all audio of `turn` was handed to the device."""
        with self._changed:
            return self._changed.wait_for(
                lambda: all(number != turn for number, _ in self._queued), timeout_s
            )

    def close(self) -> None:
        """Let the device play what it holds, then free it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._stream.stop()
        self._stream.close()
