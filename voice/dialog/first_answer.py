"""Follows one question by microphone, for `hean ask --mic`."""

from __future__ import annotations

from collections.abc import Callable

from llm.answer import Answer
from voice.errors import HeanError, error_of
from voice.events import (
    AnswerReady,
    Event,
    FinalTranscript,
    Outcome,
    PlaybackEnded,
    PlaybackStarted,
    SpeechEnded,
    StageFailed,
    TurnEnded,
)
from voice.reply import Reply


class FirstAnswer:
    """Collects what becomes of the first question that is answered or fails, then calls `stop`.

    Coughs, and questions that a newer one replaced, are passed over. The first sound is timed from
    the answer, or from the transcript if that was spoken while the answer was composed.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.reply: Reply | None = None
        self.error: HeanError | None = None
        self._stop = stop
        self._heard: dict[int, str] = {}
        self._answers: dict[int, Answer] = {}
        self._seconds: dict[int, dict[str, float]] = {}
        self._before_s: dict[int, float] = {}
        """When the stage before ended, by turn."""

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, SpeechEnded):
            self._before_s[event.turn] = event.at_s
        elif isinstance(event, FinalTranscript):
            self._heard[event.turn] = event.heard
            self._time(event, "asr")
            self._before_s[event.turn] = event.at_s
        elif isinstance(event, AnswerReady):
            self._answers[event.turn] = event.answer
            self._seconds.setdefault(event.turn, {}).update(event.answer.seconds)
            self._before_s[event.turn] = event.at_s
        elif isinstance(event, PlaybackStarted):
            self._time(event, "first_sound")
        elif isinstance(event, PlaybackEnded):
            self._time(event, "speech")
        elif isinstance(event, StageFailed):
            self.error = self.error or error_of(event.stage, event.message)
        elif isinstance(event, TurnEnded):
            self._end(event)

    def _time(self, event: Event, stage: str) -> None:
        """Note the seconds from the end of the stage before; stages after one another."""
        before_s = self._before_s.get(event.turn, event.at_s)
        self._seconds.setdefault(event.turn, {})[stage] = event.at_s - before_s

    def _end(self, event: TurnEnded) -> None:
        if event.outcome is Outcome.ANSWERED:
            answer = self._answers[event.turn]
            self.reply = Reply(self._heard[event.turn], answer, self._seconds[event.turn])
        if event.outcome in (Outcome.ANSWERED, Outcome.FAILED):
            self._stop()
