"""What happened, told to whoever watches: log, metrics, audit, screen.

Events carry no audio and nothing depends on an observer. Each has the number of its turn
(0: none) and a monotonic time in seconds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from llm.answer import Answer
from voice.state import State


class Outcome(Enum):
    """How a turn ended."""

    ANSWERED = "answered"
    CANCELLED = "cancelled"
    NOTHING_HEARD = "nothing_heard"
    FAILED = "failed"
    IGNORED = "ignored"
    """Said to somebody else."""


@dataclass(frozen=True)
class Event:
    """Base of all events."""

    turn: int
    at_s: float = field(default_factory=time.monotonic, kw_only=True)


@dataclass(frozen=True)
class StateChanged(Event):
    """The assistant does something else now."""

    state: State


@dataclass(frozen=True)
class WakeWordDetected(Event):
    """Somebody called."""

    word: str
    score: float


@dataclass(frozen=True)
class LevelMeasured(Event):
    """How loud the microphone was in the last quarter of a second."""

    level_dbfs: float


@dataclass(frozen=True)
class SpeechStarted(Event):
    """A person began to speak."""


@dataclass(frozen=True)
class PartialTranscript(Event):
    """What was heard so far; may still change."""

    text: str


@dataclass(frozen=True)
class SpeechEnded(Event):
    """The question is over."""

    reason: str
    """"silence", "complete", "too_long" or "end_of_audio"."""
    audio_s: float
    """Length of the question in seconds of audio."""
    last_voiced_s: float
    """Monotonic time at which its last voiced sample came in."""


@dataclass(frozen=True)
class FinalTranscript(Event):
    """What was heard, and what it was understood as after repair."""

    heard: str
    understood: str
    language: str


@dataclass(frozen=True)
class AnswerBegun(Event):
    """The first sentence of an answer is known, and is spoken while the rest is composed."""

    answer: Answer


@dataclass(frozen=True)
class AnswerReady(Event):
    """The answer policy has spoken."""

    answer: Answer


@dataclass(frozen=True)
class PlaybackStarted(Event):
    """The first sample of the answer went to the loudspeaker."""


@dataclass(frozen=True)
class PlaybackEnded(Event):
    """All of the answer was played."""


@dataclass(frozen=True)
class TurnCancelled(Event):
    """Somebody interrupted."""

    by: str


@dataclass(frozen=True)
class Notice(Event):
    """Something the owner should know."""

    message: str


@dataclass(frozen=True)
class DeviceLost(Event):
    """The microphone or the loudspeaker is gone."""

    message: str


@dataclass(frozen=True)
class DeviceRestored(Event):
    """The devices are back."""


@dataclass(frozen=True)
class CareNeeded(Event):
    """The machine has other problems than before: heat, power, disk, clock."""

    kinds: tuple[str, ...]
    """One word for each; none: all is well again."""
    problems: tuple[str, ...]
    """The same in sentences."""


@dataclass(frozen=True)
class StageFailed(Event):
    """A stage could not do its work."""

    stage: str
    message: str


@dataclass(frozen=True)
class TurnEnded(Event):
    """The turn is over."""

    outcome: Outcome


class Bus:
    """Tells every event to every observer, in order, in the thread that publishes."""

    def __init__(self) -> None:
        self._observers: list[Callable[[Event], None]] = []

    def subscribe(self, observer: Callable[[Event], None]) -> None:
        """Add an observer; only before the assistant starts."""
        self._observers.append(observer)

    def publish(self, event: Event) -> None:
        """Tell all observers. They must be quick: they run in the publishing thread."""
        for observer in self._observers:
            observer(event)
