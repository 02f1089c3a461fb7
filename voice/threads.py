"""Threads that die must not leave an assistant that only looks alive."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from voice.errors import StageError

_LOOK_AGAIN_S = 0.5


@contextmanager
def crashes_end(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` when a thread ends by an error nobody expected, and raise StageError at the end.

    The traceback is printed as usual: it is a fault of the program.
    """
    crashed: list[str] = []
    before = threading.excepthook

    def ended(what: threading.ExceptHookArgs) -> None:
        before(what)
        crashed.append(what.thread.name if what.thread else "a thread")
        stop()

    threading.excepthook = ended
    try:
        yield
    finally:
        threading.excepthook = before
    if crashed:
        raise StageError(f"the {crashed[0]} has crashed", "start again, and report the lines above")


def end(thread: threading.Thread, work: queue.Queue[Any]) -> None:
    """Tell a thread by a None in its queue to end, and wait for it; one that has died, or was
    never started, is not waited for."""
    while thread.is_alive():
        try:
            work.put(None, timeout=_LOOK_AGAIN_S)
        except queue.Full:
            continue
        break
    if thread.ident is not None:
        thread.join()
