from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from asr import RATE_HZ, Samples
from tests.unit.knowledge_base import base_of
from tests.unit.scripted import ALARM, ENTRIES, WATER, Diary, Hum, Script, answerer, ears, speech
from tests.virtual_audio import VirtualMicrophone, VirtualSpeaker
from voice.app import Assistant, Engines
from voice.audio import Microphone
from voice.config import Config, DialogConfig
from voice.devices import Devices
from voice.errors import DeviceError
from voice.events import (
    AnswerReady,
    Bus,
    FinalTranscript,
    LevelMeasured,
    Outcome,
    PartialTranscript,
    PlaybackStarted,
    SpeechEnded,
    SpeechStarted,
    StageFailed,
    TurnEnded,
)

CONFIG = Config(dialog=DialogConfig(wake_word=False, earcons=False))
FIRST, SECOND, BROKEN, COUGH, TORN = 0.2, 0.3, 0.4, 0.5, 0.7
"""How loud somebody says what; see `tests.unit.scripted`."""


class Room(Devices):
    """Devices in a room in which the assistant hears itself."""

    live = True


class LongSpeaker(VirtualSpeaker):
    """A loudspeaker that plays until it may end."""

    def __init__(self, rate_hz: int) -> None:
        super().__init__(rate_hz)
        self.may_end = threading.Event()

    def play(self, samples: Samples, rate_hz: int, turn: int) -> None:
        super().play(samples, rate_hz, turn)
        assert self.may_end.wait(60)


class Conversation:
    """An assistant with scripted stages, and what came of a microphone's audio."""

    def __init__(self, *, live: bool = False, config: Config = CONFIG) -> None:
        self.diary = Diary()
        self.voice = Hum()
        self.speaker = VirtualSpeaker(self.voice.rate_hz)
        self._live, self._config = live, config

    def hear(self, microphone: Microphone) -> Diary:
        """Listen until the microphone ends and all is answered."""
        bus = Bus()
        bus.subscribe(self.diary)
        engines = Engines(base_of(*ENTRIES), ears(), answerer(), self.voice)
        devices = (Room if self._live else Devices)(microphone, self.speaker)
        self.assistant = Assistant(self._config, engines, devices, bus)
        self.assistant.listen()
        return self.diary


def texts(diary: Diary) -> list[str]:
    return [event.heard for event in diary.events if isinstance(event, FinalTranscript)]


def outcomes(diary: Diary) -> dict[int, Outcome]:
    ended = [event for event in diary.events if isinstance(event, TurnEnded)]
    return {event.turn: event.outcome for event in ended}


def test_one_utterance_becomes_one_answered_turn() -> None:
    room = Conversation()
    microphone = VirtualMicrophone(RATE_HZ)
    for chunk in np.array_split(np.concatenate([np.zeros(RATE_HZ // 2), speech(FIRST)]), 50):
        microphone.feed(chunk)
    microphone.close()
    diary = room.hear(microphone)
    assert texts(diary) == [WATER]
    order = [type(event) for event in diary.events if event.turn == 1]
    steps = (SpeechStarted, SpeechEnded, FinalTranscript, AnswerReady, PlaybackStarted, TurnEnded)
    assert [kind for kind in order if kind in steps] == list(steps)
    assert outcomes(diary) == {1: Outcome.ANSWERED}
    assert room.speaker.audio(1).size


def test_its_length_and_its_end_are_told() -> None:
    diary = Conversation().hear(Script(speech(COUGH, 1.5)))  # a question may end sooner, if known
    [ended] = diary.of(SpeechEnded)
    assert isinstance(ended, SpeechEnded)
    assert ended.reason == "silence"
    silence_s = CONFIG.vad.silence_s
    assert ended.audio_s == pytest.approx(1.5 + silence_s, abs=0.1)
    assert ended.last_voiced_s <= ended.at_s - silence_s + 0.1


def test_two_utterances_become_two_turns() -> None:
    room = Conversation()
    diary = room.hear(
        Script(speech(FIRST), lambda: room.diary.wait_for(TurnEnded, 1), speech(SECOND))
    )
    assert texts(diary) == [WATER, ALARM]
    assert outcomes(diary) == {1: Outcome.ANSWERED, 2: Outcome.ANSWERED}


def test_a_new_question_cancels_the_answer_before() -> None:
    room = Conversation()
    diary = room.hear(
        Script(
            room.voice.may_speak.clear,
            speech(FIRST),
            lambda: room.diary.wait_for(AnswerReady, 1),
            speech(SECOND),
            lambda: room.diary.wait_for(FinalTranscript, 2),
            room.voice.may_speak.set,
        )
    )
    assert outcomes(diary) == {1: Outcome.CANCELLED, 2: Outcome.ANSWERED}
    assert not room.speaker.audio(1).size
    assert room.speaker.audio(2).size


def test_audio_that_ends_in_the_middle_of_speech_is_still_answered() -> None:
    diary = Conversation().hear(Script(speech(FIRST)[: RATE_HZ // 2]))
    [ended] = diary.of(SpeechEnded)
    assert isinstance(ended, SpeechEnded)
    assert ended.reason == "end_of_audio"
    assert outcomes(diary) == {1: Outcome.ANSWERED}


def test_of_a_monologue_the_beginning_is_answered_and_the_rest_ignored() -> None:
    config = replace(CONFIG, asr=replace(CONFIG.asr, max_utterance_s=3.0))
    diary = Conversation(config=config).hear(Script(np.zeros(RATE_HZ), speech(FIRST, 9.0)))
    [ended] = diary.of(SpeechEnded)
    assert isinstance(ended, SpeechEnded)
    assert ended.reason == "too_long"
    assert ended.audio_s == pytest.approx(3.0, abs=0.1)
    assert len(diary.of(SpeechStarted)) == 1
    assert outcomes(diary) == {1: Outcome.ANSWERED}


@pytest.mark.parametrize("audio", [np.zeros(3 * RATE_HZ), speech(FIRST, 0.03), np.zeros(0)])
def test_silence_and_clicks_are_no_speech(audio: np.ndarray) -> None:
    events = Conversation().hear(Script(audio)).events
    assert [event for event in events if not isinstance(event, LevelMeasured)] == []


def test_speech_that_is_not_understood_ends_its_turn() -> None:
    diary = Conversation().hear(Script(speech(COUGH)))
    assert texts(diary) == []
    assert outcomes(diary) == {1: Outcome.NOTHING_HEARD}


def test_a_recogniser_that_fails_is_told_and_the_next_question_is_heard() -> None:
    room = Conversation()
    diary = room.hear(
        Script(speech(BROKEN), lambda: room.diary.wait_for(TurnEnded, 1), speech(FIRST))
    )
    [failed] = diary.of(StageFailed)
    assert isinstance(failed, StageFailed)
    assert failed.message == "the recogniser has failed"
    assert outcomes(diary) == {1: Outcome.FAILED, 2: Outcome.ANSWERED}


def test_who_repeats_at_once_what_failed_at_a_pause_is_heard() -> None:
    room = Conversation()
    short = CONFIG.vad.silence_s - 0.2
    torn = speech(TORN)[: int((1.0 + short) * RATE_HZ)]
    diary = room.hear(Script(torn, lambda: room.diary.wait_for(TurnEnded, 1), speech(FIRST)))
    assert texts(diary) == [WATER]
    assert outcomes(diary) == {1: Outcome.FAILED, 2: Outcome.ANSWERED}


def test_partial_transcripts_come_before_the_final_one_and_never_twice() -> None:
    diary = Conversation().hear(Script(speech(FIRST, 2.0)))
    partial = [event.text for event in diary.events if isinstance(event, PartialTranscript)]
    assert len(partial) == len(set(partial))
    final = next(n for n, event in enumerate(diary.events) if isinstance(event, FinalTranscript))
    assert not any(isinstance(event, PartialTranscript) for event in diary.events[final:])


def test_in_a_room_it_does_not_hear_its_own_voice() -> None:
    room = Conversation(live=True)
    room.speaker = LongSpeaker(room.voice.rate_hz)
    own_voice = speech(SECOND)
    diary = room.hear(
        Script(
            speech(FIRST),
            lambda: room.diary.wait_for(PlaybackStarted, 1),
            own_voice,
            room.speaker.may_end.set,
            lambda: room.diary.wait_for(TurnEnded, 1),
            speech(FIRST),
        )
    )
    assert texts(diary) == [WATER, WATER]
    ended = {1: Outcome.ANSWERED, 2: Outcome.IGNORED, 3: Outcome.ANSWERED}
    assert outcomes(diary) == ended


def test_a_lost_microphone_ends_the_assistant_and_leaves_no_thread() -> None:
    with pytest.raises(DeviceError, match="the microphone is lost"):
        Conversation().hear(Script(speech(FIRST), lost=True))
    left = {thread.name for thread in threading.enumerate()}
    assert not left & {"transcriber", "responder"}


def test_an_interruption_silences_everything() -> None:
    room = Conversation()

    def interrupt() -> None:
        room.diary.wait_for(AnswerReady, 1)
        threading.Timer(0.2, room.voice.may_speak.set).start()
        room.assistant.interrupt()

    room.hear(Script(room.voice.may_speak.clear, speech(FIRST), interrupt))
    assert outcomes(room.diary) == {1: Outcome.CANCELLED}
    assert room.speaker.played == []


def test_a_question_understood_after_the_interruption_is_not_answered() -> None:
    room = Conversation()
    room.hear(Script(speech(FIRST), lambda: room.assistant.interrupt()))
    assert outcomes(room.diary) == {1: Outcome.CANCELLED}
    assert room.diary.of(AnswerReady) == []
    assert room.speaker.played == []
    left = {thread.name for thread in threading.enumerate()}
    assert not left & {"transcriber", "responder"}


def test_what_is_being_said_at_an_interruption_is_not_transcribed() -> None:
    room = Conversation()
    half = speech(FIRST)[: RATE_HZ // 2]
    diary = room.hear(Script(half, lambda: room.assistant.interrupt()))
    assert len(diary.of(SpeechStarted)) == 1
    assert diary.of(SpeechEnded) == diary.of(FinalTranscript) == []
