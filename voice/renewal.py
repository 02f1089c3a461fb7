"""Begins anew where only a new process mends what is broken: a device or a stage that hangs.

The program is started again in the same process: whoever waits for that, systemd or a terminal,
sees no end, threads that hang are gone, and some seconds later somebody listens again.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from voice.errors import DeviceError
from voice.process.chatter import show_again

APART_S = 60.0
"""What breaks sooner again is not mended that way: then the run ends with its error."""
_RENEWED = "HEAN_RENEWED_S"
"""Variable that tells the new program when it was begun, by the clock since the machine started."""
_LOOK_AGAIN_S = 2.0
_T = TypeVar("_T")


def found_again(find: Callable[[], _T]) -> _T:
    """Find a device; one that was there before the program was begun anew, as soon as it is back.

    Raises DeviceError if it was not, or if the devices hang.
    """
    from voice.audio.portaudio import rescan

    while True:
        try:
            return find()
        except DeviceError as error:
            if error.renews or not os.environ.get(_RENEWED):
                raise
        time.sleep(_LOOK_AGAIN_S)
        rescan()


def may_renew() -> bool:
    """Tell whether beginning anew may help: it was not tried just now."""
    last_s = os.environ.get(_RENEWED, "")
    return not last_s or time.monotonic() - float(last_s) > APART_S


def renew(reason: str) -> None:
    """Say why and begin anew, with the same arguments. Never returns."""
    show_again()
    with suppress(OSError):  # nobody may read any more what it says
        sys.stdout.flush()
        sys.stderr.write(f"hean: {reason}; beginning anew\n")
        sys.stderr.flush()
    environment = {**os.environ, _RENEWED: str(time.monotonic())}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)
