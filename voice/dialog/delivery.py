"""Speaks one answer as it comes: how it begins first, the rest when that is known."""

from __future__ import annotations

from collections.abc import Callable

from voice.audio import Speaker
from voice.dialog.turn import Turn
from voice.process.overseer import SPEAKING, Work
from voice.reply import speech
from voice.tts import Synthesizer


class Delivery:
    """What was spoken of the answer of one turn."""

    def __init__(
        self,
        turn: Turn,
        voice: Synthesizer,
        speaker: Speaker,
        started: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """`started` is told when the first samples are about to go to the loudspeaker."""
        self.turn = turn
        self.begun = ""
        """Text that has been spoken, or is being."""
        self._voice = voice
        self._speaker = speaker
        self._started = started
        self._clock = clock
        self._heard_s = float("inf")
        """When all that was given to the loudspeaker will have been heard."""

    def nobody_waits(self) -> bool:
        """Tell whether it is too late to go on in other words: somebody has interrupted, or the
        beginning has been heard."""
        return self.turn.cancelled() or self._clock() > self._heard_s

    def speak(self, text: str, language: str, labour: Work) -> bool:
        """Queue the speech of what of `text` was not spoken before; False if interrupted."""
        pieces = speech(text, language, self._voice, self.turn.cancelled, self.begun)
        first, self.begun = not self.begun, text
        for samples in labour.each(SPEAKING, self.turn.number, pieces):
            if self.turn.cancelled():
                return False
            if first:
                first, self._heard_s = False, self._clock()
                self._started()
            self._speaker.play(samples, self._voice.rate_hz, self.turn.number)
            self._heard_s = max(self._heard_s, self._clock()) + len(samples) / self._voice.rate_hz
        return not self.turn.cancelled()
