"""Stages that do as they are told, in place of models: what is tried is what connects them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from copy import copy

import numpy as np

from asr import RATE_HZ, RecognitionError, Samples, Transcript
from asr.pinyin import syllables
from asr.repair import Repairer
from llm import Vectors
from llm.answer import Answerer
from llm.knowledge import Entry
from llm.retrieve import Retriever
from tests.unit.knowledge_base import base_of
from voice.ears import Ears
from voice.errors import DeviceError
from voice.events import Event
from voice.tts import SynthesisError, pick_voice

ENTRIES = (
    Entry("zh.water.tap", "zh", "water", ("自来水还能喝吗",), "先喝瓶装水。烧开没用。", ("F065",)),
    Entry("zh.shelter.go", "zh", "shelter", ("警报响了怎么办",), "先进屋。再关好窗户。", ("F001",)),
    Entry("en.water.tap", "en", "water", ("can i drink tap water",), "Drink bottled.", ("F065",)),
)
WATER, ALARM = ENTRIES[0].ask[0], ENTRIES[1].ask[0]
BROKEN, TORN = "坏", "坏了"
SAYS = {0.2: WATER, 0.3: ALARM, 0.4: BROKEN, 0.5: "", 0.7: TORN}
"""What is said by loudness: two questions, one that the recogniser fails on at its end, a cough,
and one that it fails on at the first pause."""


class Letters:
    """Encodes a text as the letters in it."""

    name = "letters"

    def encode(self, texts: list[str]) -> Vectors:
        vectors = np.zeros((len(texts), 256), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            row[[ord(letter) % 256 for letter in text] or [0]] = 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def answerer() -> Answerer:
    knowledge = base_of(*ENTRIES)
    search = Retriever(knowledge.speakable, Letters(), syllables, knowledge.vocabulary)
    return Answerer(knowledge, search, syllables)


class Hum:
    """A voice: half a second for each sentence, as loud as `level`."""

    rate_hz = 24_000
    name = "hum"
    voices = ("hum",)
    speed = 1.0

    def __init__(self, level: float = 0.1, fails: Callable[[str], bool] = lambda text: False):
        self._level, self._fails = level, fails
        self.may_speak = threading.Event()
        self.may_speak.set()

    def speaking(self, voice: str, speed: float) -> Hum:
        pick_voice(voice or "hum", self.voices, "hum")
        other = copy(self)
        other.speed = speed
        return other

    def synthesize(
        self, text: str, language: str, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Samples]:
        assert self.may_speak.wait(60)
        if self._fails(text):
            raise SynthesisError("the voice has failed")
        yield np.full(self.rate_hz // 2, self._level, np.float32)


class Loudness:
    """Hears speech wherever there is sound."""

    chunk_samples = 512

    def is_speech(self, samples: Samples) -> bool:
        return bool(np.abs(samples).max() > 0.1)

    def reset(self) -> None:
        """Nothing is kept."""


class Words:
    """One utterance, understood by how loud it is; both stream and recogniser."""

    streaming = True
    decoder = None

    def __init__(self) -> None:
        self.loudest = 0.0
        self.heard_s = 0.0

    def stream(self) -> Words:
        return Words()

    def accept(self, samples: Samples) -> None:
        self.loudest = max(self.loudest, round(float(np.abs(samples).max(initial=0)), 1))
        self.heard_s += len(samples) / RATE_HZ

    def partial(self, paused: bool = False) -> str:
        text = SAYS.get(self.loudest, "")
        if text == TORN and paused:
            raise RecognitionError("the recogniser has failed at a pause")
        return text[:3]

    def finish(self) -> Transcript:
        text = SAYS.get(self.loudest, "")
        if text == BROKEN:
            raise RecognitionError("the recogniser has failed")
        return Transcript(text, "zh" if text else "")


def ears() -> Ears:
    return Ears(Loudness(), Words(), Repairer(()))


def speech(level: float, seconds: float = 1.0) -> Samples:
    """Return what somebody says, as loud as `level`, and the silence that ends it."""
    return np.concatenate(
        [np.full(int(seconds * RATE_HZ), level, np.float32), np.zeros(RATE_HZ, np.float32)]
    )


class Script:
    """A microphone that plays audio and, in between, does what the test wants done."""

    rate_hz = RATE_HZ

    def __init__(self, *steps: Samples | Callable[[], object], lost: bool = False) -> None:
        self._steps: Sequence[Samples | Callable[[], object]] = steps
        self._lost = lost

    def chunks(self) -> Iterator[Samples]:
        for step in self._steps:
            if callable(step):
                step()
            else:
                yield from np.array_split(step, max(1, len(step) // 500))
        if self._lost:
            raise DeviceError("the microphone is lost")

    def close(self) -> None:
        """There is no device to free."""


class Diary:
    """Keeps all events; lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._new = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._new:
            self.events.append(event)
            self._new.notify_all()

    def of(self, kind: type[Event], turn: int | None = None) -> list[Event]:
        """Return the events of a kind, of one turn or of all."""
        with self._new:
            found = [event for event in self.events if isinstance(event, kind)]
        return [event for event in found if turn in (None, event.turn)]

    def wait_for(self, kind: type[Event], turn: int | None = None) -> None:
        """Wait until there is such an event."""
        with self._new:
            assert self._new.wait_for(lambda: bool(self.of(kind, turn)), 60), self.events
