"""Audio edges: microphones and loudspeakers, real, recorded and virtual."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono audio in [-1, 1], shape (n,)."""


class Microphone(Protocol):
    """A source of audio; ends when it is closed or when the recording ends."""

    rate_hz: int

    def chunks(self) -> Iterator[Samples]:
        """Yield mono audio as it comes."""
        ...

    def close(self) -> None:
        """Stop; `chunks` then ends."""
        ...


class Speaker(Protocol):
    """A sink of audio; every sample belongs to a turn."""

    volume: float
    """0.0 to 1.0; holds for audio queued from now on."""

    def play(self, samples: Samples, rate_hz: int, turn: int) -> None:
        """Queue audio, blocking while the queue is full; dropped if the turn was flushed."""
        ...

    def flush(self, before: int) -> None:
        """Silence all turns older than `before`, now and later."""
        ...

    def hold(self) -> None:
        """Pause at once; nothing is lost."""
        ...

    def go_on(self) -> None:
        """Go on where `hold` paused."""
        ...

    def drain(self, turn: int, timeout_s: float) -> bool:
        """Wait until all audio of `turn` was played; False if time ran out."""
        ...

    def close(self) -> None:
        """Free the device."""
        ...
