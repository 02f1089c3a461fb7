"""The assistant in a room whose clock is the audio, with scripted stages."""

from __future__ import annotations

import numpy as np
import pytest

from asr import RATE_HZ, Samples
from tests.unit.knowledge_base import base_of
from tests.unit.scripted import ALARM, ENTRIES, WATER, Diary, Hum, answerer, ears, speech
from voice.app import Engines
from voice.clocked_room import BLOCK, ClockedRoom
from voice.config import Config, DialogConfig
from voice.errors import StageError
from voice.events import AnswerReady, Bus, Outcome, PlaybackEnded, StateChanged, TurnEnded
from voice.state import State

CONFIG = Config(dialog=DialogConfig(wake_word=False, echo_cancellation=False, follow_up_s=4.0))
NO_ECHO = np.zeros(1, np.float32)


def engines(voice: Hum) -> Engines:
    return Engines(base_of(*ENTRIES), ears(), answerer(), voice)


def quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def test_questions_are_answered_in_the_time_of_the_audio() -> None:
    room, bus, diary = ClockedRoom(CONFIG, NO_ECHO), Bus(), Diary()
    bus.subscribe(diary)
    at_s: dict[type, list[float]] = {}
    bus.subscribe(lambda event: at_s.setdefault(type(event), []).append(room.now_s))
    with room.listening(engines(Hum()), bus):
        room.hear(speech(0.2))
        room.hear(quiet(8.0))
        room.hear(speech(0.3))
        room.hear(quiet(8.0))
    assert room.now_s == pytest.approx(20.0, abs=BLOCK / RATE_HZ)
    assert [event.answer.question for event in diary.of(AnswerReady)] == [WATER, ALARM]
    assert [event.outcome for event in diary.of(TurnEnded)] == [Outcome.ANSWERED] * 2
    # Two sentences of half a second are spoken, then a further question is waited for.
    spoken_s = at_s[PlaybackEnded][0] - at_s[AnswerReady][0]
    assert spoken_s == pytest.approx(1.0, abs=0.1)
    states = zip(diary.of(StateChanged), at_s[StateChanged], strict=True)
    idle_s = [at for event, at in states if event.state is State.IDLE]
    assert idle_s[0] - at_s[PlaybackEnded][0] == pytest.approx(4.0, abs=0.1)
    assert room.microphone.given == room.microphone.taken


def test_the_end_of_the_audio_cuts_an_answer_off_and_closes_its_turn() -> None:
    room, bus, diary = ClockedRoom(CONFIG, NO_ECHO), Bus(), Diary()
    bus.subscribe(diary)
    with room.listening(engines(Hum()), bus):
        room.hear(speech(0.2))
    assert [event.turn for event in diary.of(TurnEnded)] == [1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_assistant_that_has_crashed_is_told() -> None:
    def crash(text: str) -> bool:
        raise AssertionError("a fault of the program")

    room = ClockedRoom(CONFIG, NO_ECHO)
    with (
        pytest.raises(StageError, match="the responder has crashed"),
        room.listening(engines(Hum(fails=crash)), Bus()),
    ):
        room.hear(speech(0.2))
        room.hear(quiet(5.0))
