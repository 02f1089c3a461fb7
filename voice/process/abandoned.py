"""Threads that native code keeps for ever: the end of the process does not wait for them."""

from __future__ import annotations

import atexit
import os
import sys
from typing import NoReturn


def abandon(exit_code: int) -> None:
    """Let the process end with this code, whatever a thread still does.

    The usual end would wait for it, or free what it still uses.
    """
    atexit.register(_leave, exit_code)


def _leave(exit_code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(exit_code)
