"""Rooms in which the whole daemon is tried: somebody speaks, somebody listens.

What the two kinds have in common: `tests.virtual_room` in memory, `tests.real_room` in real time.
"""

from __future__ import annotations

import threading
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
from voice.audio.tap import SOUND
from voice.audio.wavfile import read_audio
from voice.config import AuditConfig, Config, DialogConfig
from voice.devices import Devices
from voice.dialog.warmer import texts_to_warm
from voice.engines import NO_MODEL, knowledge_of, load_answerer, load_ears, load_voice
from voice.events import AnswerReady, Bus, Event, LevelMeasured, StateChanged
from voice.state import State
from voice.tts.cache import CachedSynthesizer

E = TypeVar("E", bound=Event)
Filter = Callable[[Event], bool]

CHUNK_S = 0.032
PLAYED_HZ = 24_000
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
    for _ in voice.warm(texts_to_warm(knowledge, ())):
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

    def entries(self, mark: int = 0) -> list[str]:
        """Return what was answered after a mark: the entry, or what was decided instead."""
        answers = [event.answer for event in self.since(mark, AnswerReady)]
        return [a.hits[0].entry.id if a.hits else a.decision for a in answers]

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
