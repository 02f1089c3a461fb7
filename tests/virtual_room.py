"""A room in memory: its clock is the audio itself, so that a scene lasts as long as the computing
takes and every time is exact."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from asr import RATE_HZ
from tests.daemon_lab import CHUNK_S, ECHO_DELAY_S, PLAYED_HZ, SETTLED_S, Room, recording
from voice.app import Engines
from voice.audio import Samples
from voice.audio.pcm import Resampler
from voice.audio.playing import PlaybackQueue
from voice.config import Config
from voice.devices import Devices
from voice.echo import EchoCanceller
from voice.events import Bus


class _Speaker(PlaybackQueue):
    """A loudspeaker that plays as fast as the clock of the room goes."""

    def __init__(self) -> None:
        super().__init__("virtual loudspeaker", PLAYED_HZ)
        self._awaited = -1

    def drain(self, turn: int, timeout_s: float) -> bool:
        self._awaited = turn
        try:
            return super().drain(turn, timeout_s)
        finally:
            self._awaited = -1

    @property
    def awaited(self) -> bool:
        """Tell whether somebody waits for audio that is still to be played."""
        with self._changed:
            return any(turn == self._awaited for turn, _ in self._queued)


class _Microphone:
    """A microphone that is given one chunk after the other."""

    rate_hz = RATE_HZ

    def __init__(self) -> None:
        self._given: queue.Queue[Samples | None] = queue.Queue()

    def give(self, chunk: Samples) -> None:
        self._given.put(chunk)

    @property
    def heard(self) -> bool:
        """Tell whether all that was given has been listened to."""
        return not self._given.unfinished_tasks

    def chunks(self) -> Iterator[Samples]:
        while (chunk := self._given.get()) is not None:
            yield chunk
            self._given.task_done()

    def close(self) -> None:
        self._given.put(None)


class _Echo:
    """The way from the loudspeaker through the room into the microphone."""

    def __init__(self, response: Samples) -> None:
        self._response = response
        self._resampler = Resampler(PLAYED_HZ, RATE_HZ)
        delay = np.zeros(int(ECHO_DELAY_S * RATE_HZ), np.float32)
        self._sound = np.concatenate([np.zeros(len(response) - 1, np.float32), delay])

    def through(self, played: Samples, count: int) -> Samples:
        """Take what leaves for the loudspeaker, return what of it comes in now."""
        self._sound = np.concatenate([self._sound, self._resampler.process(played)])
        size = count + len(self._response) - 1
        heard, self._sound = self._sound[:size], self._sound[count:]
        assert len(heard) == size, "the resampler is later than the devices' buffers"
        return np.asarray(np.convolve(heard, self._response, "valid"), np.float32)


class VirtualRoom(Room):
    """A room in memory: time passes only when the test lets it, computing takes none."""

    def __init__(self, *, noise: Samples | None = None, echo: Samples | None = None) -> None:
        super().__init__()
        self._at = 0
        """Samples of the microphone that have passed."""
        self._chunk = int(CHUNK_S * RATE_HZ)
        self._noise = noise
        self._echo = _Echo(echo) if echo is not None else None
        self._spoken: Samples = np.zeros(0, np.float32)
        """What is being said and was not yet heard."""
        self._played: list[Samples] = []
        self.ponders: Callable[[], bool] = lambda: False
        """Tells whether an answer takes time here, too."""
        self._microphone = _Microphone()
        self._speaker = _Speaker()

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
        heard = self._microphone.heard and not self.assistant.transcribing
        waits = self._speaker.awaited or self.ponders()
        return heard and (waits or not self.assistant.answering)

    def _end(self) -> None:
        self._speaker.flush(before=2**31)
        self._microphone.close()
