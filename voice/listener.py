"""The ear: a thread that finds where somebody speaks, and one that turns it into words.

The first does little for each chunk and is never late; the second owns the recogniser, so that a
slow decoding delays nothing but itself.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from asr import RATE_HZ, Samples, Transcript
from asr.endpoint import Boundary, Endpointer, EndpointRules, PreRoll
from voice.audio import Microphone
from voice.audio.pcm import Rechunker
from voice.engines import Ears
from voice.errors import HeanError, translated
from voice.events import (
    Bus,
    FinalTranscript,
    Outcome,
    PartialTranscript,
    SpeechEnded,
    SpeechStarted,
    StageFailed,
    TurnEnded,
)
from voice.turn import Turn, Turns

END_OF_AUDIO = "end_of_audio"
_BACKLOG = 4096
"""Chunks that may wait for the recogniser: two minutes, far more than one utterance."""

Heard = Callable[[Turn, str, str], None]
"""Called with turn, understood text and language of each question."""


@dataclass(frozen=True)
class _Begin:
    turn: Turn


@dataclass(frozen=True)
class _End:
    ended: SpeechEnded


class Transcriber:
    """The recogniser's thread: audio of one utterance after the other in, words out."""

    def __init__(self, ears: Ears, bus: Bus, heard: Heard) -> None:
        self._ears = ears
        self._bus = bus
        self._heard = heard
        self._work: queue.Queue[_Begin | Samples | _End | None] = queue.Queue(_BACKLOG)
        self._thread = threading.Thread(target=self._run, name="transcriber")

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, work: _Begin | Samples | _End) -> None:
        """Hand over the beginning of an utterance, its audio, or its end."""
        self._work.put(work)

    def finish(self) -> None:
        """Transcribe what waits, then end the thread."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        turn = Turn(0)
        stream = self._ears.recognizer.stream()
        shown = ""
        while (work := self._work.get()) is not None:
            try:
                with translated():
                    if isinstance(work, _Begin):
                        turn, stream, shown = work.turn, self._ears.recognizer.stream(), ""
                    elif isinstance(work, _End):
                        self._bus.publish(work.ended)
                        self._finish(turn, stream.finish())
                    else:
                        stream.accept(work)
                        shown = self._show(turn, stream.partial, shown)
            except HeanError as error:
                self._bus.publish(StageFailed(turn.number, error.code, error.message))
                self._bus.publish(TurnEnded(turn.number, Outcome.FAILED))

    def _show(self, turn: Turn, partial: Callable[[], str], shown: str) -> str:
        """Publish a partial transcript if there is time for one and it says something new."""
        if not self._work.empty():
            return shown
        text = partial()
        if text and text != shown:
            self._bus.publish(PartialTranscript(turn.number, text))
            return text
        return shown

    def _finish(self, turn: Turn, transcript: Transcript) -> None:
        if not transcript.text:
            self._bus.publish(TurnEnded(turn.number, Outcome.NOTHING_HEARD))
            return
        understood = self._ears.repairer.repair(transcript.text, transcript.language)
        self._bus.publish(
            FinalTranscript(turn.number, transcript.text, understood, transcript.language)
        )
        self._heard(turn, understood, transcript.language)


class Listener:
    """Follows a microphone and cuts what is said into utterances."""

    def __init__(
        self, ears: Ears, rules: EndpointRules, transcriber: Transcriber, turns: Turns, bus: Bus
    ) -> None:
        self._vad = ears.vad
        self._chunk_s = ears.vad.chunk_samples / RATE_HZ
        self._endpointer = Endpointer(rules, self._chunk_s)
        self._silence_s = rules.silence_s
        self._pre_roll = PreRoll(rules)
        self._transcriber = transcriber
        self._turns = turns
        self._bus = bus
        self._turn: Turn | None = None
        self._audio_s = 0.0

    def listen(self, microphone: Microphone, deaf: Callable[[], bool]) -> None:
        """Follow a microphone until it ends, in the calling thread.

        What comes in while `deaf()` is true is not heard: the assistant's own voice.
        """
        rechunker = Rechunker(self._vad.chunk_samples)
        for audio in microphone.chunks():
            for chunk in rechunker.process(audio):
                self._process(np.zeros_like(chunk) if deaf() else chunk)
        if self._turn is not None:
            self._end(END_OF_AUDIO)

    def _process(self, chunk: Samples) -> None:
        boundary = self._endpointer.process(self._vad.probability(chunk) >= 0.5)
        if boundary is Boundary.START:
            self._begin(chunk)
        elif self._turn is None:
            self._pre_roll.add(chunk)
        else:
            self._transcriber.put(chunk)
            self._audio_s += self._chunk_s
            if boundary is not None:
                self._end(boundary.value)

    def _begin(self, chunk: Samples) -> None:
        self._pre_roll.add(chunk)
        audio = self._pre_roll.take()
        self._turn = self._turns.create()
        self._audio_s = len(audio) / RATE_HZ
        self._bus.publish(SpeechStarted(self._turn.number))
        self._transcriber.put(_Begin(self._turn))
        self._transcriber.put(audio)

    def _end(self, reason: str) -> None:
        assert self._turn is not None
        is_silence = reason == Boundary.SILENCE.value
        silence_s = self._silence_s if is_silence else self._endpointer.trailing_silence_s
        last_voiced_s = time.monotonic() - silence_s
        ended = SpeechEnded(self._turn.number, reason, self._audio_s, last_voiced_s)
        self._transcriber.put(_End(ended))
        self._turn = None
