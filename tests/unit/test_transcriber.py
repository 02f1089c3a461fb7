"""The recogniser's thread: calls in the middle of other speech, hits, own voice, old looks."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from asr import RATE_HZ, Samples
from kws import Detection
from kws.detector import WakeEngine
from kws.looks import Nearest
from kws.verify import SecondStage, Verdict
from kws.words import make_word
from tests.unit.scripted import WATER, Diary, Loudness, Script, ears
from tests.unit.test_conversation import WORD, Room
from voice.app import endpoint_rules
from voice.audio.own_voice import KEPT_S, OwnVoice
from voice.audio.pcm import Rechunker
from voice.config import Config, DialogConfig
from voice.dialog.conversation import Conversation
from voice.dialog.listener import Listener
from voice.dialog.transcriber import Transcriber
from voice.dialog.turn import Turn, Turns
from voice.dialog.utterance import Begin, End, Heard, Hit, Look, Work
from voice.events import (
    Bus,
    FinalTranscript,
    Outcome,
    SpeechEnded,
    SpeechStarted,
    TurnEnded,
    WakeWordDetected,
)
from voice.state import State

SECOND = np.full(RATE_HZ, 0.2, np.float32)
"""A second of the question about water; see `tests.unit.scripted`."""
CALL = 0.25
"""How loud the wake word is said."""
TELEVISION = np.full(RATE_HZ, 0.05, np.float32)


class LoudFinder:
    """Finds the wake word where audio is as loud as CALL."""

    name = "loud"
    own_score = 0.5

    def nearest(self, samples: Samples) -> Nearest:
        woke = bool(np.isclose(samples, CALL).any())
        return Nearest(WORD, float(woke), woke)


def call() -> Samples:
    return np.full(RATE_HZ // 2, CALL, np.float32)


class Scene(Room):
    """A conversation with the recogniser's thread."""

    def __init__(self, wake: WakeEngine, config: DialogConfig | None = None) -> None:
        super().__init__(config)
        self.diary = Diary()
        bus = Bus()
        bus.subscribe(self.diary)
        bus.subscribe(self.events.append)
        self.transcriber = Transcriber(ears(), bus, self.conversation, wake=wake)
        self.conversation._bus = bus

    def hear(self, *steps: Samples | Work, turn: Turn | None = None) -> Turn:
        """Let one utterance be heard, with what the listener makes of it."""
        turn = turn or self.turns.create()
        self.transcriber.start()
        self.transcriber.put(Begin(turn))
        for step in steps:
            heard = Heard(step, step) if isinstance(step, np.ndarray) else step
            self.transcriber.put(heard)
        self.transcriber.put(end_of(turn))
        self.transcriber.finish()
        return turn


def end_of(turn: Turn) -> End:
    return End(SpeechEnded(turn.number, "silence", 1.0, 0.0))


def looking() -> Scene:
    return Scene(WakeEngine(finder=LoudFinder()))


def hit(sure: bool = True) -> Hit:
    return Hit(Detection(WORD, 0.5, 1.0, "zipformer", sure=sure))


def test_a_call_after_ten_seconds_of_television_begins_the_question() -> None:
    scene = looking()
    television = [step for _ in range(10) for step in (TELEVISION, Look())]
    scene.hear(*television, call(), Look(), SECOND, SECOND)
    assert [event.word for event in scene.diary.of(WakeWordDetected)] == [WORD]
    [final] = scene.diary.of(FinalTranscript)
    assert final.heard == WATER


@pytest.mark.parametrize("after_s", [0.5, 1.5])
def test_what_hardly_follows_a_call_is_no_question(after_s: float) -> None:
    """The recogniser understands nothing of the call here, but something of what follows."""
    scene = looking()
    scene.hear(call(), Look(), np.resize(SECOND, int(after_s * RATE_HZ)))
    asked = [event.understood for event in scene.diary.of(FinalTranscript)]
    assert asked == ([] if after_s < 1 else [WATER])
    assert scene.conversation.state is (State.LISTENING if after_s < 1 else State.THINKING)


def test_a_television_that_nobody_talks_over_is_ignored() -> None:
    scene = looking()
    scene.hear(*[step for _ in range(10) for step in (TELEVISION, Look())])
    assert not scene.diary.of(WakeWordDetected)
    assert scene.outcomes() == [Outcome.IGNORED]


def test_a_hit_late_in_ignored_speech_keeps_the_question_after_it() -> None:
    scene = Scene(WakeEngine())
    scene.hear(*[TELEVISION] * 6, hit(), SECOND, SECOND)
    [final] = scene.diary.of(FinalTranscript)
    assert final.heard == WATER
    assert Outcome.IGNORED not in scene.outcomes()


def test_what_was_said_before_the_word_is_no_part_of_the_question() -> None:
    scene = Scene(WakeEngine())
    shouted, word = np.full(RATE_HZ, 0.9, np.float32), TELEVISION[: RATE_HZ // 2]
    found = Hit(Detection(WORD, 0.5, 1.5, "zipformer", length_s=0.5))
    scene.hear(shouted, word, found, SECOND, SECOND)
    [final] = scene.diary.of(FinalTranscript)
    assert final.heard == WATER


def test_a_hit_that_speech_recognition_does_not_confirm_is_none() -> None:
    def stage(text: str) -> SecondStage:
        return SecondStage([make_word(WORD)], lambda _: text)

    vetoed = Scene(WakeEngine(judge=stage("你好小安")))
    vetoed.hear(SECOND, hit(sure=False))
    assert vetoed.outcomes() == [Outcome.IGNORED]
    confirmed = Scene(WakeEngine(judge=stage("你好何案")))
    confirmed.hear(SECOND, hit(sure=False))
    assert confirmed.diary.of(WakeWordDetected)


class Refusal:
    """Says no, and counts how often."""

    own_score = 0.5

    def __init__(self) -> None:
        self.asked = 0

    def judge(self, word: str, samples: Samples) -> Verdict:
        self.asked += 1
        return Verdict(False, 0.0, "")


@pytest.mark.parametrize("sure", [True, False])
def test_a_hit_that_is_sure_is_not_judged(sure: bool) -> None:
    refusal = Refusal()
    scene = Scene(WakeEngine(judge=refusal))
    scene.hear(SECOND, hit(sure))
    assert len(scene.diary.of(WakeWordDetected)) == sure
    assert refusal.asked == (not sure)


@pytest.mark.parametrize("order", [(Look(), hit()), (hit(), Look()), (Look(), hit(sure=False))])
def test_a_word_that_is_heard_and_seen_is_one_call(order: tuple[Work, ...]) -> None:
    refusal = Refusal()
    scene = Scene(WakeEngine(finder=LoudFinder(), judge=refusal))
    scene.hear(call(), *order, SECOND, SECOND)
    assert [event.word for event in scene.diary.of(WakeWordDetected)] == [WORD]
    [final] = scene.diary.of(FinalTranscript)
    assert final.heard == WATER
    assert refusal.asked == 0


def test_a_hit_that_is_sure_is_answered_while_something_else_is_worked_on() -> None:
    scene, turn = Scene(WakeEngine()), Turn(1)
    for work in (Begin(turn), Heard(TELEVISION, TELEVISION)):
        scene.transcriber.put(work)
    scene.transcriber.hit(turn, hit().detection)
    assert [event.word for event in scene.diary.of(WakeWordDetected)] == [WORD]
    scene.transcriber.start()  # only now its thread runs
    for work in (Heard(SECOND, SECOND), Heard(SECOND, SECOND), end_of(turn)):
        scene.transcriber.put(work)
    scene.transcriber.finish()
    assert len(scene.diary.of(WakeWordDetected)) == 1
    [final] = scene.diary.of(FinalTranscript)
    assert final.heard == WATER


def test_a_hit_that_may_be_its_own_voice_is_not_answered_before_that_is_known() -> None:
    scene = Scene(WakeEngine(judge=Refusal()))
    scene.transcriber.own_voice.played(SECOND, RATE_HZ)
    scene.transcriber.hit(Turn(1), hit().detection)
    scene.transcriber.hit(Turn(1), hit(sure=False).detection)
    assert not scene.diary.of(WakeWordDetected)


def test_what_the_assistant_has_just_said_itself_is_no_call() -> None:
    scene = looking()
    scene.transcriber.own_voice.played(call(), RATE_HZ)
    scene.hear(call(), Look())
    assert not scene.diary.of(WakeWordDetected)


def test_over_an_answer_the_word_is_looked_for_in_the_raw_audio_too() -> None:
    scene = looking()
    scene.answer()
    silence = np.zeros(RATE_HZ // 2, np.float32)
    scene.transcriber.own_voice.played(np.full(RATE_HZ, 0.1, np.float32), RATE_HZ)
    scene.hear(Heard(silence, call()), Look())
    assert scene.diary.of(WakeWordDetected)


def test_the_stop_word_counts_over_an_answer_without_a_call() -> None:
    scene = looking()
    turn = scene.answer()
    scene.stage.speaking = WATER  # its own words, through the room, are nobody's question
    scene.hear(SECOND)
    assert not turn.cancelled()
    assert scene.outcomes()[-1] is Outcome.IGNORED


def test_own_voice_is_kept_for_seconds_at_the_rate_of_recognition() -> None:
    voice = OwnVoice()
    assert not len(voice.recent())
    voice.played(np.zeros(24_000, np.float32), 24_000)
    assert not len(voice.recent())  # silence is nobody's voice
    for _ in range(100):
        voice.played(np.full(2400, 0.1, np.float32), 24_000)
    recent = voice.recent()
    assert abs(len(recent) / RATE_HZ - KEPT_S) < 0.2
    voice.played(np.zeros(0, np.float32), 48_000)
    assert len(voice.recent()) == len(recent)


@pytest.mark.parametrize(
    ("chunks", "told"), [(0, []), (1, ["hold", "go on"]), (3, ["hold", "go on"])]
)
def test_an_answer_is_held_before_it_is_certain_that_somebody_speaks(
    chunks: int, told: list[str]
) -> None:
    scene = Scene(WakeEngine())
    scene.answer()
    ear = Listener(ears(), endpoint_rules(Config()), scene.transcriber, scene.turns, Bus())
    sound = np.full(chunks * Loudness.chunk_samples, 0.2, np.float32)
    ear.listen(Script(sound, np.zeros(RATE_HZ, np.float32)), lambda samples: samples)
    assert scene.stage.told == told
    assert not scene.diary.of(SpeechStarted)


def test_another_microphone_may_follow_in_the_middle_of_a_frame() -> None:
    scene, frames = Scene(WakeEngine()), Rechunker(160)
    ear = Listener(ears(), endpoint_rules(Config()), scene.transcriber, scene.turns, Bus())

    def clean(samples: Samples) -> Samples:
        """Like the canceller: whole frames come out, the rest waits, for the next device, too."""
        return np.concatenate([np.zeros(0, np.float32), *frames.process(samples)])

    for length in (159, 512, 353, 3 * 512 + 1):
        ear.listen(Script(np.zeros(length, np.float32)), clean)
    assert not ear.speech


class SlowLooks:
    """Takes as long to tell whether a question is complete as the test wants."""

    def __init__(self, *found: bool) -> None:
        self._found = list(found)
        self.began = [threading.Event() for _ in found]
        self.may_end = [threading.Event() for _ in found]

    def known(self, _text: str) -> bool:
        look = len(self.began) - len(self._found)
        self.began[look].set()
        assert self.may_end[look].wait(60)
        return self._found.pop(0)


def test_an_old_look_cannot_end_what_was_said_since() -> None:
    looks, diary, turns, bus = SlowLooks(True, *[False] * 4), Diary(), Turns(), Bus()
    bus.subscribe(diary)
    config = Config(dialog=DialogConfig(wake_word=False))
    conversation = Conversation(config.dialog, turns, bus, lambda *_: None, lambda *_: None)
    conversation.stage = Room().stage
    transcriber = Transcriber(ears(), bus, conversation, looks.known)
    listener = Listener(ears(), endpoint_rules(config), transcriber, turns, bus)

    def speech(seconds: float, quiet_s: float) -> Samples:
        loud = np.full(int(seconds * RATE_HZ), 0.2, np.float32)
        return np.concatenate([loud, np.zeros(int(quiet_s * RATE_HZ), np.float32)])

    def second_look() -> None:
        looks.may_end[0].set()  # the first look finds a question, too late
        assert looks.began[1].wait(60)

    script = Script(
        speech(0.5, 0.25),
        lambda: looks.began[0].wait(60),
        speech(0.5, 0.26),  # the second pause, whose look waits for that at the first
        second_look,
        np.zeros(int(0.3 * RATE_HZ), np.float32),
        lambda: [event.set() for event in looks.may_end],
        speech(0.5, 1.0),
    )
    transcriber.start()
    listener.listen(script, lambda samples: samples)
    transcriber.finish()
    assert [event.reason for event in diary.of(SpeechEnded)] == ["silence"]
    assert len(diary.of(TurnEnded)) <= 1


def test_an_utterance_that_cannot_be_transcribed_fails_once_and_lets_the_answer_go_on() -> None:
    scene = Scene(WakeEngine())
    broken = np.full(RATE_HZ, 0.4, np.float32)
    turn = scene.turns.create()
    turn.followed = True
    scene.hear(broken, end_of(turn), SECOND, turn=turn)
    assert scene.outcomes() == [Outcome.FAILED]
    assert scene.stage.told == ["go on", "cue error"]
