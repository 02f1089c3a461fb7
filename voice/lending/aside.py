"""What programs may have of the ears and of the voice, beside the conversation.

The conversation comes first: while somebody is listened to or answered nothing is begun here, and
what was begun waits. Of each, ears and voice, one program has the use at a time and a few wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from asr import RATE_HZ, Samples
from asr.endpoint import EndpointRules
from voice.ears import Ears
from voice.recording import Heard, hear_audio, utterances
from voice.tts import Synthesizer

MOST_WAITING = 4
"""Programs that use the ears, or the voice, or wait for them."""
WAIT_S = 5.0
"""Longest wait of a program for its turn."""
PATIENCE_S = 120.0
"""Longest wait in the middle of a work: answers are shorter. What was begun is then finished."""
_LOOK_AGAIN_S = 0.05

Cancelled = Callable[[], bool]


class Busy(Exception):
    """The assistant is needed for a person, or for other programs; `retry_s` tells when to come
    back."""

    retry_s = 3


@dataclass(frozen=True)
class Utterance:
    """What was said between two pauses of a recording."""

    start_s: float
    end_s: float
    heard: str
    text: str
    """As it was understood, after repair."""
    language: str


@dataclass(frozen=True)
class Said:
    """What a program wants to have spoken."""

    parts: tuple[str, ...]
    """Texts that are synthesised each by itself, cut as by `voice.reply.spoken_parts`."""
    language: str
    voice: str = ""
    """Empty = the assistant's own."""
    speed: float = 1.0
    """1.0 = as fast as the assistant is set to speak."""


class _Queue:
    """One at a time, and few that wait."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    @contextmanager
    def place(self) -> Iterator[None]:
        """Wait for the turn and take it. Raises Busy."""
        if not self._places.acquire(blocking=False):
            raise Busy("too many programs wait already")
        try:
            if not self._turn.acquire(timeout=WAIT_S):
                raise Busy("another program is served")
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._places.release()


class Aside:
    """Hears and speaks for programs. Safe to use from any thread."""

    def __init__(
        self, ears: Ears, voice: Synthesizer, rules: EndpointRules, engaged: Callable[[], bool]
    ) -> None:
        """`ears` have a voice activity detector of their own; `engaged` tells whether a person is
        listened to or answered."""
        self.rate_hz = voice.rate_hz
        self.voices = voice.voices
        self._ears = ears
        self._voice = voice
        self._speed = voice.speed
        self._rules = rules
        self._engaged = engaged
        self._hearing, self._speaking = _Queue(), _Queue()

    def hear(self, audio: Samples, length_s: float, name: str) -> Heard:
        """Return the question in audio at 16 kHz, cut from `length_s` seconds; errors call it
        `name`. Raises Busy, InputError, RecognitionError."""
        with self._hearing.place():
            self._look()
            return hear_audio(audio, length_s, self._ears, self._rules, name)

    def transcribe(self, audio: Samples, cancelled: Cancelled) -> Generator[Utterance, None, None]:
        """Yield all that is said in audio at 16 kHz. Raises Busy, RecognitionError."""
        with self._hearing.place():
            self._look()
            for place in list(utterances(audio, self._ears.vad, self._rules)):
                self._wait(cancelled)
                if cancelled():
                    return
                if utterance := self._understood(audio, place):
                    yield utterance

    def _understood(self, audio: Samples, place: slice) -> Utterance | None:
        stream = self._ears.recognizer.stream()
        stream.accept(audio[place])
        heard = stream.finish()
        if not heard.text:
            return None
        text = self._ears.repairer.repair(heard.text, heard.language)
        start_s, end_s = place.start / RATE_HZ, place.stop / RATE_HZ
        return Utterance(start_s, end_s, heard.text, text, heard.language)

    def speak(self, said: Said, cancelled: Cancelled) -> Generator[Samples, None, None]:
        """Yield speech at `rate_hz`, piece by piece. Raises Busy, SynthesisError."""
        with self._speaking.place():
            self._look()
            voice = self._voice.speaking(said.voice, self._speed * said.speed)
            for part in said.parts:
                for samples in voice.synthesize(part, said.language, cancelled):
                    if samples.size:
                        yield samples
                    self._wait(cancelled)

    def _look(self) -> None:
        if self._engaged():
            raise Busy("a spoken question comes first")

    def _wait(self, cancelled: Cancelled) -> None:
        """Let the conversation have the processor first."""
        end_s = time.monotonic() + PATIENCE_S
        while self._engaged() and not cancelled() and time.monotonic() < end_s:
            time.sleep(_LOOK_AGAIN_S)
