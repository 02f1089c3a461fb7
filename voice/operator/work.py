"""What takes long, one at a time: a flash, a self-test, reading all models."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from voice.errors import HeanError, StageError, UsageError, translated

IDLE, RUNNING, DONE, FAILED = "idle", "running", "done", "failed"


class Report(Protocol):
    """Told what is being done, and how much of how much of it is done."""

    def __call__(self, doing: str, done: int = 0, total: int = 0) -> None:
        """Take one step."""
        ...


class Busy(UsageError):
    """Something else is going on."""

    code = "busy"


@dataclass(frozen=True)
class State:
    """What goes on, or how the last work ended."""

    kind: str = ""
    """flash, check or verify."""
    state: str = IDLE
    doing: str = ""
    done: int = 0
    total: int = 0
    """0 where that means nothing."""
    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] = field(default_factory=dict)
    """code, message and fix of what went wrong."""

    def as_json(self) -> dict[str, Any]:
        """Return it for the page."""
        return {"type": "work", **vars(self)}


class Work:
    """A thread for one thing after the other; `tell` hears of every change."""

    def __init__(self, tell: Callable[[dict[str, Any]], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._state = State()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> State:
        """Return what goes on."""
        return self._state

    def start(self, kind: str, run: Callable[[Report], dict[str, Any]]) -> State:
        """Begin; what `run` returns is the result. Raises Busy."""
        with self._lock:
            if self._state.state == RUNNING:
                raise Busy("something else is going on", "wait for its end")
            self._set(State(kind, RUNNING))
            self._thread = threading.Thread(target=self._work, args=(run,), name=kind, daemon=True)
            self._thread.start()
            return self._state

    def finish(self, timeout_s: float | None = None) -> None:
        """Wait until nothing goes on."""
        if self._thread:
            self._thread.join(timeout_s)

    def _work(self, run: Callable[[Report], dict[str, Any]]) -> None:
        ended = replace(self._state, state=FAILED)
        try:
            with translated():
                ended = replace(self._state, state=DONE, result=run(self._report))
        except HeanError as error:
            ended = replace(self._state, state=FAILED, error=error.as_json())
        except OSError as error:  # a stick that was pulled out
            told = StageError(f"{error.strerror or error}", "try again").as_json()
            ended = replace(self._state, state=FAILED, error=told)
        finally:
            # Whatever happened, a page that waits must not wait for ever.
            self._set(ended)

    def _report(self, doing: str, done: int = 0, total: int = 0) -> None:
        before = self._state
        # A page has no use for more than a thousand steps.
        same = before.doing == doing and total and done < total
        if not same or (done - before.done) * 1000 >= total:
            self._set(replace(before, doing=doing, done=done, total=total))

    def _set(self, state: State) -> None:
        self._state = state
        self._tell(state.as_json())
