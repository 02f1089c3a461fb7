"""How the assistant speaks, and what "slower" or "louder" make of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

SPEED_STEP, SLOWEST, FASTEST = 0.15, 0.7, 1.3
"""Beyond, the shipped voices become hard to understand."""
VOLUME_STEP, SOFTEST, LOUDEST = 0.2, 0.2, 1.0
"""The softest is still heard: whoever asks for less wants it softer, not gone."""


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
