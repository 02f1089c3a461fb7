"""The whole assistant in a room in memory: time passes as audio is given, computing takes none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from asr import RATE_HZ
from voice.app import Assistant, Engines
from voice.audio import Samples
from voice.audio.clocked import ClockedMicrophone, ClockedSpeaker, Echo
from voice.audio.echo import EchoCanceller
from voice.config import Config
from voice.devices import Devices
from voice.errors import HeanError, StageError
from voice.events import Bus

BLOCK = 512
"""Samples of the microphone in a step of the clock, 32 ms."""
PLAYED_HZ = 24_000
_PLAYED_BLOCK = BLOCK * PLAYED_HZ // RATE_HZ
_SETTLED_S = 180.0
"""Longest computing for one step: an answer that is composed, on a machine that does much else."""
_LOOK_S = 0.0005


class ClockedRoom:
    """Somebody speaks, an assistant listens; it hears itself through the echo of the room."""

    def __init__(self, config: Config, echo: Samples) -> None:
        """`echo` is the impulse response from loudspeaker to microphone, 16 kHz."""
        self.microphone = ClockedMicrophone()
        self._speaker = ClockedSpeaker(PLAYED_HZ)
        self._speaker.volume = config.audio.volume
        self._echo = Echo(echo, PLAYED_HZ)
        self._config = config
        self._left = np.zeros(0, np.float32)
        self._ended: HeanError | None = None
        self._assistant: Assistant
        self._thread = threading.Thread(target=self._listen, name="assistant", daemon=True)
        self._devices = Devices(self.microphone, self._speaker)
        self._devices.live = True
        self._devices.clock = lambda: self.now_s
        if config.dialog.echo_cancellation:
            self._devices.canceller = EchoCanceller(RATE_HZ)

    @property
    def now_s(self) -> float:
        """Return the seconds of audio that have passed."""
        return self.microphone.given * BLOCK / RATE_HZ

    @contextmanager
    def listening(self, engines: Engines, bus: Bus) -> Iterator[None]:
        """Let an assistant listen. Raises HeanError if it ends or hangs."""
        self._assistant = Assistant(self._config, engines, self._devices, bus)
        self._thread.start()
        try:
            yield
        finally:
            self._speaker.flush(before=2**31)
            self.microphone.close()
            self._thread.join(_SETTLED_S)
            self._devices.close()
        if self._thread.is_alive() or self._ended:
            raise self._ended or StageError("the assistant hangs", "hean check")

    def hear(self, audio: Samples) -> None:
        """Let audio of any length, 16 kHz, be heard; return when all that it brings about is done.

        Raises HeanError if the assistant ended or hangs.
        """
        audio = np.concatenate([self._left, audio])
        whole = len(audio) - len(audio) % BLOCK
        self._left = audio[whole:]
        for at in range(0, whole, BLOCK):
            self._step(audio[at : at + BLOCK])

    def _step(self, said: Samples) -> None:
        played = self._speaker.take(_PLAYED_BLOCK)
        self._devices.own_voice.played(played, PLAYED_HZ)
        if self._devices.canceller:
            self._devices.canceller.played(played, PLAYED_HZ)
        heard = said + self._echo.through(played, BLOCK)
        self.microphone.give(np.clip(heard, -1.0, 1.0))
        end_s = time.monotonic() + _SETTLED_S
        self._check(self.microphone.wait_until_heard(_SETTLED_S))
        while not self._settled():
            self._check(time.monotonic() < end_s)
            time.sleep(_LOOK_S)

    def _settled(self) -> bool:
        """Tell whether all threads wait for more audio, or for the loudspeaker."""
        if self._assistant.transcribing:
            return False
        return self._speaker.awaited or not self._assistant.answering

    def _check(self, in_time: bool) -> None:
        if not self._thread.is_alive():
            raise self._ended or StageError("the assistant has ended", "see the lines above")
        if not in_time:
            raise StageError("the assistant hangs", "hean check")

    def _listen(self) -> None:
        try:
            self._assistant.listen()
        except HeanError as error:
            self._ended = error
        finally:
            self.microphone.close()
