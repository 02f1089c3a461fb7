from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from llm import GenerationError, GenerationStats, LanguageModel, Message, Sampling
from llm.answer import Answer, Begin
from llm.compose import prefix
from llm.fixed_texts import APOLOGY
from tests.unit.scripted import ALARM, WATER, Diary, Hum, answerer
from tests.virtual_audio import VirtualSpeaker
from voice.dialog.context import CONTEXT_S, Context
from voice.dialog.responder import Answers, Responder
from voice.dialog.turn import Turn
from voice.events import (
    AnswerBegun,
    AnswerReady,
    Bus,
    Event,
    Outcome,
    PlaybackEnded,
    PlaybackStarted,
    StageFailed,
    TurnEnded,
)

SENTENCE = 12_000
"""Samples that the scripted voice makes of a sentence or of what follows the first."""


FIRST, REST = "先喝瓶装水。", "烧开没用。"


class Composing:
    """Tells how its answer begins, and composes the rest until it may end or nobody waits."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.ended_early = False
        self._vetted = answerer()
        self.prefill = self._vetted.prefill

    def answer(
        self,
        text: str,
        language: str | None,
        cancelled: Callable[[], bool],
        previous: Answer | None,
        begin: Begin,
    ) -> Answer:
        whole = self._vetted.answer(text, language)
        begin(replace(whole, text=FIRST))
        while not (self.ended_early or self.may_end.wait(0.005)):
            self.ended_early = cancelled()
        return whole


class Speaking:
    """A responder at work, and what came of it."""

    def __init__(self, voice: Hum, answers: Answers) -> None:
        self.voice = voice
        self.diary = Diary()
        self.speaker = VirtualSpeaker(voice.rate_hz)
        bus = Bus()
        bus.subscribe(self.diary)
        self.responder = Responder(answers, voice, self.speaker, bus)
        self.responder.compose_s = 10.0
        self.responder.earcons = False

    def ask(self, number: int, text: str, language: str = "zh") -> Turn:
        turn = Turn(number)
        self.responder.ask(turn, text, language)
        return turn

    def outcomes(self) -> list[tuple[int, Outcome]]:
        ended = [event for event in self.diary.events if isinstance(event, TurnEnded)]
        return [(event.turn, event.outcome) for event in ended]

    def kinds(self, turn: int) -> list[type[Event]]:
        return [type(event) for event in self.diary.events if event.turn == turn]


@contextmanager
def speaking(
    fails: Callable[[str], bool] = lambda text: False,
    model: LanguageModel | None = None,
    composing: Composing | None = None,
) -> Iterator[Speaking]:
    """Run a responder; at the end all it was asked has been answered."""
    vetted = answerer()
    vetted.model = model
    room = Speaking(Hum(fails=fails), composing or vetted)
    room.responder.start()
    try:
        yield room
    finally:
        room.voice.may_speak.set()
        room.responder.finish()


def test_a_question_is_answered_aloud_and_told_step_by_step() -> None:
    with speaking() as room:
        room.ask(1, WATER)
    assert room.kinds(1) == [AnswerReady, PlaybackStarted, PlaybackEnded, TurnEnded]
    assert room.outcomes() == [(1, Outcome.ANSWERED)]
    [ready] = room.diary.of(AnswerReady)
    assert isinstance(ready, AnswerReady)
    assert ready.answer.text == "先喝瓶装水。烧开没用。"
    assert np.allclose(room.speaker.audio(1), np.full(2 * SENTENCE, 0.1))


def test_an_answer_begins_while_the_rest_of_it_is_composed() -> None:
    spoken: list[str] = []
    composing = Composing()
    with speaking(lambda text: bool(spoken.append(text)), composing=composing) as room:
        room.ask(1, WATER)
        room.diary.wait_for(PlaybackStarted)
        assert not room.diary.of(AnswerReady)
        composing.may_end.set()
    assert spoken == [FIRST, REST]
    ends = [AnswerReady, PlaybackEnded, TurnEnded]
    assert room.kinds(1) == [AnswerBegun, PlaybackStarted, *ends]
    assert room.outcomes() == [(1, Outcome.ANSWERED)]


def test_nothing_more_is_composed_when_the_beginning_has_been_heard() -> None:
    composing = Composing()
    with speaking(composing=composing) as room:
        room.ask(1, WATER)
    assert composing.ended_early
    assert room.outcomes() == [(1, Outcome.ANSWERED)]
    assert room.speaker.audio(1).size == 2 * SENTENCE


def test_an_answer_interrupted_at_its_beginning_is_told_for_the_record() -> None:
    composing = Composing()
    with speaking(composing=composing) as room:
        turn = room.ask(1, WATER)
        room.diary.wait_for(PlaybackStarted)
        turn.cancel()
    assert room.kinds(1) == [AnswerBegun, PlaybackStarted, AnswerReady, TurnEnded]
    assert room.outcomes() == [(1, Outcome.CANCELLED)]
    assert room.speaker.audio(1).size == SENTENCE


def test_what_waits_at_the_end_is_still_answered() -> None:
    with speaking() as room:
        room.voice.may_speak.clear()
        room.ask(1, WATER)
        room.diary.wait_for(AnswerReady, 1)
        room.ask(2, ALARM)
    assert room.outcomes() == [(1, Outcome.ANSWERED), (2, Outcome.ANSWERED)]


def test_of_the_questions_that_wait_the_newest_wins() -> None:
    with speaking() as room:
        room.voice.may_speak.clear()
        room.ask(1, WATER)
        room.diary.wait_for(AnswerReady, 1)
        for number in (2, 3, 4):
            room.ask(number, ALARM)
    dropped = [(2, Outcome.CANCELLED), (3, Outcome.CANCELLED)]
    assert room.outcomes() == [*dropped, (1, Outcome.ANSWERED), (4, Outcome.ANSWERED)]
    assert not room.speaker.audio(2).size
    assert not room.speaker.audio(3).size
    assert room.speaker.audio(4).size


def test_a_turn_cancelled_before_its_answer_stays_silent() -> None:
    with speaking() as room:
        room.voice.may_speak.clear()
        room.ask(1, WATER)
        room.diary.wait_for(AnswerReady, 1)
        room.ask(2, ALARM).cancel()
    assert room.kinds(2) == [TurnEnded]
    assert room.outcomes() == [(1, Outcome.ANSWERED), (2, Outcome.CANCELLED)]
    assert not room.speaker.audio(2).size


def test_a_turn_cancelled_while_its_speech_is_made_stays_silent() -> None:
    with speaking() as room:
        room.voice.may_speak.clear()
        turn = room.ask(1, WATER)
        room.diary.wait_for(AnswerReady, 1)
        turn.cancel()
    assert room.kinds(1) == [AnswerReady, TurnEnded]
    assert room.outcomes() == [(1, Outcome.CANCELLED)]
    assert not room.speaker.audio(1).size


def test_a_voice_that_fails_is_told_and_apologised_for() -> None:
    with speaking(fails=lambda text: "瓶装水" in text) as room:
        room.ask(1, WATER)
    [failed] = room.diary.of(StageFailed)
    assert isinstance(failed, StageFailed)
    assert (failed.stage, failed.message) == ("stage", "the voice has failed")
    assert room.outcomes() == [(1, Outcome.FAILED)]
    assert room.speaker.audio(1).size == 2 * SENTENCE  # the apology has two sentences


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_dead_voice_is_told_twice_and_the_next_question_is_taken(language: str) -> None:
    with speaking(fails=lambda text: True) as room:
        room.ask(1, WATER, language)
        room.diary.wait_for(TurnEnded, 1)
        room.ask(2, WATER, language)
    assert room.outcomes() == [(1, Outcome.FAILED), (2, Outcome.FAILED)]
    assert len(room.diary.of(StageFailed)) == 4  # of each turn the answer and the apology
    assert room.speaker.played == []


def test_it_is_busy_from_the_question_to_the_end_of_the_answer() -> None:
    with speaking() as room:
        assert not room.responder.busy
        room.voice.may_speak.clear()
        room.ask(1, WATER)
        room.diary.wait_for(AnswerReady)
        assert room.responder.busy
        room.voice.may_speak.set()
        wait_until(lambda: not room.responder.busy)


@pytest.mark.parametrize(("text", "apology"), [(WATER, "zh"), ("is it safe", "en")])
def test_a_question_of_unknown_language_is_apologised_for_in_its_own(
    text: str, apology: str
) -> None:
    spoken: list[str] = []

    def fails(part: str) -> bool:
        spoken.append(part)
        return len(spoken) == 1

    with speaking(fails) as room:
        room.ask(1, text, language="")
    assert room.outcomes() == [(1, Outcome.FAILED)]
    assert APOLOGY[apology].startswith(spoken[1])


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("先喝瓶装水", True),
        ("先和平装水", True),  # as a recogniser writes its own voice
        ("烧开没用", True),
        ("烧开有用吗", False),
        ("瓶装水从哪里来", False),
        ("停", False),
        ("水", True),
        ("睡", False),  # too short to go by its sound
        ("", False),
    ],
)
def test_it_knows_its_own_words_by_their_sound(text: str, own: bool) -> None:
    with speaking() as room:
        assert not room.responder.says(text)
        room.voice.may_speak.clear()
        room.ask(1, WATER)
        room.diary.wait_for(AnswerReady)
        wait_until(lambda: room.responder.says("瓶装水"))
        assert room.responder.says(text) is own


class Prepared:
    """A language model that is told what prompts begin with."""

    name = "prepared"
    stats = GenerationStats()

    def __init__(self, failing: bool = False) -> None:
        self.failing = failing
        self.told: list[Message] = []

    def generate(
        self, messages: list[Message], sampling: Sampling, cancelled: Callable[[], bool]
    ) -> Iterator[str]:
        yield "。"

    def prefill(self, messages: list[Message], cancelled: Callable[[], bool]) -> None:
        assert not cancelled()
        self.told = messages
        if self.failing:
            raise GenerationError("there is no server")

    def close(self) -> None:
        """Nothing to free."""


@pytest.mark.parametrize("failing", [False, True])
def test_the_language_model_is_made_ready_before_anybody_asks(failing: bool) -> None:
    model = Prepared(failing)
    with speaking(model=model) as room:
        wait_until(lambda: model.told == prefix("zh"))
        room.ask(1, WATER)
    assert room.outcomes() == [(1, Outcome.ANSWERED)]


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_apology_names_a_place_to_ask_in_both_languages() -> None:
    assert "120" in APOLOGY["zh"]
    assert "120" in APOLOGY["en"]


def test_no_thread_is_left() -> None:
    with speaking() as room:
        room.ask(1, WATER)
    assert "responder" not in [thread.name for thread in threading.enumerate()]


def test_the_context_of_a_follow_up_fades() -> None:
    now_s = 0.0
    context = Context(clock=lambda: now_s)
    assert context.get() is None
    answer = answerer().answer(WATER, "zh")
    context.put(answer)
    now_s = CONTEXT_S - 1
    assert context.get() is answer
    now_s = CONTEXT_S + 1
    assert context.get() is None
