"""One answerer for the person in front of the assistant and for programs that ask aside."""

from __future__ import annotations

import threading
from collections.abc import Callable

from llm.answer import Answer, Answerer, Begin
from llm.retrieve import Retriever

Tell = Callable[[Answer, str], None]
"""Takes an answer, and the question before it was repaired."""

_WAIT_S = 5.0
"""Longest wait of a program for its turn."""


class SharedAnswerer:
    """Lets one question in at a time. A spoken one hardly waits for a program's: that gets the
    vetted text at once instead of a composed one."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._lock = threading.Lock()
        self.tell: Tell = lambda answer, heard: None
        """Told each answer that a program was given."""
        self._spoken = 0
        """Spoken questions that wait or are being answered."""

    @property
    def retriever(self) -> Retriever:
        """Return the search over what may be spoken; it may be asked at any time."""
        return self._answerer.retriever

    def answer(
        self,
        text: str,
        language: str | None = None,
        cancelled: Callable[[], bool] = lambda: False,
        previous: Answer | None = None,
        begin: Begin = lambda answer: None,
    ) -> Answer:
        """Answer a spoken question; see `Answerer.answer`. Called by one thread."""
        self._spoken += 1
        try:
            with self._lock:
                return self._answerer.answer(text, language, cancelled, previous, begin)
        finally:
            self._spoken -= 1

    def prefill(self, language: str, cancelled: Callable[[], bool]) -> None:
        """Make the first composed answer quicker; see `Answerer.prefill`."""
        with self._lock:
            self._answerer.prefill(language, cancelled)

    def answer_aside(
        self, text: str, language: str | None = None, heard: str = ""
    ) -> Answer | None:
        """Answer a program's question; None if the assistant is needed for a spoken one.

        `heard` is what was recognised where the question was recorded.
        """
        if self._spoken or not self._lock.acquire(timeout=_WAIT_S):
            return None
        try:
            answer = self._answerer.answer(text, language, lambda: self._spoken > 0)
        finally:
            self._lock.release()
        self.tell(answer, heard or text)
        return answer

    def exchange(self, answerer: Answerer) -> Answerer:
        """Answer with another one from now on; return the one before, which nobody uses now."""
        with self._lock:
            before, self._answerer = self._answerer, answerer
        return before
