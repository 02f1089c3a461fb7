"""The thread that answers: takes one question at a time, speaks, and can be cut off.

Newest question wins: a question that arrives while another one waits replaces it.
"""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass

from llm.answer import Answerer
from voice.audio import Speaker
from voice.errors import HeanError, translated
from voice.events import (
    AnswerReady,
    Bus,
    Outcome,
    PlaybackEnded,
    PlaybackStarted,
    StageFailed,
    TurnEnded,
)
from voice.reply import speech
from voice.tts import Synthesizer
from voice.turn import Turn

APOLOGY = {
    "zh": "对不起，我这里出了故障。请听官方广播，紧急情况请打120。",
    "en": "Sorry, something failed here. Listen to official broadcasts; in an emergency call 120.",
}
_DRAIN_S = 120.0


@dataclass(frozen=True)
class Question:
    """An understood question that waits for its answer."""

    turn: Turn
    text: str
    language: str


class Responder:
    """Answers questions aloud, in a thread of its own."""

    def __init__(self, answerer: Answerer, voice: Synthesizer, speaker: Speaker, bus: Bus) -> None:
        self._answerer = answerer
        self._voice = voice
        self._speaker = speaker
        self._bus = bus
        self.speaking = False
        """True while an answer is being played. Read by the listener's thread."""
        self._waiting: queue.Queue[Question | None] = queue.Queue(1)
        self._thread = threading.Thread(target=self._work, name="responder")

    def start(self) -> None:
        """Begin to take questions."""
        self._thread.start()

    def ask(self, question: Question | None) -> None:
        """Hand over a question; one that still waits is dropped for it. None ends the thread."""
        while True:
            try:
                self._waiting.put_nowait(question)
            except queue.Full:
                self._drop_waiting()
            else:
                return

    def _drop_waiting(self) -> None:
        try:
            dropped = self._waiting.get_nowait()
        except queue.Empty:
            return
        if dropped is not None:
            self._bus.publish(TurnEnded(dropped.turn.number, Outcome.CANCELLED))

    def finish(self) -> None:
        """Answer what waits, then end the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (question := self._waiting.get()) is not None:
            try:
                with translated():
                    outcome = self._respond(question)
            except HeanError as error:
                self._bus.publish(StageFailed(question.turn.number, error.code, error.message))
                self._apologise(question)
                outcome = Outcome.FAILED
            self._bus.publish(TurnEnded(question.turn.number, outcome))

    def _respond(self, question: Question) -> Outcome:
        turn = question.turn
        answer = self._answerer.answer(question.text, question.language, turn.cancelled)
        if turn.cancelled():
            return Outcome.CANCELLED
        self._bus.publish(AnswerReady(turn.number, answer))
        self._play(turn, answer.text, answer.language)
        return Outcome.CANCELLED if turn.cancelled() else Outcome.ANSWERED

    def _play(self, turn: Turn, text: str, language: str) -> None:
        try:
            for samples in speech(text, language, self._voice, turn.cancelled):
                if turn.cancelled():
                    return
                if not self.speaking:
                    self.speaking = True
                    self._bus.publish(PlaybackStarted(turn.number))
                self._speaker.play(samples, self._voice.rate_hz, turn.number)
            self._speaker.drain(turn.number, _DRAIN_S)
            self._bus.publish(PlaybackEnded(turn.number))
        finally:
            self.speaking = False

    def _apologise(self, question: Question) -> None:
        try:
            with translated():
                self._play(question.turn, APOLOGY[question.language], question.language)
        except HeanError as error:
            # The voice itself is what failed: the screen and the log still tell.
            self._bus.publish(StageFailed(question.turn.number, error.code, error.message))
