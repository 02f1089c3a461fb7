"""Finds the stage that hangs. Native code cannot be interrupted: what hangs in it is given up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from voice.process.processor_wait import ProcessorWait
from voice.process.threads import Background

HEARING = "speech recognition"
ANSWERING = "the search or the language model"
SPEAKING = "speech synthesis"
"""Stages."""
PATIENCE_S = 20.0
"""Longest piece of work of a stage: many times what a Raspberry Pi takes for any of them. What
other programs take of the processor meanwhile does not count."""
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


class Overseer(Background):
    """Looks at other threads' work, and tells once of a piece without an end.

    Finished, it has told to the end of what it has found.
    """

    def __init__(
        self,
        works: Sequence[Work],
        hangs: Callable[[Piece], None],
        clock: Callable[[], float] = time.monotonic,
        waited: Callable[[], float] | None = None,
    ) -> None:
        """`waited` returns for how many seconds, since it was last asked, threads could not work
        because there was no processor free."""
        super().__init__("overseer")
        self._seen = [(work, work.now, 0.0) for work in works]
        self._hangs = hangs
        self._clock = clock
        self._waited = waited or ProcessorWait().passed_s
        self._looked_s = clock()

    def look(self) -> Piece | None:
        """Return a piece of work that has lasted too long."""
        now_s = self._clock()
        passed_s = min(now_s - self._looked_s, _LONGEST_LOOK_S) - self._waited()
        self._looked_s = now_s
        for place, (work, piece, lasted_s) in enumerate(self._seen):
            goes_on = work.now is piece and bool(piece.stage)
            lasted_s = max(0.0, lasted_s + passed_s) if goes_on else 0.0
            self._seen[place] = (work, work.now, lasted_s)
            if lasted_s > PATIENCE_S + piece.granted_s:
                return piece
        return None

    def _work(self) -> None:
        while not self._ended.wait(_LOOK_S):
            piece = self.look()
            if piece is not None:
                self._hangs(piece)
                return
