"""Decides what becomes of everything that is said: a call, a question, a command, or none of ours.

Called by the listener's, the transcriber's and the responder's threads; every method is quick.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from voice.config import DialogConfig
from voice.dialog.turn import Turn, Turns
from voice.events import Bus, Outcome, StateChanged, TurnCancelled, TurnEnded, WakeWordDetected
from voice.state import Cue, State, next_state

_SHORTEST_INTERRUPTION = 3
"""Characters. A shorter word that is no command does not end an answer."""

_ECHO_S = 0.8
"""How long the end of an answer is still heard: the buffers of the devices, and the room."""
_OWN_ECHO_S = 0.4
"""The same where nothing is taken out: less, for a person who asks meanwhile is not understood."""

ANSWERING = (State.THINKING, State.SPEAKING)


@dataclass(frozen=True)
class Call:
    """A wake word in what was said."""

    word: str
    rest: str
    """What was said after it in the same breath."""


class Stage(Protocol):
    """What the conversation needs from the side that speaks."""

    def ask(self, turn: Turn, text: str, language: str) -> None:
        """Answer a question aloud."""
        ...

    def command(self, name: str, turn: Turn) -> None:
        """Carry out a spoken command other than stop."""
        ...

    def cue(self, name: str, turn: Turn) -> None:
        """Play an earcon."""
        ...

    def hold(self) -> None:
        """Pause the loudspeaker; nothing is lost."""
        ...

    def go_on(self) -> None:
        """Go on where the loudspeaker was paused."""
        ...

    def silence(self, before: int) -> None:
        """Bar all turns older than `before` from the loudspeaker, now and later."""
        ...

    def says(self, text: str) -> bool:
        """Tell whether this is what the answer that is being spoken says itself."""
        ...


class Conversation:
    """The state of the conversation and its rules.

    `called` finds a wake word in a text, and what follows it; given a word, that one, which was
    heard. `commanded` finds a spoken command. None = there is none.
    """

    def __init__(
        self,
        config: DialogConfig,
        turns: Turns,
        bus: Bus,
        called: Callable[[str, str], Call | None],
        commanded: Callable[[str, str], str | None],
    ) -> None:
        self._config = config
        self._turns = turns
        self._bus = bus
        self._called = called
        self._commanded = commanded
        self._lock = threading.RLock()
        self._state = State.IDLE
        self._answered = Turn(0)
        self._now_s = 0.0
        """Seconds of audio heard: waiting is counted in audio, not by the clock."""
        self._until_s = 0.0
        self._answered_s = -_ECHO_S
        """When an answer ended."""
        self.stage: Stage
        self.echo_known: Callable[[], bool] = lambda: True
        """Tells whether the own voice is taken out of what is heard. Until it is, speech over an
        answer and right after it may be the answer itself."""
        self.hears_itself = False
        """Nothing takes the own voice out of what is heard."""

    @property
    def state(self) -> State:
        """Return what the assistant is doing."""
        with self._lock:
            return self._state

    @property
    def answering(self) -> bool:
        """Tell whether an answer is on the way or being spoken."""
        return self.state in ANSWERING

    def overhears(self) -> bool:
        """Tell whether what is heard now is the assistant itself, and perhaps a call."""
        with self._lock:
            echo = self._now_s < self._answered_s + _OWN_ECHO_S
            return self.hears_itself and (self._state is State.SPEAKING or echo)

    def tick(self, audio_s: float) -> None:
        """Let time pass: `audio_s` more seconds of audio were heard."""
        with self._lock:
            self._now_s += audio_s
            waiting = self._state in (State.LISTENING, State.FOLLOW_UP)
            if waiting and self._now_s >= self._until_s:
                self._cue(Cue.TIME_UP)

    def admits(self) -> bool:
        """Tell whether what is said now is meant for the assistant, without a wake word."""
        with self._lock:
            if self._state is State.SPEAKING:
                return self._interruptible()
            if self._now_s < self._answered_s + _ECHO_S and not self.echo_known():
                return False
            waiting = self._state in (State.LISTENING, State.FOLLOW_UP)
            return waiting or not self._config.wake_word

    def speech_started(self) -> None:
        """Somebody began to speak: wait for the end of it, and hold the answer where that may
        be interrupted by speech."""
        with self._lock:
            self._until_s = self._now_s + self._config.listen_s + self._config.follow_up_s
            self.may_be_speech()

    def may_be_speech(self) -> None:
        """Somebody may begin to speak: hold the answer where that may be interrupted by speech."""
        with self._lock:
            if self._state is State.SPEAKING and self._interruptible():
                self.stage.hold()

    def was_no_speech(self) -> None:
        """Nobody did: go on."""
        self.stage.go_on()

    def question_in(self, text: str, word: str = "") -> str:
        """Return a text without the wake word in it; `word` is one that was heard."""
        call = self._called(text, word)
        return call.rest if call else text

    def is_command(self, text: str) -> bool:
        """Tell whether this is a spoken command."""
        return self._commanded(text, "") is not None

    def is_stop(self, text: str) -> bool:
        """Tell whether this ends an answer, unless it is a word of that answer."""
        with self._lock:
            stop = self._state in ANSWERING and self._commanded(text, "") == "stop"
            return stop and not self.stage.says(text)

    def detected(self, turn: Turn, word: str, score: float) -> None:
        """Somebody has called: tell so with a sound. A word may be found in two ways, by two
        threads; it counts once."""
        with self._lock:
            if not turn.called:
                turn.called = word
                self._woken(turn, word, score)

    def heard(self, turn: Turn, text: str, language: str, admitted: bool, word: str = "") -> None:
        """Take the final transcript of an utterance; "" if nothing was understood.

        `word` is the wake word that was heard in it. Otherwise one may only begin what is meant
        for the assistant anyway: over an answer, it would be its own.
        """
        with self._lock:
            may_begin = admitted and self._state is not State.SPEAKING
            call = self._called(text, word) if word or may_begin else None
            said = call.rest if call else text
            command = self._commanded(said, language) if said else None
            if command == "stop":
                self.stop("stop word", turn)
                self._end(turn, Outcome.CANCELLED)
            elif not call and not (admitted and self._is_for_us(said)):
                self._ignore(turn)
            elif command:
                self.command(turn, command)
            elif said:
                self.ask(turn, said, language)
            else:
                self._nothing(turn, called=call is not None)

    def failed(self, turn: Turn) -> None:
        """What was said could not be transcribed: tell so whoever spoke to the assistant."""
        with self._lock:
            self.stage.go_on()
            if turn.followed:
                self.stage.cue("error", turn)
            if self._state in (State.LISTENING, State.FOLLOW_UP):
                self._wait()
            self._end(turn, Outcome.FAILED)

    def ask(self, turn: Turn, text: str, language: str) -> None:
        """Answer a question; what is being answered is interrupted."""
        with self._lock:
            self._begin(turn)
            self.stage.ask(turn, text, language)

    def command(self, turn: Turn, name: str) -> None:
        """Carry out a spoken command other than stop."""
        with self._lock:
            self._begin(turn)
            self.stage.command(name, turn)

    def stop(self, by: str, turn: Turn) -> None:
        """Be silent at once; `turn` is the one that asks for it."""
        with self._lock:
            if self._state in ANSWERING:
                self._interrupt(by)
            self.stage.go_on()
            self._cue(Cue.STOPPED)
            self.stage.cue("cancelled", turn)

    def follow(self, cue: Cue, turn: Turn) -> None:
        """Take a cue from the side that speaks; of an older turn it means nothing any more."""
        with self._lock:
            if turn is self._answered:
                if self._state is State.SPEAKING:
                    self._answered_s = self._now_s
                self._cue(cue)

    def _interruptible(self) -> bool:
        return self._config.barge_in == "speech" and self.echo_known()

    def _is_for_us(self, text: str) -> bool:
        """Tell whether admitted speech is meant: into an answer speak also its echo, and coughs."""
        if self._state is not State.SPEAKING:
            return True
        return len(text) >= _SHORTEST_INTERRUPTION and not self.stage.says(text)

    def _woken(self, turn: Turn, word: str, score: float) -> None:
        if self._state in ANSWERING:
            self._interrupt("wake word")
            self.stage.go_on()
        self._bus.publish(WakeWordDetected(turn.number, word, score))
        self._cue(Cue.WOKEN)
        self.stage.cue("listening", turn)

    def _begin(self, turn: Turn) -> None:
        """Make `turn` the one that is answered."""
        if self._state in ANSWERING:
            self._interrupt("question")
        self.stage.go_on()
        self._turns.take_over(turn)
        self.stage.silence(before=turn.number)
        self._answered = turn
        self._cue(Cue.QUESTION)

    def _interrupt(self, by: str) -> None:
        self._answered.cancel()
        self.stage.silence(before=self._answered.number + 1)
        self._bus.publish(TurnCancelled(self._answered.number, by))

    def _ignore(self, turn: Turn) -> None:
        """Nobody spoke to the assistant: go on as if nothing had been said."""
        self.stage.go_on()
        self._end(turn, Outcome.IGNORED)

    def _nothing(self, turn: Turn, called: bool) -> None:
        self.stage.go_on()
        if not called:
            self._end(turn, Outcome.NOTHING_HEARD)
        if self._state in (State.LISTENING, State.FOLLOW_UP):
            self._wait()

    def _end(self, turn: Turn, outcome: Outcome) -> None:
        self._bus.publish(TurnEnded(turn.number, outcome))

    def _cue(self, cue: Cue) -> None:
        before, self._state = self._state, next_state(self._state, cue)
        self._wait()
        if self._state is not before:
            self._bus.publish(StateChanged(self._answered.number, self._state))

    def _wait(self) -> None:
        seconds = {
            State.LISTENING: self._config.listen_s,
            State.FOLLOW_UP: self._config.follow_up_s,
        }
        self._until_s = self._now_s + seconds.get(self._state, 0.0)
