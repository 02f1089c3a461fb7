"""Who is meant, what is interrupted, what goes on: the rules of a conversation."""

from dataclasses import replace

import pytest

from voice.config import DialogConfig
from voice.dialog.conversation import Call, Conversation
from voice.dialog.turn import Turn, Turns
from voice.events import Bus, Event, Outcome, TurnCancelled, TurnEnded, WakeWordDetected
from voice.state import Cue, State

WORD = "你好核安"
COMMANDS = {"停": "stop", "再说一遍": "repeat"}


def called(text: str, word: str) -> Call | None:
    if word or text.startswith(WORD):
        return Call(WORD, text.partition(WORD)[2].lstrip("，") if WORD in text else text)
    return None


def commanded(text: str, _language: str) -> str | None:
    return COMMANDS.get(text)


class Stage:
    """Notes what the speaking side is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.speaking = ""

    def ask(self, turn: Turn, text: str, language: str) -> None:
        self.told.append(f"ask {text} {language}")

    def command(self, name: str, turn: Turn) -> None:
        self.told.append(f"command {name}")

    def cue(self, name: str, turn: Turn) -> None:
        self.told.append(f"cue {name}")

    def hold(self) -> None:
        self.told.append("hold")

    def go_on(self) -> None:
        self.told.append("go on")

    def silence(self, before: int) -> None:
        self.told.append(f"silence {before}")

    def says(self, text: str) -> bool:
        return text in self.speaking


class Room:
    """A conversation with its stage and events."""

    def __init__(self, config: DialogConfig | None = None) -> None:
        self.turns = Turns()
        self.stage = Stage()
        self.events: list[Event] = []
        bus = Bus()
        bus.subscribe(self.events.append)
        self.conversation = Conversation(
            config or DialogConfig(), self.turns, bus, called, commanded
        )
        self.conversation.stage = self.stage

    def say(self, text: str, language: str = "zh") -> Turn:
        """Say something: wake words are found by themselves, and then the whole is understood."""
        turn = self.turns.create()
        turn.followed = self.conversation.admits()
        self.conversation.speech_started()
        word = WORD if WORD in text else ""
        if word:
            self.call(turn)
        self.stage.told.clear()
        self.conversation.heard(turn, text, language, turn.followed, word)
        return turn

    def call(self, turn: Turn | None = None) -> None:
        turn = turn or self.turns.create()
        turn.followed = True
        self.conversation.detected(turn, WORD, 0.9)

    def answer(self) -> Turn:
        """Ask a question and let its answer begin."""
        turn = self.say(f"{WORD}，碘片什么时候吃")
        self.conversation.follow(Cue.SPEAKS, turn)
        assert self.conversation.state is State.SPEAKING
        self.stage.told.clear()
        return turn

    def outcomes(self) -> list[Outcome]:
        return [event.outcome for event in self.events if isinstance(event, TurnEnded)]


@pytest.fixture
def room() -> Room:
    return Room()


def test_without_a_call_nothing_is_answered(room: Room) -> None:
    room.say("今天天气怎么样")
    assert room.conversation.state is State.IDLE
    assert not any(told.startswith("ask") for told in room.stage.told)
    assert room.outcomes() == [Outcome.IGNORED]


def test_call_and_question_in_one_breath(room: Room) -> None:
    room.say(f"{WORD}，碘片什么时候吃")
    assert "ask 碘片什么时候吃 zh" in room.stage.told
    assert room.conversation.state is State.THINKING
    assert any(isinstance(event, WakeWordDetected) for event in room.events)


def test_call_then_question(room: Room) -> None:
    room.say(WORD)
    assert room.conversation.state is State.LISTENING
    room.say("碘片什么时候吃")
    assert "ask 碘片什么时候吃 zh" in room.stage.told


def test_a_call_gets_its_earcon_at_once(room: Room) -> None:
    room.call()
    assert "cue listening" in room.stage.told


def test_waiting_for_a_question_ends_in_audio_time(room: Room) -> None:
    room.say(WORD)
    room.conversation.tick(DialogConfig().listen_s - 0.1)
    assert room.conversation.state is State.LISTENING
    room.conversation.tick(0.2)
    assert room.conversation.state is State.IDLE


def test_after_an_answer_no_call_is_needed_for_a_while(room: Room) -> None:
    turn = room.answer()
    room.conversation.follow(Cue.ANSWERED, turn)
    assert room.conversation.state is State.FOLLOW_UP
    room.say("那小孩呢")
    assert "ask 那小孩呢 zh" in room.stage.told
    room.conversation.follow(Cue.ANSWERED, turn)  # late, of the older turn
    assert room.conversation.state is State.THINKING


def test_a_long_question_is_not_cut_by_the_end_of_waiting(room: Room) -> None:
    room.say(WORD)
    room.conversation.tick(DialogConfig().listen_s - 0.1)
    room.conversation.speech_started()
    room.conversation.tick(3.0)
    assert room.conversation.state is State.LISTENING


def test_the_stop_word_silences_without_a_call(room: Room) -> None:
    turn = room.answer()
    room.say("停")
    assert turn.cancelled()
    assert f"silence {turn.number + 1}" in room.stage.told
    assert room.conversation.state is State.IDLE


def test_the_stop_word_works_while_it_thinks(room: Room) -> None:
    turn = room.say(f"{WORD}，碘片什么时候吃")
    late = room.turns.create()
    assert room.conversation.is_stop("停")
    room.conversation.heard(late, "停", "zh", admitted=False)
    assert turn.cancelled()
    assert room.conversation.state is State.IDLE


def test_a_call_interrupts_an_answer(room: Room) -> None:
    turn = room.answer()
    room.call()
    assert turn.cancelled()
    assert [e.by for e in room.events if isinstance(e, TurnCancelled)] == ["wake word"]
    assert room.conversation.state is State.LISTENING


def test_speech_holds_an_answer_and_a_question_replaces_it(room: Room) -> None:
    turn = room.answer()
    room.conversation.speech_started()
    assert room.stage.told == ["hold"]
    room.say("自来水还能喝吗")
    assert turn.cancelled()
    assert "ask 自来水还能喝吗 zh" in room.stage.told


@pytest.mark.parametrize("text", ["", "嗯", "啊啊"])
def test_after_a_false_interruption_the_answer_goes_on(room: Room, text: str) -> None:
    turn = room.answer()
    room.say(text)
    assert room.stage.told[-1] == "go on"
    assert not turn.cancelled()
    assert room.conversation.state is State.SPEAKING


def test_it_does_not_take_its_own_words_for_a_question(room: Room) -> None:
    turn = room.answer()
    room.stage.speaking = "等政府下令再吃，接到通知就尽早吃。"
    room.say("接到通知就尽早吃")
    assert not turn.cancelled()
    assert room.conversation.state is State.SPEAKING


def test_it_does_not_call_itself_by_a_transcript_of_its_own_voice(room: Room) -> None:
    turn = room.answer()
    room.stage.speaking = f"说{WORD}，就能叫醒我。"
    late = room.turns.create()
    room.conversation.heard(late, f"{WORD}，就能叫醒我", "zh", admitted=False)
    assert not turn.cancelled()
    assert room.outcomes() == [Outcome.IGNORED]


def test_its_own_word_stop_does_not_stop_it(room: Room) -> None:
    room.answer()
    assert room.conversation.is_stop("停")
    room.stage.speaking = "请停下来。"
    assert not room.conversation.is_stop("停")


def test_speech_that_may_begin_holds_an_answer_and_none_lets_it_go_on(room: Room) -> None:
    room.answer()
    room.conversation.may_be_speech()
    room.conversation.was_no_speech()
    assert room.stage.told == ["hold", "go on"]


def test_where_speech_does_not_interrupt_nothing_is_held() -> None:
    room = Room(replace(DialogConfig(), barge_in="wake_word"))
    room.answer()
    room.conversation.may_be_speech()
    assert room.stage.told == []


def test_it_overhears_itself_until_its_echo_is_gone(room: Room) -> None:
    turn = room.answer()
    assert not room.conversation.overhears()  # the echo is taken out
    room.conversation.hears_itself = True
    assert room.conversation.overhears()
    room.conversation.follow(Cue.ANSWERED, turn)
    room.conversation.tick(0.3)
    assert room.conversation.overhears()
    room.conversation.tick(0.3)
    assert not room.conversation.overhears()


def test_a_call_in_the_middle_of_other_speech_begins_the_question(room: Room) -> None:
    room.say(f"晴转多云，{WORD}，碘片什么时候吃")
    assert "ask 碘片什么时候吃 zh" in room.stage.told


def test_until_the_echo_is_known_only_the_call_and_stop_interrupt(room: Room) -> None:
    room.conversation.echo_known = lambda: False
    turn = room.answer()
    room.say("自来水还能喝吗")
    assert not turn.cancelled()
    assert "hold" not in room.stage.told
    room.say(WORD)
    assert turn.cancelled()


def test_until_the_echo_is_known_the_end_of_an_answer_is_no_follow_up(room: Room) -> None:
    room.conversation.echo_known = lambda: False
    turn = room.answer()
    room.conversation.follow(Cue.ANSWERED, turn)
    room.say("就尽早吃")  # what it said last, through the room
    assert room.outcomes() == [Outcome.IGNORED]
    room.conversation.tick(1.0)
    room.say("那小孩呢")
    assert "ask 那小孩呢 zh" in room.stage.told


def test_without_speech_barge_in_only_the_call_interrupts() -> None:
    room = Room(replace(DialogConfig(), barge_in="wake_word"))
    turn = room.answer()
    room.say("自来水还能喝吗")
    assert not turn.cancelled()
    assert "hold" not in room.stage.told
    room.say(f"{WORD}，自来水还能喝吗")
    assert turn.cancelled()


def test_without_wake_words_everything_is_a_question() -> None:
    room = Room(replace(DialogConfig(), wake_word=False))
    room.say("碘片什么时候吃")
    assert "ask 碘片什么时候吃 zh" in room.stage.told


def test_commands_are_no_questions(room: Room) -> None:
    turn = room.answer()
    room.conversation.follow(Cue.ANSWERED, turn)
    room.say("再说一遍")
    assert "command repeat" in room.stage.told
    room.say(f"{WORD}，再说一遍")
    assert "command repeat" in room.stage.told


def test_silence_after_a_call_keeps_waiting(room: Room) -> None:
    room.say(WORD)
    room.say("")
    assert room.conversation.state is State.LISTENING
    assert room.outcomes()[-1] is Outcome.NOTHING_HEARD


def test_a_call_without_a_question_is_no_failure(room: Room) -> None:
    room.say(WORD)
    assert room.outcomes() == []
