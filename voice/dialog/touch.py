"""What a person does on the screen, put to the conversation as if it had been said."""

from __future__ import annotations

from llm.language import detect_language
from voice.audio import Samples, Speaker
from voice.dialog.conversation import Conversation
from voice.dialog.turn import Turns
from voice.events import Bus, FinalTranscript

TOUCH = "touch"
"""Stands where the wake word stands of a call that was spoken."""


class Touch:
    """The controls of `voice.kiosk`. Safe to use from any thread."""

    def __init__(
        self, conversation: Conversation, turns: Turns, speaker: Speaker, bus: Bus
    ) -> None:
        self._conversation = conversation
        self._turns = turns
        self._speaker = speaker
        self._bus = bus

    @property
    def volume(self) -> float:
        """Loudness of the answers, 0.0 to 1.0."""
        return self._speaker.volume

    @volume.setter
    def volume(self, volume: float) -> None:
        self._speaker.volume = volume

    def ask(self, text: str, language: str) -> None:
        """Answer a question aloud."""
        turn = self._turns.create()
        language = language or detect_language(text)
        self._bus.publish(FinalTranscript(turn.number, text, text, language))
        self._conversation.ask(turn, text, language)

    def command(self, name: str) -> None:
        """Wake, stop, or carry out a spoken command."""
        turn = self._turns.create()
        if name == "wake":
            self._conversation.detected(turn, TOUCH, 1.0)
        elif name == "stop":
            self._conversation.stop(TOUCH, turn)
        else:
            self._conversation.command(turn, name)

    def play(self, samples: Samples, rate_hz: int) -> None:
        """Play audio on the loudspeaker, as a turn of its own that anybody may interrupt.

        Raises DeviceError if the loudspeaker takes nothing.
        """
        self._speaker.play(samples, rate_hz, self._turns.create().number)
