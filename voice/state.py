"""The life of a conversation, as one pure function from state and cue to state."""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """What the assistant is doing."""

    IDLE = "idle"
    """Nobody has called; only a wake word or a button changes that."""
    LISTENING = "listening"
    """Called; what is said now is a question."""
    THINKING = "thinking"
    """A question was understood, its answer is on the way."""
    SPEAKING = "speaking"
    """The answer is being played."""
    FOLLOW_UP = "follow_up"
    """For a few seconds after an answer no wake word is needed."""


class Cue(Enum):
    """What may change that."""

    WOKEN = "woken"
    QUESTION = "question"
    SPEAKS = "speaks"
    """The first sample of an answer was played."""
    ANSWERED = "answered"
    STOPPED = "stopped"
    FAILED = "failed"
    TIME_UP = "time_up"
    """Nobody said anything for as long as the state may last."""


_FROM_ANY = {
    Cue.WOKEN: State.LISTENING,
    Cue.QUESTION: State.THINKING,
    Cue.STOPPED: State.IDLE,
}
_CHANGES = {
    (State.LISTENING, Cue.TIME_UP): State.IDLE,
    (State.FOLLOW_UP, Cue.TIME_UP): State.IDLE,
    (State.THINKING, Cue.SPEAKS): State.SPEAKING,
    (State.THINKING, Cue.ANSWERED): State.FOLLOW_UP,
    (State.THINKING, Cue.FAILED): State.IDLE,
    (State.SPEAKING, Cue.ANSWERED): State.FOLLOW_UP,
    (State.SPEAKING, Cue.FAILED): State.IDLE,
}


def next_state(state: State, cue: Cue) -> State:
    """Return the state that follows; a cue that means nothing in a state changes nothing.

    A late cue of an answer that was interrupted is such a one: it finds no answer going on.
    """
    return _CHANGES.get((state, cue), _FROM_ANY.get(cue, state))
