"""Keeps what PortAudio prints out of the terminal and the log.

When a sound server dies, PortAudio's threads print lines of their own source code to standard
error, and nothing in its interface turns that off. What anything else prints there comes through,
also the last words of a process that is ended by a native library: another process reads along.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_LOGGER = logging.getLogger(__name__)

_CHATTER = r"^(Expression '.*' failed in '.*', line: [0-9]+|ALSA lib [a-z_]+\.c:[0-9]+:.*|)$"
"""Their lines; between them they leave some empty."""
_STDERR = 2
_END_S = 2.0


_stays = threading.Event()
_open: list[tuple[int, subprocess.Popen[bytes]]] = []
"""The real standard error and who reads in its place, as long as there is one."""


def stay() -> None:
    """Leave it out until the process ends: something prints it without end."""
    _stays.set()


@contextmanager
def without_chatter() -> Iterator[None]:
    """Leave out of standard error what PortAudio and ALSA print, as long as this lasts.

    They are shown if this logger is at debug level, and where there is no `grep`.
    """
    grep = shutil.which("grep")
    if grep is None or _LOGGER.isEnabledFor(logging.DEBUG):
        yield
        return
    real = os.dup(_STDERR)
    reader = subprocess.Popen(
        # In a session of its own: Ctrl-C ends us, and then what is still to be read.
        [grep, "--line-buffered", "--text", "-vE", _CHATTER],
        stdin=subprocess.PIPE,
        stdout=real,
        start_new_session=True,
    )
    assert reader.stdin is not None
    os.dup2(reader.stdin.fileno(), _STDERR)
    reader.stdin.close()
    _open.append((real, reader))
    try:
        yield
    finally:
        if not _stays.is_set():
            show_again()


def show_again() -> None:
    """Leave nothing out any more."""
    while _open:
        real, reader = _open.pop()
        os.dup2(real, _STDERR)
        os.close(real)
        _finish(reader)


def _finish(reader: subprocess.Popen[bytes]) -> None:
    """Wait until all was read; a child of ours that still holds the other end is not waited for."""
    try:
        reader.wait(_END_S)
    except subprocess.TimeoutExpired:
        reader.terminate()
        reader.wait()
