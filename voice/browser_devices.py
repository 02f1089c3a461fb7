"""The microphone and the loudspeaker of a browser, in the place of this machine's own."""

from __future__ import annotations

from collections.abc import Iterator

from asr import RATE_HZ
from voice.audio import Microphone, Samples
from voice.audio.own_voice import OwnVoice
from voice.audio.remote import RemoteDevice
from voice.devices import Devices, LossTold
from voice.errors import ConfigError
from voice.events import Bus, DeviceLost, DeviceRestored

AWAITED = "no page gives its microphone: touch the button for it on the screen"


class BrowserDevices(Devices):
    """What a page of the screen brings; it may come, go and come again.

    The browser takes out the echo of its own loudspeaker. How well is not known here: so answers
    are interrupted by the wake word alone, as without echo cancellation.
    """

    live = True
    name = "the microphone of a browser"

    def __init__(self, rate_hz: int, volume: float, bus: Bus) -> None:
        """`rate_hz` is that of the voice."""
        own_voice = OwnVoice()
        self.remote = self._remote = RemoteDevice(rate_hz, volume, own_voice.played)
        self._bus = bus
        self._told_lost = False
        super().__init__(_Nowhere(), self._remote.speaker, own_voice)

    def microphones(self) -> Iterator[Microphone]:
        """Yield the microphone of each page that gives it, until this is closed."""
        self._tell_lost()
        while (microphone := self._remote.next()) is not None:
            yield LossTold(microphone, self._delivers, lambda _error: None)
            self._tell_lost()

    def _tell_lost(self) -> None:
        self._told_lost = True
        self._bus.publish(DeviceLost(0, AWAITED))

    def _delivers(self) -> None:
        if self._told_lost:
            self._told_lost = False
            self._bus.publish(DeviceRestored(0))

    def stop_listening(self) -> None:
        """End the audio; the loudspeaker stays."""
        self._remote.close()

    def close(self) -> None:
        """Take no microphone any more."""
        self._remote.close()
        super().close()


def no_page() -> ConfigError:
    """Return what is wrong when the microphone is on a page that is not served."""
    return ConfigError(
        "audio.device is browser, but there is no page",
        "serve it with --set kiosk.enabled=true, or choose --set audio.device=system",
    )


class _Nowhere:
    """Stands for a microphone before there is one."""

    rate_hz = RATE_HZ

    def chunks(self) -> Iterator[Samples]:
        """Yield nothing."""
        yield from ()

    def close(self) -> None:
        """There is nothing to close."""
