"""The assistant at work on a virtual sound card, in real time, with every sample timed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from asr import RATE_HZ
from voice.app import Assistant, Engines
from voice.audio import Microphone, Samples
from voice.audio.portaudio import rescan
from voice.audio.tap import Tap, TappedMicrophone
from voice.audio.virtual_sound import SoundServer, sound_server
from voice.audio.wavfile import write_wav
from voice.config import Config
from voice.devices import LiveDevices
from voice.errors import StageError
from voice.events import Bus, Event, LevelMeasured

E = TypeVar("E", bound=Event)
WAIT_S = 30.0
_START_S = 1.5
"""Until the devices have delivered and taken their first blocks."""


class TappedDevices(LiveDevices):
    """Real devices that are listened in on."""

    def __init__(self, config: Config, rate_hz: int, bus: Bus) -> None:
        self.heard = Tap(RATE_HZ)
        self.left = Tap(rate_hz)
        super().__init__(config, rate_hz, bus)

    def _open_microphone(self) -> Microphone:
        return TappedMicrophone(super()._open_microphone(), self.heard)

    def _played(self, samples: Samples, rate_hz: int) -> None:
        self.left.add(samples, time.monotonic())
        super()._played(samples, rate_hz)


class BenchRoom:
    """Where somebody speaks to the assistant."""

    def __init__(self, server: SoundServer, devices: TappedDevices, folder: Path) -> None:
        self.heard = devices.heard
        self.left = devices.left
        self._server = server
        self._folder = folder
        self._events: list[Event] = []
        self._happened = threading.Condition()

    def note(self, event: Event) -> None:
        """Take an event of the assistant."""
        if isinstance(event, LevelMeasured):
            return
        with self._happened:
            self._events.append(event)
            self._happened.notify_all()

    def say(self, samples: Samples, rate_hz: int) -> None:
        """Speak into the microphone; return after the last sample."""
        wav = self._folder / "said.wav"
        write_wav(wav, samples, rate_hz)
        self._server.play(wav).wait()

    def until(self, kind: type[E], after_s: float, timeout_s: float = WAIT_S) -> E | None:
        """Return the first event of a kind after a time, waiting for it; None if there is none."""

        def found() -> Iterator[E]:
            return (e for e in self._events if isinstance(e, kind) and e.at_s > after_s)

        with self._happened:
            self._happened.wait_for(lambda: any(True for _ in found()), timeout_s)
            return next(found(), None)


@contextmanager
def bench_room(config: Config, engines: Engines) -> Iterator[BenchRoom]:
    """Let the assistant listen in a room. Nothing is synthesised ahead meanwhile.

    Raises DeviceError if there is no virtual sound card, StageError if the assistant ends.
    """
    silent = replace(engines, ahead=False)
    bus = Bus()
    with sound_server() as server, TemporaryDirectory(prefix="hean-bench-") as folder:
        rescan()
        devices = TappedDevices(config, engines.voice.rate_hz, bus)
        room = BenchRoom(server, devices, Path(folder))
        bus.subscribe(room.note)
        assistant = Assistant(config, silent, devices, bus)
        thread = threading.Thread(target=assistant.listen, name="assistant")
        thread.start()
        try:
            time.sleep(_START_S)
            yield room
            if not thread.is_alive():
                raise StageError("the assistant ended", "hean check")
        finally:
            devices.stop_listening()
            devices.speaker.flush(before=2**31)
            thread.join()
            devices.close()
    rescan()
