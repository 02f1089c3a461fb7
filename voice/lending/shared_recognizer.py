"""One recogniser for the conversation and for programs, whose turn comes after its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from asr import Recognizer, RecognizerStream, Samples, Transcript

Use = Callable[[], AbstractContextManager[None]]


class Precedence:
    """Lets one use a thing at a time, and the conversation before everybody else."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False
        self._first = 0
        """Uses of the conversation that wait."""

    @contextmanager
    def first(self) -> Iterator[None]:
        """Use it for the conversation."""
        with self._changed:
            self._first += 1
            self._changed.wait_for(lambda: not self._taken)
            self._first -= 1
            self._taken = True
        with self._taking():
            yield

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Use it when the conversation does not want to."""
        with self._changed:
            self._changed.wait_for(lambda: not (self._taken or self._first))
            self._taken = True
        with self._taking():
            yield

    @contextmanager
    def _taking(self) -> Iterator[None]:
        try:
            yield
        finally:
            with self._changed:
                self._taken = False
                self._changed.notify_all()


class SharedRecognizer:
    """A recogniser in several hands: this one's calls wait for those of others to end."""

    def __init__(self, recognizer: Recognizer, use: Use) -> None:
        """`use` is entered for each call of the recogniser."""
        self.streaming = recognizer.streaming
        self.decoder = recognizer.decoder
        self._recognizer = recognizer
        self._use = use

    def stream(self) -> RecognizerStream:
        """Begin an utterance."""
        return _SharedStream(self._recognizer.stream(), self._use)


class _SharedStream:
    """One utterance."""

    def __init__(self, stream: RecognizerStream, use: Use) -> None:
        self._stream = stream
        self._use = use

    def accept(self, samples: Samples) -> None:
        with self._use():
            self._stream.accept(samples)

    def partial(self, paused: bool = False) -> str:
        with self._use():
            return self._stream.partial(paused)

    def finish(self) -> Transcript:
        with self._use():
            return self._stream.finish()


def shared(recognizer: Recognizer) -> tuple[Recognizer, Recognizer]:
    """Return a recogniser twice: for the conversation, and for programs aside.

    A decoding that has begun is not broken off: the conversation waits for the rest of it.
    """
    precedence = Precedence()
    return (
        SharedRecognizer(recognizer, precedence.first),
        SharedRecognizer(recognizer, precedence.aside),
    )
