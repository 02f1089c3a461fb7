"""What a person is told while the store works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """How far one piece of work has come."""

    model: str
    """Id of the model; empty if the work is for all of them."""
    doing: str
    """downloading, installing, reading or waiting."""
    part: str
    """The package, address or file."""
    done: int
    """Bytes."""
    total: int
    """Bytes; 0 = not known."""


Progress = Callable[[Step], None]
"""Called often, and from several threads at once."""

Counter = Callable[[int, int], None]
"""Told bytes done and bytes in all (0 = not known) of one piece of work."""


def silent(_step: Step) -> None:
    """Tell nobody."""


def uncounted(_done: int, _total: int) -> None:
    """Count nothing."""
