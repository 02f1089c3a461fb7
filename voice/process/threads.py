"""Threads: what works in the background, and what becomes of the assistant when one dies."""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from voice.errors import StageLost
from voice.process.abandoned import abandon

_LOOK_AGAIN_S = 0.5


class Background(ABC):
    """Works beside the conversation, in a thread of its own, until it is finished."""

    def __init__(self, name: str) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """End, and wait for that; what has never begun is not waited for."""
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work while the block runs."""
        self.start()
        try:
            yield
        finally:
            self.finish()

    @abstractmethod
    def _work(self) -> None:
        """Work until `_ended` is set."""


@contextmanager
def crashes_end(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` when a thread ends by an error nobody expected, and raise StageLost at the end.

    The traceback is printed as usual: it is a fault of the program.
    """
    crashed: list[str] = []
    before = threading.excepthook

    def ended(what: threading.ExceptHookArgs) -> None:
        crashed.append(what.thread.name if what.thread else "a thread")
        stop()
        with suppress(OSError):  # whoever reads standard error may be gone
            before(what)

    threading.excepthook = ended
    try:
        yield
    finally:
        threading.excepthook = before
    if crashed:
        raise StageLost(f"the {crashed[0]} has crashed", "start again, and report the lines above")


def end(
    thread: threading.Thread, work: queue.Queue[Any], given_up: Callable[[], bool] = lambda: False
) -> bool:
    """Tell a thread by a None in its queue to end, and wait for it; one that has died, or was
    never started, is not waited for.

    Return whether it has ended. One that is given up has not: then the process ends without it.
    """
    told = False
    while thread.is_alive():
        told = told or _told(work)
        thread.join(_LOOK_AGAIN_S)
        if thread.is_alive() and given_up():
            abandon(StageLost.exit_code)
            return False
    return True


def _told(work: queue.Queue[Any]) -> bool:
    try:
        work.put(None, timeout=_LOOK_AGAIN_S)
    except queue.Full:
        return False
    return True
