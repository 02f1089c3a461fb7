"""Rooms in which the whole daemon is tried: somebody speaks, somebody listens.

`VirtualRoom` is memory: its clock is the audio itself, so that a scene lasts as long as the
computing takes and every time is exact. `RealRoom` is the same scene in real time, through the
real device code and a sound server; only the sound card is virtual.
"""

from __future__ import annotations

import queue
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from asr import RATE_HZ
from llm import LlmConfig
from llm.knowledge import Entry, KnowledgeBase
from tests.commands import DATA
from voice.app import Assistant, Engines
from voice.audio import Samples
from voice.audio.pcm import Resampler
from voice.audio.playing import PlaybackQueue
from voice.audio.portaudio import rescan
from voice.audio.tap import SOUND
from voice.audio.virtual_sound import LOUDSPEAKER, MICROPHONE_SINK, SoundServer
from voice.audio.wavfile import read_audio, write_wav
from voice.config import AuditConfig, Config, DialogConfig
from voice.devices import Devices, LiveDevices
from voice.echo import EchoCanceller
from voice.engines import NO_MODEL, knowledge_of, load_answerer, load_ears, load_voice
from voice.events import Bus, Event, LevelMeasured, StateChanged
from voice.state import State
from voice.tts.cache import CachedSynthesizer
from voice.warmer import texts_to_warm

E = TypeVar("E", bound=Event)
Filter = Callable[[Event], bool]

CHUNK_S = 0.032
PLAYED_HZ = 24_000
ECHO_DELAY_S = 0.06
"""From handing audio to a loudspeaker to hearing it in the microphone: the devices' buffers."""
SETTLED_S = 60.0

CONFIG = Config(
    dialog=DialogConfig(follow_up_s=4.0),
    llm=LlmConfig(model=NO_MODEL),  # vetted answers alone: what is tried is the conversation
    audit=AuditConfig(enabled=False),
)
SPOKEN = ("zh.iodine.when", "zh.food-water.tap-water", "zh.test.call")
"""Entries that the assistant in a room knows: a few, all synthesised ahead in half a minute."""
CALL = Entry(
    "zh.test.call", "zh", "test", ("怎么叫醒你", "怎么叫你"), "先叫我一声：你好核安。再说你的问题。"
)
"""An answer with the wake word in it."""


def load_household(folder: Path) -> Engines:
    """Load what an assistant with a small knowledge base needs; its speech is kept in `folder`."""
    shipped = knowledge_of(CONFIG)
    entries = tuple(entry for entry in (*shipped.speakable, CALL) if entry.id in SPOKEN)
    knowledge = KnowledgeBase(entries, shipped.sources, shipped.vocabulary)
    uncached = replace(CONFIG, tts=replace(CONFIG.tts, cache_mb=0))
    voice = CachedSynthesizer(load_voice(uncached), folder, max_mb=50)
    for _ in voice.warm(texts_to_warm(knowledge)):
        pass
    ears = load_ears(CONFIG, knowledge)
    return Engines(knowledge, ears, load_answerer(CONFIG, knowledge), voice)


def recording(name: str) -> Samples:
    """Return a recording of the test data, "wake/stop" or "zh-water", up to its last sound."""
    audio = read_audio(DATA / f"{name}.flac", RATE_HZ)[0]
    return audio[: np.flatnonzero(np.abs(audio) > SOUND)[-1] + 1]


def pink_noise(seconds: float, seed: int = 1) -> Samples:
    """Return noise with as much power in each octave, like that of rooms; peaks at 1."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ)))
    spectrum /= np.sqrt(np.arange(1, len(spectrum) + 1))
    noise = np.fft.irfft(spectrum)
    return np.asarray(noise / np.abs(noise).max(), np.float32)


def room_response(seconds: float = 0.3, seed: int = 1) -> Samples:
    """Return the impulse response of a living room: direct sound, then 60 dB of decay."""
    tail = np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ))
    tail *= 10 ** (-3 * np.arange(len(tail)) / len(tail)) * 0.1
    tail[0] = 1.0
    return np.asarray(tail / np.linalg.norm(tail), np.float32)


class Room(ABC):
    """A room with an assistant in it, and all that has happened."""

    def __init__(self) -> None:
        self.events: list[tuple[float, Event]] = []
        """With the second at which each happened, counted from the beginning."""
        self._changed = threading.Condition()
        self._failure: BaseException | None = None
        self.assistant: Assistant

    @abstractmethod
    def now_s(self) -> float:
        """Return the time in this room."""

    @abstractmethod
    def wait(self, seconds: float) -> None:
        """Let time pass."""

    @abstractmethod
    def say(self, *names: str) -> None:
        """Speak recordings one after the other, until the last sample."""

    @abstractmethod
    def played(self) -> Samples:
        """Return what the loudspeaker has played so far, `PLAYED_HZ`."""

    @abstractmethod
    def _pass_until(self, done: Callable[[], bool], within_s: float) -> bool:
        """Let time pass until `done()`; tell whether it was in time."""

    def note(self, event: Event) -> None:
        """Take an event of the assistant."""
        if isinstance(event, LevelMeasured):
            return
        with self._changed:
            self.events.append((self.now_s(), event))
            self._changed.notify_all()

    def mark(self) -> int:
        """Return a place in the events, for `until` and `since`."""
        return len(self.events)

    def since(self, mark: int, kind: type[E]) -> list[E]:
        """Return all events of one kind after a mark."""
        return [event for _, event in self.events[mark:] if isinstance(event, kind)]

    def until(
        self, kind: type[E], mark: int = 0, within_s: float = 20.0, where: Filter | None = None
    ) -> E:
        """Let time pass until the first event of a kind after a mark; return it."""

        def found() -> Iterator[E]:
            return (e for e in self.since(mark, kind) if where is None or where(e))

        if not self._pass_until(lambda: any(True for _ in found()), within_s):
            raise AssertionError(f"no {kind.__name__} within {within_s} s\n{self.story(mark)}")
        return next(found())

    def until_state(self, state: State, mark: int = 0, within_s: float = 20.0) -> None:
        """Let time pass until the assistant is in a state."""
        self.until(StateChanged, mark, within_s, lambda event: event.state is state)  # type: ignore[attr-defined]

    def at_s(self, event: Event) -> float:
        """Return when an event happened, by the clock of the room."""
        return next(at_s for at_s, other in self.events if other is event)

    def story(self, mark: int = 0) -> str:
        """Return what happened, for the message of a test that failed."""
        return "\n".join(f"{at_s:8.3f}  {event!s:.150}" for at_s, event in self.events[mark:])

    @contextmanager
    def _listening(
        self, config: Config, engines: Engines, devices: Devices, bus: Bus
    ) -> Iterator[None]:
        """Let an assistant listen while the scene is played."""
        self.assistant = Assistant(config, engines, devices, bus)
        thread = threading.Thread(target=self._listen, name="assistant")
        thread.start()
        try:
            yield
        finally:
            self._end()
            thread.join(SETTLED_S)
            devices.close()
        assert not thread.is_alive(), self.story()
        if self._failure:
            raise self._failure

    @abstractmethod
    def _end(self) -> None:
        """End the audio of the microphone."""

    def _listen(self) -> None:
        try:
            self.assistant.listen()
        except BaseException as failure:  # noqa: BLE001 - raised again in the test's thread
            self._failure = failure


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
        return heard and (self._speaker.awaited or not self.assistant.answering)

    def _end(self) -> None:
        self._speaker.flush(before=2**31)
        self._microphone.close()


class RealRoom(Room):
    """A room in real time: the real device code, a sound server, a virtual sound card."""

    def __init__(self, server: SoundServer, folder: Path) -> None:
        super().__init__()
        self._server = server
        self._folder = folder
        self._begin_s = time.monotonic()
        self._recorded = folder / "loudspeaker.wav"

    @contextmanager
    def listening(self, config: Config, engines: Engines) -> Iterator[None]:
        """Let an assistant listen here."""
        bus = Bus()
        bus.subscribe(self.note)
        rescan()
        self._devices = LiveDevices(config, engines.voice.rate_hz, bus)
        with (
            self._server.record(self._recorded),
            self._listening(config, engines, self._devices, bus),
        ):
            yield

    def now_s(self) -> float:
        return time.monotonic() - self._begin_s

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def say(self, *names: str) -> None:
        self.begin_to_say(*names).wait()

    def begin_to_say(self, *names: str) -> subprocess.Popen[bytes]:
        """Speak recordings, and do not wait for the end."""
        wav = self._folder / f"{'-'.join(names).replace('/', '.')}.wav"
        write_wav(wav, np.concatenate([recording(name) for name in names]), RATE_HZ)
        return self._server.play(wav)

    def played(self) -> Samples:
        return read_audio(self._recorded, PLAYED_HZ, max_s=600)[0]

    @contextmanager
    def echoing(self, response: Samples) -> Iterator[None]:
        """Let the microphone hear the loudspeaker through a room, as long as this lasts."""
        raw = ["--raw", "--channels=1", "--format=float32le", f"--rate={RATE_HZ}"]
        listen = ["parec", f"--device={LOUDSPEAKER}", "--latency-msec=20", *raw]
        speak = ["pacat", "-p", f"--device={MICROPHONE_SINK}", "--latency-msec=40", *raw]
        with (
            subprocess.Popen(listen, env=self._server.environment, stdout=subprocess.PIPE) as ear,
            subprocess.Popen(speak, env=self._server.environment, stdin=subprocess.PIPE) as mouth,
        ):
            thread = threading.Thread(target=_reverberate, args=(ear, mouth, response))
            thread.start()
            try:
                yield
            finally:
                ear.terminate()
                thread.join()
                mouth.terminate()

    def _pass_until(self, done: Callable[[], bool], within_s: float) -> bool:
        with self._changed:
            return self._changed.wait_for(done, within_s)

    def _end(self) -> None:
        self._devices.stop_listening()
        self._devices.speaker.flush(before=2**31)


def _reverberate(
    ear: subprocess.Popen[bytes], mouth: subprocess.Popen[bytes], response: Samples
) -> None:
    """Convolve what one program hears with an impulse response, for another one to play."""
    assert ear.stdout is not None
    assert mouth.stdin is not None
    count = int(0.02 * RATE_HZ)
    sound = np.zeros(len(response) - 1, np.float32)
    while len(block := ear.stdout.read(4 * count)) == 4 * count:
        sound = np.concatenate([sound, np.frombuffer(block, np.float32)])
        mouth.stdin.write(np.convolve(sound, response, "valid").astype(np.float32).tobytes())
        mouth.stdin.flush()
        sound = sound[count:]
