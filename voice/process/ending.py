"""The end that somebody asks for by a signal: Ctrl-C, or a supervisor's SIGTERM.

No exception is raised for it. That would come between any two instructions of the main thread, also
between the taking of a lock and the block that gives it back: whoever needs the lock then waits for
ever (`tests/faults/test_ends.py` has such a moment). The C handler writes a byte instead, a
thread reads it, and ends in order what runs.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from voice.errors import EXIT_INTERRUPTED
from voice.process.abandoned import abandon, leave

BOUND_S = 18.0
"""Longest end: then all stacks are printed, and the process ends with exit code 1. More than stages
and devices are waited for, less than systemd waits (`TimeoutStopSec=20`)."""
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STDERR = 2
_ONE_WISH_S = 1.0
"""Signals within it are one: `timeout` sends to the process, then to its group."""


class Ending:
    """Takes SIGTERM and SIGINT until it is closed; a signal that is ignored stays so.

    Unless something runs that is ended in order (`by`), the process just ends: then nothing is
    begun that would be lost. So it does at a second signal. Made and closed by the main thread.
    """

    def __init__(self) -> None:
        self.asked = False
        self._end: Callable[[], None] = _leave
        self._heard, self._told = socket.socketpair()
        self._told.setblocking(False)
        # In this order: no signal finds a handler that does nothing and nobody to tell.
        self._wakeup_before = signal.set_wakeup_fd(self._told.fileno(), warn_on_full_buffer=False)
        numbers = [n for n in _SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, _nothing) for number in numbers}
        self._thread = threading.Thread(target=self._work, name="ending", daemon=True)
        self._thread.start()

    @contextmanager
    def by(self, end: Callable[[], None]) -> Iterator[None]:
        """Let `end` end what runs in the block, from another thread.

        Raises KeyboardInterrupt after the block, whatever came of it, if the end was asked for.
        """
        self._end = end
        try:
            yield
        finally:
            if self.asked:
                raise KeyboardInterrupt

    def close(self) -> None:
        """Leave signals to what took them before, or to the kernel if the end was asked for:
        Python would raise an exception in the last steps of the process."""
        for number, before in self._before.items():
            signal.signal(number, signal.SIG_DFL if self.asked else before)
        signal.set_wakeup_fd(self._wakeup_before)
        self._told.close()
        self._thread.join()
        self._heard.close()

    def _work(self) -> None:
        asked_s = 0.0
        while self._heard.recv(1):
            if not self.asked:
                asked_s = time.monotonic()
                self.asked = True
                # By a thread of C: it needs neither a lock nor the interpreter.
                faulthandler.dump_traceback_later(BOUND_S, exit=True, file=_STDERR)
                # All that matters is ended in order before: what is left are native libraries.
                abandon(EXIT_INTERRUPTED)
                # Beside this thread, which sees when further signals come.
                threading.Thread(target=self._end, name="end", daemon=True).start()
            elif time.monotonic() - asked_s > _ONE_WISH_S:
                _leave()


def _nothing(_signal: int, _frame: object) -> None:
    """Python has the byte written only where it has a handler to call."""


def _leave() -> None:
    with suppress(OSError):  # nobody reads it any more
        os.write(_STDERR, b"hean: interrupted\n")
    leave(EXIT_INTERRUPTED)
