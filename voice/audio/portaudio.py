"""Real microphones and loudspeakers through PortAudio.

The callbacks copy and return: no model, no resampling, no waiting inside them.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from voice.audio import Samples
from voice.audio.pcm import Resampler, to_mono
from voice.audio.playing import PlaybackQueue
from voice.errors import DeviceError
from voice.process.abandoned import abandon
from voice.process.chatter import stay

_BLOCK_S = 0.032
_CAPTURED_S = 8.0
"""Audio that may wait for the listener; the oldest is dropped beyond."""
_FIRST_BLOCK_S = 5.0
_LOST_AFTER_S = 3.0
_CLOSE_S = 5.0
"""More than any device needs to play what it holds."""
_REFUSALS = {
    -9985: "is in use by another program alone: end that one",  # paDeviceUnavailable, EBUSY
    -9993: "cannot be opened: it or its sound server is gone",  # paBadIODeviceCombination
}
"""What PortAudio's codes mean where ALSA opens a device; its own words mislead."""
_INSTEAD = {
    "microphone": "ask with --wav FILE or --text",
    "loudspeaker": "name a file with --out, which `hean say` and `hean ask` write",
}
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

    Open streams end; call this only while none is in use. Raises DeviceError if PortAudio would
    wait for ever: one of its streams hangs.
    """
    sounddevice = _sounddevice()
    if _hanging:
        raise DeviceHangs(
            "a sound device hangs and cannot be closed", "start again: a service does so by itself"
        )
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
        raise DeviceError(f"no {what} found", f"plug one in, or {_INSTEAD[what]}")
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
            settings = {"device": index, "samplerate": rate, "channels": count}
            blocks = {"dtype": "float32", "blocksize": int(rate * _BLOCK_S)}
            try:
                return _started(stream, callback, **settings, **blocks), rate
            except sounddevice.PortAudioError as error:
                problem = error
    name = sounddevice.query_devices(index)["name"]
    raise DeviceError(f"{name} {refusal(problem)}", _LIST)


def _started(stream: Any, callback: Any, **settings: Any) -> Any:
    """Open a stream and start it; one that does not start is closed. Raises PortAudioError."""
    opened = stream(callback=callback, **settings)
    try:
        opened.start()
    except _sounddevice().PortAudioError:
        _free(opened, opened.abort)
        raise
    return opened


def refusal(problem: Exception | None) -> str:
    """Return in a few words why a device cannot be opened."""
    text, *codes = problem.args if problem else ("",)
    return next((_REFUSALS[code] for code in codes if code in _REFUSALS), f"fails: {text}")


_hanging: list[Any] = []
"""Streams that could not be closed."""
_freeing = threading.Lock()
"""PortAudio must not close a stream twice at the same time, and any thread may end the run."""


class DeviceHangs(DeviceError):
    """A device cannot be closed: only a new process can use it again."""

    renews = True


def _free(stream: Any, end: Callable[[], None]) -> None:
    """End a stream and free its device; go on without if that takes for ever.

    When a sound server dies at the wrong moment, PortAudio's thread spins, prints, and never ends:
    neither would whoever waits for it, PortAudio's own end of the process among them.
    """

    def close() -> None:
        end()
        stream.close()

    with _freeing:
        if stream.closed or stream in _hanging:
            return
        closer = threading.Thread(target=close, name="closer", daemon=True)
        closer.start()
        closer.join(_CLOSE_S)
        if closer.is_alive():
            _hanging.append(stream)
            stay()
            abandon(DeviceHangs.exit_code)


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
        _free(self._stream, self._stream.abort)
        with contextlib.suppress(queue.Full):
            self._captured.put_nowait(None)


class PortAudioSpeaker(PlaybackQueue):
    """A real loudspeaker."""

    def __init__(
        self,
        name: str,
        rate_hz: int,
        volume: float = 1.0,
        played: Callable[[Samples, int], None] = lambda samples, rate_hz: None,
    ) -> None:
        """Open the device. `played` is told, in the audio thread, all that leaves for it:
        audio and pauses alike."""
        index, device = find_device(name, "output")
        super().__init__(str(device["name"]), rate_hz, volume)
        self._played = played
        self._stream, self.rate_hz = _open(
            _sounddevice().OutputStream, "output", index, rate_hz, self._on_need
        )

    def _on_need(self, frames: np.ndarray, count: int, _time: Any, _status: Any) -> None:
        """Hand over what is queued. Called from the audio thread: must not wait."""
        taken = self.take(count)
        frames[:] = taken[:, None]
        self._played(taken, self.rate_hz)

    def close(self) -> None:
        """Let the device play what it holds, then free it."""
        super().close()
        _free(self._stream, self._stream.stop)
