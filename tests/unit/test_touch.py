"""What is touched on the screen does what saying it would have done."""

import numpy as np

from tests.unit.test_conversation import Room
from voice.audio import Samples
from voice.dialog.touch import TOUCH, Touch
from voice.events import Bus, Event, FinalTranscript, TurnCancelled, WakeWordDetected
from voice.state import Cue, State


class Silent:
    """A loudspeaker that has a volume and nothing else to do."""

    volume = 1.0

    def play(self, samples: Samples, rate_hz: int, turn: int) -> None:
        assert np.isfinite(samples).all()

    def flush(self, before: int) -> None: ...
    def hold(self) -> None: ...
    def go_on(self) -> None: ...
    def close(self) -> None: ...

    def drain(self, turn: int, timeout_s: float) -> bool:
        return True


class Screen:
    """A screen in front of a conversation."""

    def __init__(self) -> None:
        self.room = Room()
        self.told = self.room.stage.told
        self.events: list[Event] = []
        bus = Bus()
        bus.subscribe(self.events.append)
        self.speaker = Silent()
        self.touch = Touch(self.room.conversation, self.room.turns, self.speaker, bus)

    @property
    def state(self) -> State:
        return self.room.conversation.state


def test_a_touched_question_is_answered_like_one_that_was_said():
    screen = Screen()
    screen.touch.ask("自来水还能喝吗", "")
    assert screen.state is State.THINKING
    assert screen.told[-1] == "ask 自来水还能喝吗 zh"
    heard = screen.events[0]
    assert isinstance(heard, FinalTranscript)
    assert (heard.understood, heard.language) == ("自来水还能喝吗", "zh")


def test_a_touched_question_needs_no_wake_word_and_interrupts_an_answer():
    screen = Screen()
    screen.touch.ask("one", "en")
    first = screen.events[-1].turn
    screen.room.conversation.follow(Cue.SPEAKS, screen.room.conversation._answered)
    assert screen.state is State.SPEAKING
    screen.touch.ask("two", "en")
    assert screen.told[-1] == "ask two en"
    cancelled = [event for event in screen.room.events if isinstance(event, TurnCancelled)]
    assert [event.turn for event in cancelled] == [first]


def test_the_button_calls_like_the_wake_word():
    screen = Screen()
    screen.touch.command("wake")
    assert screen.state is State.LISTENING
    calls = [event for event in screen.room.events if isinstance(event, WakeWordDetected)]
    assert [call.word for call in calls] == [TOUCH]


def test_stop_ends_an_answer():
    screen = Screen()
    screen.touch.ask("自来水还能喝吗", "zh")
    screen.touch.command("stop")
    assert screen.state is State.IDLE
    assert screen.told[-1] == "cue cancelled"


def test_the_answer_is_said_again():
    screen = Screen()
    screen.touch.command("repeat")
    assert screen.told[-1] == "command repeat"


def test_the_volume_is_that_of_the_loudspeaker():
    screen = Screen()
    screen.touch.volume = 0.4
    assert screen.speaker.volume == screen.touch.volume == 0.4
