"""Finds the stage that hangs. Native code cannot be interrupted: what hangs in it is given up."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

HEARING = "speech recognition"
ANSWERING = "the search or the language model"
SPEAKING = "speech synthesis"
"""Stages."""
PATIENCE_S = 20.0
"""Longest piece of work of a stage: many times what a Raspberry Pi takes for any of them. Where
other programs keep the cores busy, all takes longer: see `_strain`."""
_LOOK_S = 0.5
_LONGEST_LOOK_S = 2 * _LOOK_S
"""What counts of the time between two looks: after a sleep of the machine nothing hangs yet."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Piece:
    """A piece of work."""

    stage: str = ""
    """Whose work it is; empty = none: the thread waits for some."""
    turn: int = 0
    granted_s: float = 0.0
    """Time that it may take beyond what any piece of work may."""


class Work:
    """What a thread is doing, for whoever looks from outside."""

    def __init__(self) -> None:
        self.now = Piece()

    @contextmanager
    def doing(self, stage: str, turn: int, granted_s: float = 0.0) -> Iterator[None]:
        """Tell that a piece of work is done as long as this lasts."""
        before, self.now = self.now, Piece(stage, turn, granted_s)
        try:
            yield
        finally:
            self.now = before

    def each(self, stage: str, turn: int, items: Iterator[_T]) -> Iterator[_T]:
        """Yield items, each made by a piece of work of its own."""
        while True:
            with self.doing(stage, turn):
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item


def _strain() -> float:
    """Return how many programs share a core, 1 at least."""
    return max(1.0, os.getloadavg()[0] / len(os.sched_getaffinity(0)))


class Overseer:
    """A thread that looks at other threads' work, and tells once of a piece without an end."""

    def __init__(
        self,
        works: Sequence[Work],
        hangs: Callable[[Piece], None],
        clock: Callable[[], float] = time.monotonic,
        strain: Callable[[], float] = _strain,
    ) -> None:
        self._seen = [(work, work.now, 0.0) for work in works]
        self._hangs = hangs
        self._clock = clock
        self._strain = strain
        self._looked_s = clock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="overseer", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """End; what it has found is being told to the end."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def look(self) -> Piece | None:
        """Return a piece of work that has lasted too long."""
        now_s = self._clock()
        passed_s, self._looked_s = min(now_s - self._looked_s, _LONGEST_LOOK_S), now_s
        for place, (work, piece, lasted_s) in enumerate(self._seen):
            goes_on = work.now is piece and bool(piece.stage)
            self._seen[place] = (work, work.now, lasted_s + passed_s if goes_on else 0.0)
            if goes_on and lasted_s + passed_s > self._strain() * PATIENCE_S + piece.granted_s:
                return piece
        return None

    def _work(self) -> None:
        while not self._ended.wait(_LOOK_S):
            piece = self.look()
            if piece is not None:
                self._hangs(piece)
                return
