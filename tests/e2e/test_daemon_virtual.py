"""Scenes with the whole daemon in memory: real models, exact clocks, faster than real time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from llm.answer import Answer, Answerer
from tests.daemon_lab import (
    CALL,
    CONFIG,
    PLAYED_HZ,
    SOUND,
    pink_noise,
)
from tests.virtual_room import VirtualRoom
from voice.app import Engines
from voice.audio import Samples
from voice.audio.clocked import room_response
from voice.audio.pcm import SILENCE_DBFS, level_dbfs
from voice.config import AudioConfig, Config
from voice.events import (
    AnswerReady,
    FinalTranscript,
    Outcome,
    PlaybackEnded,
    PlaybackStarted,
    TurnCancelled,
    TurnEnded,
    WakeWordDetected,
)
from voice.reply import speech
from voice.state import State

pytestmark = pytest.mark.models


@contextmanager
def scene(
    engines: Engines, config: Config = CONFIG, noise: Samples | None = None, echo: float = 0.0
) -> Iterator[VirtualRoom]:
    """A room in which an assistant listens; `echo` is how loud it hears itself."""
    room = VirtualRoom(noise=noise, echo=echo * room_response() if echo else None)
    with room.listening(config, engines):
        room.wait(1.0)
        yield room


def outcomes(room: VirtualRoom, mark: int = 0) -> list[Outcome]:
    return [event.outcome for event in room.since(mark, TurnEnded)]


def sound_s(samples: Samples) -> float:
    """Seconds from the first sound to the last."""
    loud = np.flatnonzero(np.abs(samples) > SOUND)
    return float(loud[-1] - loud[0]) / PLAYED_HZ if len(loud) else 0.0


def answer_s(engines: Engines, entry: str) -> float:
    """Length of an answer, in seconds."""
    text = next(e.answer for e in engines.knowledge.entries if e.id == entry)
    return sound_s(np.concatenate(list(speech(text, "zh", engines.voice))))


def ask(room: VirtualRoom, question: str = "wake/breath") -> int:
    """Ask in one breath, and wait until the answer has been spoken for a second."""
    mark = room.mark()
    room.say(question)
    room.until(PlaybackStarted, mark)
    room.wait(1.0)
    return room.mark()


def test_call_and_question_in_one_breath(household: Engines) -> None:
    with scene(household) as room:
        room.say("wake/breath")
        spoken_s = room.now_s()
        started = room.until(PlaybackStarted)
        assert room.at_s(started) - spoken_s < 0.6  # all that is waited for, computing apart
        ended = room.until(PlaybackEnded)
        assert room.entries() == ["zh.iodine.when"]
        length_s = answer_s(household, "zh.iodine.when")
        assert room.at_s(ended) - room.at_s(started) == pytest.approx(length_s, abs=0.5)
        room.until_state(State.FOLLOW_UP)


def test_call_then_a_pause_then_the_question(household: Engines) -> None:
    with scene(household) as room:
        room.say("wake/wake")
        room.until_state(State.LISTENING)
        room.wait(1.0)
        assert sound_s(room.played()) == pytest.approx(0.14, abs=0.07)  # the earcon
        room.say("wake/water")
        room.until(PlaybackEnded)
        assert room.entries() == ["zh.food-water.tap-water"]


def test_waiting_for_a_question_ends(household: Engines) -> None:
    with scene(household) as room:
        room.say("wake/wake")
        room.until_state(State.LISTENING)
        mark = room.mark()
        room.until_state(State.IDLE, mark, CONFIG.dialog.listen_s + CONFIG.dialog.follow_up_s)
        room.say("wake/water")
        room.wait(3.0)
        assert not room.since(0, AnswerReady)


def test_a_follow_up_needs_no_call_but_later_one_is_needed(household: Engines) -> None:
    with scene(household) as room:
        room.say("wake/breath")
        room.until_state(State.FOLLOW_UP)
        room.wait(1.0)
        mark = room.mark()
        room.say("wake/water")
        room.until_state(State.FOLLOW_UP, mark)
        assert room.entries(mark) == ["zh.food-water.tap-water"]
        room.until_state(State.IDLE, mark)
        mark = room.mark()
        room.say("wake/water")
        room.wait(4.0)
        assert outcomes(room, mark) == [Outcome.IGNORED]


def test_a_conversation_in_the_room_is_ignored(household: Engines) -> None:
    with scene(household, noise=0.02 * pink_noise(20)) as room:
        for _ in range(2):
            room.say("wake/talk", "en-shelter", "wake/water")  # on and on, as a television does
            room.wait(2.0)
        assert room.assistant.conversation.state is State.IDLE
        assert not room.since(0, WakeWordDetected) + room.since(0, FinalTranscript)
        assert set(outcomes(room)) == {Outcome.IGNORED}
        assert sound_s(room.played()) == 0


def test_the_wake_word_interrupts_an_answer(household: Engines) -> None:
    with scene(household) as room:
        mark = ask(room)
        room.say("wake/wake")
        room.until(TurnCancelled, mark, within_s=1.0)
        room.wait(0.3)
        silent_from = len(room.played())
        room.until_state(State.LISTENING, mark)
        room.say("wake/water")
        assert level_dbfs(room.played()[silent_from:]) == SILENCE_DBFS
        room.until(PlaybackEnded, mark, where=lambda event: event.turn > 1)
        assert room.entries(mark) == ["zh.food-water.tap-water"]


def test_a_question_interrupts_an_answer(household: Engines) -> None:
    with scene(household, echo=0.3) as room:
        ask(room)
        room.wait(4.5)  # the echo is known
        mark = room.mark()
        room.say("wake/water")
        room.until(AnswerReady, mark, within_s=2.0)
        assert room.entries(mark) == ["zh.food-water.tap-water"]
        assert [event.by for event in room.since(mark, TurnCancelled)] == ["question"]


def test_the_stop_word_ends_an_answer_without_a_call(household: Engines) -> None:
    with scene(household) as room:
        mark = ask(room)
        room.say("wake/stop")
        room.until_state(State.IDLE, mark, within_s=2.0)
        room.wait(0.5)
        silent_from = len(room.played())
        room.wait(3.0)
        assert level_dbfs(room.played()[silent_from:]) == SILENCE_DBFS
        assert Outcome.CANCELLED in outcomes(room, mark)


class Pondering:
    """An answerer that never comes to an end by itself."""

    def __init__(self, inner: Answerer) -> None:
        self.retriever, self.prefill = inner.retriever, inner.prefill
        self.replies = inner.replies
        self.ponders = False
        self._inner = inner

    def answer(self, text: str, language: str, cancelled: Callable[[], bool], *rest: Any) -> Answer:
        self.ponders = True
        while not cancelled():
            time.sleep(0.001)
        self.ponders = False
        return self._inner.answer(text, language, cancelled, *rest)


def test_the_stop_word_ends_thinking(household: Engines) -> None:
    slow = Pondering(household.answerer)
    with scene(replace(household, answerer=slow)) as room:  # type: ignore[arg-type]
        room.ponders = lambda: slow.ponders
        room.say("wake/breath")
        room.until_state(State.THINKING)
        mark = room.mark()
        room.wait(2.0)
        room.say("wake/stop")
        room.until_state(State.IDLE, mark, within_s=2.0)
        room.wait(1.0)
        assert Outcome.CANCELLED in outcomes(room, mark)
        assert not room.since(0, PlaybackStarted)


def test_after_a_false_interruption_the_answer_goes_on_without_loss(household: Engines) -> None:
    with scene(household) as room:
        ask(room)
        room.say("wake/hm")
        room.until(PlaybackEnded)
        assert outcomes(room)[-1] is Outcome.ANSWERED
        assert not room.since(0, TurnCancelled)
        voice = room.played()
        loud = np.abs(voice) > SOUND
        whole = np.concatenate(
            list(speech(room.since(0, AnswerReady)[0].answer.text, "zh", household.voice))
        )
        heard_s, whole_s = (np.count_nonzero(x) / PLAYED_HZ for x in (loud, np.abs(whole) > SOUND))
        assert heard_s == pytest.approx(whole_s, rel=0.05)


@pytest.mark.parametrize("loudness", [0.1, 0.5])
def test_it_never_hears_itself(household: Engines, loudness: float) -> None:
    with scene(household, noise=0.003 * pink_noise(20), echo=loudness) as room:
        room.say("wake/wake")
        room.until_state(State.LISTENING)
        room.wait(0.5)
        room.say("wake/call")
        room.until(PlaybackStarted)
        assert room.entries() == [CALL.id]
        mark = room.mark()  # from here on it says its own wake word, and nobody else speaks
        room.until_state(State.IDLE, mark)
        room.wait(2.0)
        assert not room.since(mark, WakeWordDetected) + room.since(mark, TurnCancelled)
        assert outcomes(room, mark).count(Outcome.ANSWERED) == 1
        assert not room.since(mark, AnswerReady)


def test_without_echo_cancellation_it_does_not_hear_itself_either(household: Engines) -> None:
    deaf = replace(CONFIG, dialog=replace(CONFIG.dialog, echo_cancellation=False))
    with scene(household, deaf, noise=0.003 * pink_noise(20), echo=0.5) as room:
        room.say("wake/wake")
        room.until_state(State.LISTENING)
        room.wait(0.5)
        room.say("wake/call")
        room.until(PlaybackStarted)
        mark = room.mark()
        room.until_state(State.IDLE, mark)
        room.wait(2.0)
        assert not room.since(mark, WakeWordDetected) + room.since(mark, AnswerReady)


def test_without_echo_cancellation_the_wake_word_interrupts(household: Engines) -> None:
    deaf = replace(CONFIG, dialog=replace(CONFIG.dialog, echo_cancellation=False))
    with scene(household, deaf, noise=0.003 * pink_noise(20), echo=0.2) as room:
        ask(room)
        room.wait(1.0)
        mark = room.mark()
        room.say("wake/wake")
        room.until(TurnCancelled, mark, within_s=1.5)
        assert [event.by for event in room.since(mark, TurnCancelled)] == ["wake word"]
        room.wait(1.0)
        room.say("wake/water")
        room.until(PlaybackStarted, mark)
        assert room.entries(mark) == ["zh.food-water.tap-water"]


def test_two_speakers_one_after_the_other(household: Engines) -> None:
    with scene(household) as room:
        room.say("wake/wake")
        room.wait(1.0)
        mark = room.mark()
        room.say("wake/talk")
        room.wait(0.5)
        room.say("wake/water")
        room.until(PlaybackEnded, mark)
        assert room.entries(mark)[-1] == "zh.food-water.tap-water"


def test_repeat_louder_and_slower(household: Engines) -> None:
    soft = replace(CONFIG, audio=AudioConfig(volume=0.5))
    with scene(household, soft) as room:
        room.say("wake/breath")
        room.until(PlaybackStarted)
        room.wait(1.0)
        levels, lengths_s = [], []
        for command in ("wake/again", "wake/louder", "wake/slower"):
            mark, begin = room.mark(), len(room.played())
            room.say(command)
            started = room.until(PlaybackStarted, mark)
            ended = room.until(PlaybackEnded, mark, where=lambda e, t=started.turn: e.turn == t)
            levels.append(level_dbfs(room.played()[begin:]))
            lengths_s.append(room.at_s(ended) - room.at_s(started))
        assert len(room.since(0, AnswerReady)) == 1  # no model was asked
        assert levels[1] > levels[0] + 1
        assert lengths_s[1] == pytest.approx(lengths_s[0], abs=0.1)
        assert lengths_s[2] > 1.1 * lengths_s[1]
    household.voice.speed = 1.0
