"""A room in memory: its clock is the audio itself, so that a scene lasts as long as the computing
takes and every time is exact."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from asr import RATE_HZ
from tests.daemon_lab import CHUNK_S, PLAYED_HZ, SETTLED_S, Room, recording
from voice.app import Engines
from voice.audio import Samples
from voice.audio.clocked import ClockedMicrophone, ClockedSpeaker, Echo
from voice.audio.echo import EchoCanceller
from voice.config import Config
from voice.devices import Devices
from voice.events import Bus


class VirtualRoom(Room):
    """A room in memory: time passes only when the test lets it, computing takes none."""

    def __init__(self, *, noise: Samples | None = None, echo: Samples | None = None) -> None:
        super().__init__()
        self._at = 0
        """Samples of the microphone that have passed."""
        self._chunk = int(CHUNK_S * RATE_HZ)
        self._noise = noise
        self._echo = Echo(echo, PLAYED_HZ) if echo is not None else None
        self._spoken: Samples = np.zeros(0, np.float32)
        """What is being said and was not yet heard."""
        self._played: list[Samples] = []
        self.ponders: Callable[[], bool] = lambda: False
        """Tells whether an answer takes time here, too."""
        self._microphone = ClockedMicrophone()
        self._speaker = ClockedSpeaker(PLAYED_HZ)

    @contextmanager
    def listening(self, config: Config, engines: Engines) -> Iterator[None]:
        """Let an assistant listen here."""
        self._speaker.volume = config.audio.volume
        devices = Devices(self._microphone, self._speaker)
        devices.live = True
        devices.canceller = EchoCanceller(RATE_HZ) if config.dialog.echo_cancellation else None
        self._canceller = devices.canceller
        self._own_voice = devices.own_voice
        bus = Bus()
        bus.subscribe(self.note)
        with self._listening(config, engines, devices, bus):
            yield

    def now_s(self) -> float:
        return self._at / RATE_HZ

    def wait(self, seconds: float) -> None:
        end = self._at + int(seconds * RATE_HZ)
        while self._at < end:
            self._step()

    def say(self, *names: str) -> None:
        self._spoken = np.concatenate([recording(name) for name in names])
        while len(self._spoken):
            self._step()

    def played(self) -> Samples:
        return np.concatenate(self._played)

    def _pass_until(self, done: Callable[[], bool], within_s: float) -> bool:
        end = self._at + int(within_s * RATE_HZ)
        while not done() and self._at < end:
            self._step()
        return done()

    def _step(self) -> None:
        """Let one chunk of time pass, and everything happen that it brings about."""
        played = self._speaker.take(int(CHUNK_S * PLAYED_HZ))
        self._played.append(played)
        self._own_voice.played(played, PLAYED_HZ)
        if self._canceller:
            self._canceller.played(played, PLAYED_HZ)
        chunk = np.zeros(self._chunk, np.float32)
        spoken, self._spoken = self._spoken[: self._chunk], self._spoken[self._chunk :]
        chunk[: len(spoken)] += spoken
        if self._noise is not None:
            chunk += np.take(self._noise, range(self._at, self._at + self._chunk), mode="wrap")
        if self._echo:
            chunk += self._echo.through(played, self._chunk)
        self._at += self._chunk
        self._microphone.give(np.clip(chunk, -1.0, 1.0))
        self._settle()

    def _settle(self) -> None:
        end_s = time.monotonic() + SETTLED_S
        while not self._settled():
            if time.monotonic() > end_s or self._failure:
                raise AssertionError(f"it hangs ({self._failure!r})\n{self.story()}")
            time.sleep(0.0003)

    def _settled(self) -> bool:
        """Tell whether all threads wait for more audio, or for the loudspeaker."""
        heard = self._microphone.wait_until_heard(0) and not self.assistant.transcribing
        waits = self._speaker.awaited or self.ponders()
        return heard and (waits or not self.assistant.answering)

    def _end(self) -> None:
        self._speaker.flush(before=2**31)
        self._microphone.close()
