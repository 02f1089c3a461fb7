"""What the listener hands to the recogniser's thread, and what is known of what is being said."""

from __future__ import annotations

from dataclasses import dataclass

from asr import RecognizerStream, Samples
from kws import Detection
from voice.dialog.turn import Turn
from voice.events import SpeechEnded

SHORT_S = 2.6
"""What is longer is no stop word, nor a call within a question; it would be transcribed in vain."""


@dataclass(frozen=True)
class Begin:
    """Somebody begins to speak."""

    turn: Turn
    goes_on: bool = False
    """No audio was left out since the utterance before."""


@dataclass(frozen=True)
class Heard:
    """Audio, both parts shape (n,) and of the same time."""

    samples: Samples
    raw: Samples
    """The same with the assistant's own voice in it."""


@dataclass(frozen=True)
class Hit:
    """A wake word engine found its word."""

    detection: Detection


@dataclass(frozen=True)
class Look:
    """A wake word may have been said."""


@dataclass(frozen=True)
class Pause:
    """The person may have ended, or takes breath."""

    number: int
    late: bool = False
    """It was looked before, and what was said is not known."""


@dataclass(frozen=True)
class End:
    """The utterance is over."""

    ended: SpeechEnded


Work = Begin | Heard | Hit | Look | Pause | End


class Utterance:
    """What is being said."""

    def __init__(self, turn: Turn, stream: RecognizerStream) -> None:
        self.turn = turn
        self.stream = stream
        self.called = ""
        """The wake word that was heard in it."""
        self.called_s = 0.0
        """Length when it was heard."""
        self.audio_s = 0.0
        self.shown = ""

    @property
    def short(self) -> bool:
        """Tell whether all of it was given to the stream, although nobody is meant so far."""
        return self.audio_s <= SHORT_S
