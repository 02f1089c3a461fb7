"""The recogniser's thread: audio of one utterance after the other in, words out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from asr import RATE_HZ, RecognizerStream, Samples
from kws import Detection
from voice.conversation import Conversation
from voice.engines import Ears
from voice.errors import HeanError, translated
from voice.events import (
    Bus,
    FinalTranscript,
    Outcome,
    PartialTranscript,
    SpeechEnded,
    StageFailed,
    TurnEnded,
)
from voice.threads import end
from voice.turn import Turn

PROBE_S = 2.6
"""Speech that calls nobody within this time is not listened to any longer: no wake word is as
long, and a room with a television would keep a processor busy."""
_BACKLOG = 4096
"""Chunks that may wait for the recogniser: two minutes, far more than one utterance."""


@dataclass(frozen=True)
class Begin:
    """Somebody begins to speak."""

    turn: Turn
    admitted: bool
    """Meant for the assistant because it waited for a question when this began."""


@dataclass(frozen=True)
class Hit:
    """A wake word engine found its word."""

    detection: Detection


@dataclass(frozen=True)
class Pause:
    """The person may have ended, or takes breath."""


@dataclass(frozen=True)
class End:
    """The utterance is over."""

    ended: SpeechEnded


Work = Begin | Samples | Hit | Pause | End


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
        confirmed: Callable[[str, Samples], bool] = lambda word, audio: True,
    ) -> None:
        """`known` tells whether a text is a question that can be answered as it is, `confirmed`
        whether the word that a wake word engine found is in the audio indeed."""
        self._known = known
        self._confirmed = confirmed
        self._ears = ears
        self._bus = bus
        self.conversation = conversation
        self._work: queue.Queue[Work | None] = queue.Queue(_BACKLOG)
        self._thread = threading.Thread(target=self._run, name="transcriber")
        self._utterance = self._new(Turn(0), admitted=False)

    @property
    def busy(self) -> bool:
        """Tell whether audio waits or is being decoded."""
        return self._work.unfinished_tasks > 0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def put(self, work: Work) -> None:
        """Hand over the beginning of an utterance, its audio, a pause in it, or its end."""
        self._work.put(work)

    def finish(self) -> None:
        """Transcribe what waits, then end the thread."""
        end(self._thread, self._work)

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                with translated():
                    self._do(work)
            except HeanError as error:
                turn = self._utterance.turn.number
                self._bus.publish(StageFailed(turn, error.code, error.message))
                self._bus.publish(TurnEnded(turn, Outcome.FAILED))
            self._work.task_done()

    def _do(self, work: Work) -> None:
        if isinstance(work, Begin):
            self._utterance = self._new(work.turn, work.admitted)
        elif isinstance(work, Hit):
            self._hit(work.detection)
        elif isinstance(work, Pause):
            self._pause()
        elif isinstance(work, End):
            self._end(work.ended)
        elif not self._utterance.ignored:
            self._hear(work)

    def _new(self, turn: Turn, admitted: bool) -> _Utterance:
        return _Utterance(turn, self._ears.recognizer.stream(), admitted)

    def _hear(self, audio: Samples) -> None:
        utterance = self._utterance
        utterance.stream.accept(audio)
        utterance.audio_s += len(audio) / RATE_HZ
        if utterance.audio_s < 2 * PROBE_S:
            utterance.head.append(audio)
        if utterance.followed:
            # In a pause nothing may delay the decoding that decides whether the person has ended.
            if self._work.empty() and not utterance.turn.quiet:
                self._show(utterance)
        elif utterance.audio_s >= PROBE_S:
            self._probe(last=True)

    def _show(self, utterance: _Utterance) -> str:
        """Publish the partial transcript if it says something new; return it."""
        text = utterance.stream.partial()
        if text and text != utterance.shown:
            utterance.shown = text
            self._bus.publish(PartialTranscript(utterance.turn.number, text))
        return text

    def _hit(self, detection: Detection) -> None:
        """Take a hit of the wake word engine, if speech recognition finds the word too."""
        utterance = self._utterance
        if utterance.called or not utterance.head:
            return
        if self._confirmed(detection.word, np.concatenate(utterance.head)):
            word, score = detection.word, detection.score
            utterance.called = self.conversation.detected(utterance.turn, word, score)

    def _pause(self) -> None:
        """Look whether the utterance calls the assistant, and whether it is complete."""
        self._probe(last=False)
        utterance = self._utterance
        if utterance.followed:
            text = self._repaired(self._show(utterance))
            utterance.turn.complete = self._known(self.conversation.question_in(text))

    def _probe(self, last: bool) -> None:
        """Look whether the utterance calls the assistant; after the last look it is ignored."""
        utterance = self._utterance
        if utterance.called or utterance.ignored:
            return
        # In a pause the stream decodes thoroughly; in speech that goes on it has to be done anew.
        text = self._repaired(self._look(utterance) if last else utterance.stream.partial())
        utterance.called = self.conversation.probe(utterance.turn, text)
        if last and not utterance.called:
            utterance.ignored = True
            self.conversation.heard(utterance.turn, "", "", admitted=False)

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
        if understood and (utterance.followed or self.conversation.probe(turn, understood)):
            question = self.conversation.question_in(understood) or understood
            self._bus.publish(
                FinalTranscript(turn.number, transcript.text, question, transcript.language)
            )
        self.conversation.heard(turn, understood, transcript.language, utterance.followed)

    def _repaired(self, text: str, language: str = "zh") -> str:
        return self._ears.repairer.repair(text, language)
