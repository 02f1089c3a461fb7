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

from asr import RATE_HZ, RecognizerStream, Samples
from asr.endpoint import Boundary, Endpointer, EndpointRules, PreRoll
from voice.audio import Microphone
from voice.audio.pcm import Rechunker
from voice.conversation import Conversation
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
COMPLETE = "complete"
"""The pause is short, but what was said already is a known question."""
PROBE_S = 2.6
"""Speech that calls nobody within this time is not listened to any longer: no wake word is as
long, and a room with a television would keep a processor busy."""
PAUSE_S = 0.26
"""Quiet after which it is looked whether the assistant was called."""
_BACKLOG = 4096
"""Chunks that may wait for the recogniser: two minutes, far more than one utterance."""


@dataclass(frozen=True)
class _Begin:
    turn: Turn


@dataclass(frozen=True)
class _Pause:
    """The person may have ended, or takes breath."""


@dataclass(frozen=True)
class _End:
    ended: SpeechEnded


_Work = _Begin | Samples | _Pause | _End


class _Utterance:
    """What is being said."""

    def __init__(self, turn: Turn, stream: RecognizerStream, admitted: bool) -> None:
        self.turn = turn
        self.stream = stream
        self.admitted = admitted
        """Meant for the assistant because it waits for a question."""
        self.called = False
        """Meant for it because it begins with a wake word."""
        self.ignored = False
        self.audio_s = 0.0
        self.head: list[Samples] = []
        """The beginning, for a look at who is called."""
        self.shown = ""

    @property
    def followed(self) -> bool:
        """Tell whether it is meant for the assistant, as far as is known."""
        return (self.admitted or self.called) and not self.ignored


class Transcriber:
    """The recogniser's thread: audio of one utterance after the other in, words out.

    What is not meant for the assistant is neither shown nor kept.
    """

    def __init__(
        self,
        ears: Ears,
        bus: Bus,
        conversation: Conversation,
        known: Callable[[str], bool] = lambda text: False,
    ) -> None:
        """`known` tells whether a text is a question that can be answered as it is."""
        self._known = known
        self._ears = ears
        self._bus = bus
        self._conversation = conversation
        self._work: queue.Queue[_Work | None] = queue.Queue(_BACKLOG)
        self._thread = threading.Thread(target=self._run, name="transcriber")
        self._utterance = self._new(Turn(0))

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, work: _Work) -> None:
        """Hand over the beginning of an utterance, its audio, a pause in it, or its end."""
        self._work.put(work)

    def finish(self) -> None:
        """Transcribe what waits, then end the thread."""
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                with translated():
                    self._do(work)
            except HeanError as error:
                turn = self._utterance.turn.number
                self._bus.publish(StageFailed(turn, error.code, error.message))
                self._bus.publish(TurnEnded(turn, Outcome.FAILED))

    def _do(self, work: _Work) -> None:
        if isinstance(work, _Begin):
            self._utterance = self._new(work.turn)
        elif isinstance(work, _Pause):
            self._pause()
        elif isinstance(work, _End):
            self._end(work.ended)
        elif not self._utterance.ignored:
            self._hear(work)

    def _new(self, turn: Turn) -> _Utterance:
        return _Utterance(turn, self._ears.recognizer.stream(), self._conversation.admits())

    def _hear(self, audio: Samples) -> None:
        utterance = self._utterance
        utterance.stream.accept(audio)
        utterance.audio_s += len(audio) / RATE_HZ
        if utterance.audio_s < 2 * PROBE_S:
            utterance.head.append(audio)
        if utterance.followed:
            self._show(utterance)
        elif utterance.audio_s >= PROBE_S:
            self._probe(last=True)

    def _show(self, utterance: _Utterance) -> None:
        """Publish a partial transcript if there is time for one and it says something new."""
        if not self._work.empty():
            return
        text = utterance.stream.partial()
        if text and text != utterance.shown:
            utterance.shown = text
            self._bus.publish(PartialTranscript(utterance.turn.number, text))

    def _pause(self) -> None:
        """Look whether the utterance calls the assistant, and whether it is complete."""
        self._probe(last=False)
        utterance = self._utterance
        if utterance.followed:
            text = self._repaired(utterance.stream.partial())
            utterance.turn.complete = self._known(self._conversation.question_in(text))

    def _probe(self, last: bool) -> None:
        """Look whether the utterance calls the assistant; after the last look it is ignored."""
        utterance = self._utterance
        if utterance.followed or utterance.ignored:
            return
        # In a pause the stream decodes thoroughly; in speech that goes on it has to be done anew.
        text = self._repaired(self._look(utterance) if last else utterance.stream.partial())
        utterance.called = self._conversation.probe(utterance.turn, text)
        if last and not utterance.called:
            utterance.ignored = True
            self._conversation.heard(utterance.turn, "", "", admitted=False)

    def _look(self, utterance: _Utterance) -> str:
        stream = self._ears.recognizer.stream()
        stream.accept(np.concatenate(utterance.head))
        return stream.finish().text

    def _end(self, ended: SpeechEnded) -> None:
        utterance = self._utterance
        if utterance.ignored:
            return
        if utterance.followed:
            self._bus.publish(ended)
        transcript = utterance.stream.finish()
        understood = self._repaired(transcript.text, transcript.language)
        turn = utterance.turn
        if understood and (utterance.followed or self._conversation.probe(turn, understood)):
            question = self._conversation.question_in(understood) or understood
            self._bus.publish(
                FinalTranscript(turn.number, transcript.text, question, transcript.language)
            )
        self._conversation.heard(turn, understood, transcript.language, utterance.admitted)

    def _repaired(self, text: str, language: str = "zh") -> str:
        return self._ears.repairer.repair(text, language)


class Listener:
    """Follows a microphone and cuts what is said into utterances."""

    def __init__(
        self,
        ears: Ears,
        rules: EndpointRules,
        transcriber: Transcriber,
        conversation: Conversation,
        turns: Turns,
        bus: Bus,
    ) -> None:
        self._vad = ears.vad
        self._chunk_s = ears.vad.chunk_samples / RATE_HZ
        self._endpointer = Endpointer(rules, self._chunk_s)
        self._silence_s = rules.silence_s
        self._pre_roll = PreRoll(rules)
        self._transcriber = transcriber
        self._conversation = conversation
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
        for audio in microphone.chunks():
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
            elif self._pauses():
                self._turn.complete = False
                self._transcriber.put(_Pause())
            elif self._turn.complete and self._endpointer.trailing_silence_s >= PAUSE_S:
                self._end(COMPLETE)
                self._endpointer.reset()

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
        self._conversation.speech_started()
        self._transcriber.put(_Begin(self._turn))
        self._transcriber.put(audio)

    def _end(self, reason: str) -> None:
        assert self._turn is not None
        is_silence = reason == Boundary.SILENCE.value  # the endpointer then has forgotten it
        silence_s = self._silence_s if is_silence else self._endpointer.trailing_silence_s
        last_voiced_s = time.monotonic() - silence_s
        ended = SpeechEnded(self._turn.number, reason, self._audio_s, last_voiced_s)
        self._transcriber.put(_End(ended))
        self._turn = None
