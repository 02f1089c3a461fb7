"""What was talked about just now, for questions that go on from it."""

from __future__ import annotations

import time
from collections.abc import Callable

from llm.answer import Answer

CONTEXT_S = 90.0
"""After that the next person may be another one, who means something else by "and children?"."""


class Context:
    """The last answer, for as long as "and the children?" still means what it was about."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._answer: Answer | None = None
        self._until_s = 0.0

    def put(self, answer: Answer) -> None:
        """Remember an answer."""
        self._answer, self._until_s = answer, self._clock() + CONTEXT_S

    def get(self) -> Answer | None:
        """Return the last answer, None if there is none or it is too old."""
        return self._answer if self._clock() < self._until_s else None
