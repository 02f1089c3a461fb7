"""What was said and how: for "say that again", "slower", "louder", "go on".

Plain values and arithmetic; the thread that speaks keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

SPEED_STEP, SLOWEST, FASTEST = 0.15, 0.7, 1.3
"""Beyond, the shipped voices become hard to understand."""
VOLUME_STEP, SOFTEST, LOUDEST = 0.2, 0.2, 1.0
"""The softest is still heard: whoever asks for less wants it softer, not gone."""

_ALMOST_S = 0.15
"""A piece counts as heard so much before its end, where it only dies away."""


@dataclass(frozen=True)
class VoiceSettings:
    """How the assistant speaks."""

    speed: float = 1.0
    """1.0 = natural."""
    volume: float = 1.0
    """0.0 to 1.0."""

    def after(self, command: str) -> VoiceSettings:
        """Return the settings after a spoken command; most commands change nothing.

        A configured value beyond the bounds stays where it is rather than turn the wrong way.
        """
        speed, volume = self.speed, self.volume
        if command == "slower":
            speed = _down(speed, SPEED_STEP, SLOWEST)
        elif command == "faster":
            speed = _up(speed, SPEED_STEP, FASTEST)
        elif command == "softer":
            volume = _down(volume, VOLUME_STEP, SOFTEST)
        elif command == "louder":
            volume = _up(volume, VOLUME_STEP, LOUDEST)
        return replace(self, speed=speed, volume=volume)


def _down(value: float, step: float, lowest: float) -> float:
    return round(min(value, max(value - step, lowest)), 2)


def _up(value: float, step: float, highest: float) -> float:
    return round(max(value, min(value + step, highest)), 2)


@dataclass
class Spoken:
    """An answer that is being spoken, and how much of it a person has heard."""

    language: str
    pieces: tuple[str, ...]
    """The text as it was cut for the voice, in order."""
    _ends_s: list[float] = field(default_factory=list)
    """Where each piece ends, in seconds of audio; those that were synthesised so far."""

    def synthesised(self, durations_s: Iterable[float]) -> None:
        """Take the length of the next piece: the sum of its chunks, in seconds."""
        begin_s = self._ends_s[-1] if self._ends_s else 0.0
        self._ends_s.append(begin_s + sum(durations_s))

    def heard_pieces(self, heard_s: float) -> int:
        """Return how many pieces were heard to their end, `heard_s` seconds after the first
        sample left the loudspeaker, pauses of the loudspeaker not counted.
        """
        return sum(end_s - _ALMOST_S <= heard_s for end_s in self._ends_s)

    def heard(self, heard_s: float) -> tuple[str, ...]:
        """Return the pieces that were heard to their end."""
        return self.pieces[: self.heard_pieces(heard_s)]

    def rest(self, heard_s: float) -> tuple[str, ...]:
        """Return what is left to say, from the beginning of the piece that was cut off."""
        return self.pieces[self.heard_pieces(heard_s) :]
