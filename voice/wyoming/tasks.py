"""What a client can have done: each task takes events and answers with events.

Tasks compute: they are called in threads, one at a time for each client.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import numpy as np
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event
from wyoming.handle import Handled, HandledChunk, HandledStart, HandledStop, NotHandled
from wyoming.tts import SynthesizeStopped
from wyoming.wake import Detection, NotDetected

from asr import RATE_HZ, Samples
from asr.text import clean
from llm.answer import MAX_QUESTION_CHARS
from llm.language import detect_language
from voice.audio.pcm import Rechunker, to_int16
from voice.lending.aside import Cancelled, Said
from voice.tts.sentences import split_sentences
from voice.wyoming.services import DEFAULT_VOICE, Services
from voice.wyoming.sound import Sound
from voice.wyoming.wire import BrokenEvent

LONGEST_AUDIO_S = 120.0
LONGEST_TEXT = 4096
"""Characters, as in the other interface for speech."""


class Transcription:
    """Hears audio, and tells at its end what was said."""

    def __init__(self, services: Services, cancelled: Cancelled) -> None:
        self._aside, self._cancelled = services.aside, cancelled
        self._sound = Sound()
        self._parts: list[Samples] = []
        self._left = int(LONGEST_AUDIO_S * RATE_HZ)

    def hear(self, chunk: Event) -> Iterator[Event]:
        """Take audio. Raises BrokenEvent if it is too much."""
        self._add(self._sound.samples(chunk))
        yield from ()

    def _add(self, samples: Samples) -> None:
        self._left -= len(samples)
        if self._left < 0:
            raise BrokenEvent(f"at most {LONGEST_AUDIO_S:g} s of audio are heard")
        self._parts.append(samples)

    def finish(self) -> Iterator[Event]:
        """Yield the transcript, utterance by utterance and then as one. Raises Busy."""
        self._add(self._sound.rest())
        audio = np.concatenate([np.zeros(0, np.float32), *self._parts])
        text, language = "", None
        yield TranscriptStart().event()
        with closing(self._aside.transcribe(audio, self._cancelled)) as utterances:
            for utterance in utterances:
                before, text = text, clean(f"{text} {utterance.text}")
                language = language or utterance.language
                yield TranscriptChunk(text[len(before) :]).event()
        yield Transcript(text, language=language).event()
        yield TranscriptStop().event()

    def close(self) -> None:
        """There is nothing to give back."""


class WakeDetection:
    """Tells at once when a wake word is heard."""

    def __init__(self, services: Services, names: list[str] | None) -> None:
        """Listen for some of the words, or for all. Raises Busy."""
        self._names = names
        self._sound = Sound()
        self._lent = ExitStack()
        self._detector = self._lent.enter_context(services.detector())
        self._chunks = Rechunker(self._detector.chunk_samples)
        self._detected = False

    def hear(self, chunk: Event) -> Iterator[Event]:
        """Take audio, and yield what is detected in it."""
        for part in self._chunks.process(self._sound.samples(chunk)):
            found = self._detector.process(part)
            if found and (not self._names or found.word in self._names):
                self._detected = True
                yield Detection(found.word, round(found.at_s * 1000)).event()

    def finish(self) -> Iterator[Event]:
        """Tell if there was none."""
        if not self._detected:
            yield NotDetected().event()

    def close(self) -> None:
        """Give the detector back."""
        self._lent.close()


class Synthesis:
    """Speaks text that comes whole or in pieces: each sentence as soon as it is there."""

    def __init__(self, services: Services, cancelled: Cancelled, voice: Any) -> None:
        """`voice` is what the client tells of the voice. Raises BrokenEvent."""
        self._aside, self._cancelled = services.aside, cancelled
        name = (voice or {}).get("name") if isinstance(voice, dict | None) else voice
        if name not in (None, "", DEFAULT_VOICE, *self._aside.voices):
            raise BrokenEvent(f"there is no such voice; there are {', '.join(self._aside.voices)}")
        self._voice = "" if name in (None, DEFAULT_VOICE) else str(name)
        self._text = ""
        self._length = 0
        self._spoken_ms: int | None = None
        """Length of what was spoken so far; None before it began."""

    def add(self, text: str) -> Iterator[Event]:
        """Yield the speech of the sentences that are complete by now. Raises Busy."""
        self._length += len(text)
        if self._length > LONGEST_TEXT:
            raise BrokenEvent(f"at most {LONGEST_TEXT} characters are spoken")
        *whole, self._text = split_sentences(self._text + text) or [""]
        for sentence in whole:
            yield from self._speech(sentence)

    def finish(self, streamed: bool) -> Iterator[Event]:
        """Yield the rest, and that this was all."""
        text, self._text = self._text, ""
        yield from self._speech(text)
        if self._spoken_ms is not None:
            yield AudioStop(timestamp=self._spoken_ms).event()
        if streamed:
            yield SynthesizeStopped().event()

    def _speech(self, text: str) -> Iterator[Event]:
        if not any(map(str.isalnum, text)):
            return  # marks alone, as may stand between sentences
        said = Said((text,), detect_language(text), self._voice)
        rate_hz = self._aside.rate_hz
        with closing(self._aside.speak(said, self._cancelled)) as pieces:
            for samples in pieces:
                if self._spoken_ms is None:
                    self._spoken_ms = 0
                    yield AudioStart(rate_hz, 2, 1, timestamp=0).event()
                sound = to_int16(samples).astype("<i2").tobytes()
                yield AudioChunk(rate_hz, 2, 1, sound, timestamp=self._spoken_ms).event()
                self._spoken_ms += round(1000 * len(samples) / rate_hz)


def handled(services: Services, text: str, language: object) -> Iterator[Event]:
    """Yield the answer to a question, by the answer policy.

    Home Assistant waits for one of its own events here: it is told so that there is no answer.
    """
    if not 0 < len(text.strip()) <= MAX_QUESTION_CHARS:
        yield NotHandled(f"a question has 1 to {MAX_QUESTION_CHARS} characters").event()
        return
    wanted = str(language)[:2].lower()
    answer = services.answerer.answer_aside(text, wanted if wanted in ("zh", "en") else None)
    if answer is None:
        yield NotHandled("a spoken question comes first; ask again in a few seconds").event()
        return
    yield HandledStart().event()
    for sentence in split_sentences(answer.text):
        yield HandledChunk(sentence).event()
    yield Handled(answer.text).event()
    yield HandledStop().event()
