"""One turn of the conversation: an identity with its own cancel switch, never reset or reused."""

from __future__ import annotations

import threading


class Turn:
    """A question and its answer."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.complete_at = 0
        """Number of the pause at which what was said was a question that can be answered; 0 =
        there was none. A look at an earlier pause tells nothing of what was said since."""
        self.followed = False
        """It is meant for the assistant, as far as is known."""
        self.called = ""
        """The wake word that was heard in it."""
        self.quiet = False
        """Who asks has just fallen silent, and may have ended."""
        self.failed = False
        """What was said of it so far could not be transcribed, nor will the rest be."""
        self._cancelled = threading.Event()

    def cancel(self) -> None:
        """Stop all work on this turn soon. There is no way back."""
        self._cancelled.set()

    def cancelled(self) -> bool:
        """Tell whether the turn was cancelled."""
        return self._cancelled.is_set()


class Turns:
    """Hands out turns. At most one is answered at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._answered = Turn(0)
        self._closed = False

    @property
    def closed(self) -> bool:
        """Tell whether nothing is answered any more."""
        return self._closed

    def create(self) -> Turn:
        """Return a new turn. It disturbs nobody: it may turn out to be a cough."""
        with self._lock:
            self._count += 1
            return Turn(self._count)

    def take_over(self, turn: Turn) -> None:
        """Make `turn` the one that is answered; the one before is cancelled."""
        with self._lock:
            self._answered.cancel()
            self._answered = turn
            if self._closed:
                turn.cancel()

    def close(self) -> None:
        """Cancel the turn that is being answered, and every one that would still be."""
        with self._lock:
            self._closed = True
            self._answered.cancel()
