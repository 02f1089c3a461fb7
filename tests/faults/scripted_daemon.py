"""`hean run` with stages that understand loudness, hum, and fail when they are told to.

A real process with real devices, threads, audit and signals; only the models are scripted, so that
it starts in a second. An order is a file with a stage and a fault in it, "voice hang"; the first
call of that stage takes it away and obeys.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import voice.app
import voice.audio.portaudio
import voice.process.ending
import voice.process.overseer
import voice.renewal
from asr import Samples, Transcript
from asr.pinyin import syllables
from asr.repair import Repairer
from llm import Message, Sampling, Vectors
from llm.answer import Answerer
from llm.retrieve import Retriever
from tests.unit import scripted
from tests.unit.knowledge_base import base_of
from voice.cli import main
from voice.ears import Ears

ORDERS = "HEAN_TEST_ORDERS"
"""Variable that names the file of orders."""
COMPOSED = "警报的声音是什么样"
"""A question for which the language model is asked; said at a loudness of 0.6."""


class NobodyExpected(Exception):
    """A fault of the program."""


def _segfault() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def _raise(error: BaseException) -> None:
    raise error


FAULTS: dict[str, Callable[[], object]] = {
    "hang": lambda: ctypes.CDLL(None).pause(),
    "native": lambda: _raise(RuntimeError("bad allocation in a native library")),
    "memory": lambda: _raise(MemoryError()),
    "bug": lambda: _raise(NobodyExpected("a fault of the program")),
    "segv": _segfault,
    "end": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "interrupt": lambda: os.kill(os.getpid(), signal.SIGINT),
}


def obey(stage: str) -> None:
    """Do what was ordered for a stage, once."""
    file = Path(os.environ[ORDERS])
    if file.exists() and file.read_text().startswith(f"{stage} "):
        fault = file.read_text().split()[1]
        file.unlink()
        FAULTS[fault]()


class Taken(threading.Condition):
    """What is heard waits behind it; to have just taken it is a moment to be ended at, too."""

    def __enter__(self) -> bool:
        entered = super().__enter__()
        obey("taken")
        return entered


class Microphone(voice.audio.portaudio.PortAudioMicrophone):
    def __init__(self, *settings: Any) -> None:
        super().__init__(*settings)
        self._captured.not_empty = Taken(self._captured.mutex)

    def close(self) -> None:
        obey("closing")
        super().close()


class Words(scripted.Words):
    def stream(self) -> Words:
        return Words()

    def finish(self) -> Transcript:
        obey("ears")
        return Transcript(COMPOSED, "zh") if self.loudest == 0.6 else super().finish()


class Letters(scripted.Letters):
    def encode(self, texts: list[str]) -> Vectors:
        if len(texts) == 1:  # a question, not the knowledge base
            obey("search")
        return super().encode(texts)


class Hum(scripted.Hum):
    def synthesize(
        self, text: str, language: str, cancelled: Callable[[], bool] = lambda: False
    ) -> Iterator[Samples]:
        obey("voice")
        yield from super().synthesize(text, language, cancelled)


class Model:
    name = "scripted"

    def generate(
        self, messages: list[Message], sampling: Sampling, cancelled: Callable[[], bool]
    ) -> Iterator[str]:
        obey("model")
        yield "先进屋。"

    def prefill(
        self, messages: list[Message], cancelled: Callable[[], bool] = lambda: False
    ) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to free."""


def engines() -> voice.app.Engines:
    knowledge = base_of(*scripted.ENTRIES)
    search = Retriever(knowledge.speakable, Letters(), syllables, knowledge.vocabulary)
    ears = Ears(scripted.Loudness(), Words(), Repairer(()))
    answerer = Answerer(knowledge, search, syllables, Model())
    return voice.app.Engines(knowledge, ears, answerer, Hum(level=0.3))


if __name__ == "__main__":
    voice.audio.portaudio.PortAudioMicrophone = Microphone  # type: ignore[misc]
    voice.app.load_engines = lambda config: engines()
    voice.process.ending.BOUND_S = 5.0
    voice.process.overseer.PATIENCE_S = 2.0
    voice.renewal.APART_S = 0.0
    sys.exit(main())
