"""The microphone and the loudspeaker of a run: opened, lost, found again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from asr import RATE_HZ
from voice.audio import Microphone, Samples, Speaker
from voice.audio.own_voice import OwnVoice
from voice.audio.playing import PlaybackQueue
from voice.audio.wavfile import WavSpeaker
from voice.config import Config
from voice.errors import DeviceError
from voice.events import Bus, DeviceLost, DeviceRestored, Notice

if TYPE_CHECKING:
    from voice.audio.echo import EchoCanceller
    from voice.audio.portaudio import PortAudioMicrophone
    from voice.audio.remote import RemoteDevice

ANSWER = Path("hean-answer.wav")
"""Where answers go without a loudspeaker."""
_WAITS_S = (1.0, 2.0, 5.0, 10.0)
"""Seconds between attempts to find a lost device; the last one for ever."""


class Devices:
    """One microphone and one loudspeaker, for recordings and tests."""

    live = False
    """True if a person may be in the room: real devices."""
    canceller: EchoCanceller | None = None
    remote: RemoteDevice | None = None
    """Where pages bring their microphone to."""
    clock: Callable[[], float] = staticmethod(time.monotonic)
    """The time in the room, in seconds."""

    def __init__(
        self, microphone: Microphone, speaker: Speaker, own_voice: OwnVoice | None = None
    ) -> None:
        self.own_voice = own_voice or OwnVoice()
        self._microphone = microphone
        self.speaker = speaker

    def microphones(self) -> Iterator[Microphone]:
        """Yield the microphone; after it was lost, the one that was found again."""
        yield self._microphone

    def stop_listening(self) -> None:
        """End the audio; the loudspeaker stays."""
        self._microphone.close()

    def close(self) -> None:
        """Free both."""
        self._microphone.close()
        self.speaker.close()


class LiveDevices(Devices):
    """Real devices. When one is lost, both are opened anew as soon as they are back."""

    live = True

    def __init__(self, config: Config, rate_hz: int, bus: Bus) -> None:
        """Open the configured devices; `rate_hz` is that of the voice. Raises DeviceError."""
        self._config = config
        self._bus = bus
        self._closed = threading.Event()
        self._gone = False
        """The microphone ended because of a fault."""
        self._told_lost = False
        self.canceller = self._make_canceller()
        self.own_voice = OwnVoice()  # the loudspeaker tells it what it plays from the first moment
        self._opened_speaker = False
        self._output = ReopenableSpeaker(lambda: self._open_speaker(rate_hz))
        self._opened_speaker = not isinstance(self._output.inner, WavSpeaker)
        super().__init__(self._open_microphone(), self._output, self.own_voice)

    @property
    def name(self) -> str:
        """Return the name of the microphone."""
        return str(getattr(self._microphone, "name", ""))

    def microphones(self) -> Iterator[Microphone]:
        """Yield the microphone, again each time it was lost and found, until it is closed."""
        while not self._closed.is_set():
            yield LossTold(self._microphone, self._delivers, self._lost)
            if self._closed.is_set() or not self._gone:
                return
            self._find_again()

    def _lost(self, error: DeviceError) -> None:
        self._gone = True
        if not self._told_lost:
            self._told_lost = True
            self._bus.publish(DeviceLost(0, error.message))

    def _delivers(self) -> None:
        """Tell that the devices are back: not before audio comes and goes, for some can be opened
        and stay silent. Raises DeviceError if the loudspeaker is lost."""
        if problem := self._output.lost:
            raise problem
        if self._told_lost and self._output.works:
            self._told_lost = False
            self._bus.publish(DeviceRestored(0))

    def _find_again(self) -> None:
        from voice.audio.portaudio import DeviceHangs, rescan

        attempt = 0
        self._microphone.close()
        self._output.close()
        while not self._closed.wait(_WAITS_S[min(attempt, len(_WAITS_S) - 1)]):
            attempt += 1
            try:
                rescan()
                self._microphone = self._open_microphone()
                self._output.reopen()
            except DeviceHangs:
                raise
            except DeviceError:
                continue
            self._gone = False
            return

    def _make_canceller(self) -> EchoCanceller | None:
        if not self._config.dialog.echo_cancellation:
            return None
        from voice.audio.echo import EchoCanceller

        try:
            return EchoCanceller(RATE_HZ)
        except DeviceError as error:
            self._bus.publish(Notice(0, f"{error.message} ({error.fix})"))
            return None

    def _open_microphone(self) -> Microphone:
        return open_microphone(self._config)

    def _open_speaker(self, rate_hz: int) -> Speaker:
        from voice.audio.portaudio import PortAudioSpeaker

        audio = self._config.audio
        try:
            return PortAudioSpeaker(audio.output, rate_hz, audio.volume, self._played)
        except DeviceError as error:
            if audio.output or self._opened_speaker:
                raise  # one was named or was there: silence would hide that it is gone
            self._bus.publish(Notice(0, f"{error.message}: answers go to {ANSWER}"))
            return WavSpeaker(ANSWER, rate_hz)

    def _played(self, samples: Samples, rate_hz: int) -> None:
        """Take what leaves for the loudspeaker. Called from the audio thread."""
        self.own_voice.played(samples, rate_hz)
        if self.canceller:
            self.canceller.played(samples, rate_hz)

    def stop_listening(self) -> None:
        """End the audio; the loudspeaker stays."""
        self._closed.set()
        self._microphone.close()

    def close(self) -> None:
        """Free both and look for them no more."""
        self._closed.set()
        super().close()


def open_microphone(config: Config) -> PortAudioMicrophone:
    """Open the configured microphone. Raises DeviceError."""
    from voice.audio.portaudio import PortAudioMicrophone

    return PortAudioMicrophone(config.audio.input, RATE_HZ)


class LossTold:
    """A microphone that tells that it delivers audio, and whose loss ends no more than that.

    `delivers` may raise DeviceError: what else is needed was lost.
    """

    def __init__(
        self,
        inner: Microphone,
        delivers: Callable[[], None],
        lost: Callable[[DeviceError], None],
    ) -> None:
        self.rate_hz = inner.rate_hz
        self._inner = inner
        self._delivers = delivers
        self._lost = lost

    def chunks(self) -> Iterator[Samples]:
        """Yield the audio; end when the device is lost."""
        try:
            for chunk in self._inner.chunks():
                self._delivers()
                yield chunk
        except DeviceError as error:
            self._lost(error)

    def close(self) -> None:
        """Close the microphone."""
        self._inner.close()


class ReopenableSpeaker:
    """A loudspeaker that can be opened again; audio for a lost one is dropped."""

    def __init__(self, opened: Callable[[], Speaker]) -> None:
        self._open = opened
        self.inner = opened()

    @property
    def volume(self) -> float:
        """Return the loudness, 0.0 to 1.0."""
        return self.inner.volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self.inner.volume = volume

    @property
    def lost(self) -> DeviceError | None:
        """Return what is wrong if the device no longer takes audio."""
        return self.inner.lost if isinstance(self.inner, PlaybackQueue) else None

    @property
    def works(self) -> bool:
        """Tell whether the device has taken audio since it was opened."""
        return not isinstance(self.inner, PlaybackQueue) or self.inner.works

    def reopen(self) -> None:
        """Open the device again, as loud as before. Raises DeviceError."""
        volume = self.inner.volume
        self.inner = self._open()
        self.inner.volume = volume

    def play(self, samples: Samples, rate_hz: int, turn: int) -> None:
        """Queue audio."""
        self.inner.play(samples, rate_hz, turn)

    def flush(self, before: int) -> None:
        """Silence all turns older than `before`."""
        self.inner.flush(before)

    def hold(self) -> None:
        """Pause."""
        self.inner.hold()

    def go_on(self) -> None:
        """Go on."""
        self.inner.go_on()

    def drain(self, turn: int, timeout_s: float) -> bool:
        """Wait until all audio of `turn` was played."""
        return self.inner.drain(turn, timeout_s)

    def close(self) -> None:
        """Free the device."""
        self.inner.close()
