from __future__ import annotations

from dataclasses import replace

from tests.unit.scripted import WATER, answerer
from voice.dialog.first_answer import FirstAnswer
from voice.errors import DeviceError, StageError
from voice.events import (
    AnswerReady,
    Event,
    FinalTranscript,
    Outcome,
    PlaybackEnded,
    PlaybackStarted,
    SpeechEnded,
    SpeechStarted,
    StageFailed,
    TurnEnded,
)

ANSWER = answerer().answer(WATER, "zh")


def answered(turn: int) -> list[Event]:
    """Return the events of a turn, one second apart."""
    return [
        SpeechStarted(turn, at_s=0),
        SpeechEnded(turn, "silence", 2.0, 0.2, at_s=1),
        FinalTranscript(turn, "自来睡还能喝吗", WATER, "zh", at_s=2),
        AnswerReady(turn, ANSWER, at_s=3),
        PlaybackStarted(turn, at_s=4),
        PlaybackEnded(turn, at_s=8),
        TurnEnded(turn, Outcome.ANSWERED, at_s=8),
    ]


def follow(*events: Event) -> tuple[FirstAnswer, int]:
    """Return what was collected, and how often the microphone was stopped."""
    stops: list[bool] = []
    first = FirstAnswer(lambda: stops.append(True))
    for event in events:
        first(event)
    return first, len(stops)


def test_the_answered_question_is_kept_with_the_seconds_of_its_stages() -> None:
    first, stops = follow(*answered(1))
    assert first.reply
    assert (first.reply.heard, first.reply.answer) == ("自来睡还能喝吗", ANSWER)
    decide = ANSWER.seconds["decide"]
    assert first.reply.seconds == {"asr": 1, "decide": decide, "first_sound": 1, "speech": 5}
    assert (first.error, stops) == (None, 1)


def test_the_first_sound_of_an_answer_that_is_still_composed_counts_from_the_transcript() -> None:
    ended, heard, ready, started, *rest = answered(1)[1:]
    first, _ = follow(ended, heard, replace(started, at_s=3), replace(ready, at_s=4), *rest)
    assert first.reply
    assert (first.reply.seconds["asr"], first.reply.seconds["first_sound"]) == (1, 1)


def test_coughs_and_replaced_questions_are_passed_over() -> None:
    cough = [SpeechStarted(1), SpeechEnded(1, "silence", 0.2, 0.0)]
    cough += [TurnEnded(1, Outcome.NOTHING_HEARD)]
    replaced = [*answered(2)[:4], TurnEnded(2, Outcome.CANCELLED)]
    assert follow(*cough, *replaced)[1] == 0
    first, stops = follow(*cough, *replaced, *answered(3))
    assert first.reply
    assert stops == 1


def test_a_failure_is_an_error_with_the_right_exit_code() -> None:
    begun = answered(1)[:3]
    for code, kind in (("stage", StageError), ("device", DeviceError), ("unheard of", StageError)):
        failed = [StageFailed(1, code, "it has failed"), TurnEnded(1, Outcome.FAILED)]
        first, stops = follow(*begun, *failed)
        assert type(first.error) is kind
        assert str(first.error) == "it has failed"
        assert (first.reply, stops) == (None, 1)
