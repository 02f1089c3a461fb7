"""The ear: finds where somebody speaks, and hands it on at once.

It does little for each chunk and is never late: a slow decoding delays nothing but itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from asr import RATE_HZ, Samples
from asr.endpoint import Boundary, Endpointer, EndpointRules, PreRoll
from kws import WakeWordDetector
from voice.audio import Microphone
from voice.audio.pcm import Rechunker, level_dbfs
from voice.engines import Ears
from voice.events import Bus, LevelMeasured, SpeechEnded, SpeechStarted
from voice.transcriber import Begin, End, Hit, Pause, Transcriber
from voice.turn import Turn, Turns

END_OF_AUDIO = "end_of_audio"
LEVEL_S = 0.25
"""How often the level is told, in seconds of audio."""
COMPLETE = "complete"
"""The pause is short, but what was said already is a known question."""
PAUSE_S = 0.19
"""Quiet after which it is looked whether the assistant was called, and what was asked."""
COMPLETE_S = 0.32
"""Quiet that ends a complete question: people pause for less between words."""


class Listener:
    """Follows a microphone and cuts what is said into utterances."""

    def __init__(
        self,
        ears: Ears,
        rules: EndpointRules,
        transcriber: Transcriber,
        turns: Turns,
        bus: Bus,
        detector: WakeWordDetector | None = None,
    ) -> None:
        """`detector` is a wake word engine; without one, wake words are found in transcripts."""
        self._detector = detector
        self._detector_chunks = Rechunker(detector.chunk_samples if detector else 1)
        self._vad = ears.vad
        self._chunk_s = ears.vad.chunk_samples / RATE_HZ
        self._endpointer = Endpointer(rules, self._chunk_s)
        self._silence_s = rules.silence_s
        self._pre_roll = PreRoll(rules)
        self._transcriber = transcriber
        self._conversation = transcriber.conversation
        self._turns = turns
        self._bus = bus
        self._turn: Turn | None = None
        self._audio_s = 0.0

    @property
    def speech(self) -> bool:
        """Tell whether somebody is speaking."""
        return self._turn is not None

    def listen(self, microphone: Microphone, hear: Callable[[Samples], Samples]) -> None:
        """Follow a microphone until it ends, in the calling thread.

        `hear` takes the assistant's own voice out of what the microphone delivers.
        """
        rechunker = Rechunker(self._vad.chunk_samples)
        meter = Rechunker(int(LEVEL_S * RATE_HZ))
        for audio in microphone.chunks():
            for quarter in meter.process(audio):
                self._bus.publish(LevelMeasured(0, level_dbfs(quarter)))
            for chunk in rechunker.process(hear(audio)):
                self._process(chunk)
        if self._turn is not None:
            self._end(END_OF_AUDIO)

    def _process(self, chunk: Samples) -> None:
        self._conversation.tick(self._chunk_s)
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
            else:
                self._detect(chunk)
                self._attend()

    def _attend(self) -> None:
        """Look after a pause whether the question is complete."""
        assert self._turn is not None
        self._turn.quiet = self._endpointer.trailing_silence_s > 0
        if self._pauses():
            self._turn.complete = False
            self._transcriber.put(Pause())
        elif self._turn.complete and self._endpointer.trailing_silence_s >= COMPLETE_S:
            self._end(COMPLETE)
            self._endpointer.reset()

    def _detect(self, chunk: Samples) -> None:
        """Let the wake word engine hear a chunk of speech."""
        if self._detector is None:
            return
        for part in self._detector_chunks.process(chunk):
            detection = self._detector.process(part)
            if detection:
                self._transcriber.put(Hit(detection))

    def _pauses(self) -> bool:
        """Tell whether the quiet has just become long enough for a pause."""
        quiet_s = self._endpointer.trailing_silence_s
        return quiet_s - self._chunk_s < PAUSE_S <= quiet_s

    def _begin(self, chunk: Samples) -> None:
        self._pre_roll.add(chunk)
        audio = self._pre_roll.take()
        self._turn = self._turns.create()
        self._audio_s = len(audio) / RATE_HZ
        self._bus.publish(SpeechStarted(self._turn.number))
        admitted = self._conversation.admits()
        self._conversation.speech_started()
        self._transcriber.put(Begin(self._turn, admitted))
        self._transcriber.put(audio)
        self._detect(audio)

    def _end(self, reason: str) -> None:
        assert self._turn is not None
        is_silence = reason == Boundary.SILENCE.value  # the endpointer then has forgotten it
        silence_s = self._silence_s if is_silence else self._endpointer.trailing_silence_s
        last_voiced_s = time.monotonic() - silence_s
        ended = SpeechEnded(self._turn.number, reason, self._audio_s, last_voiced_s)
        self._transcriber.put(End(ended))
        self._turn = None
