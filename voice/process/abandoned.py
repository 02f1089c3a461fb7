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
    atexit.register(leave, exit_code)


def leave(exit_code: int) -> NoReturn:
    """End the process now, from any thread; what was printed so far is seen."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # whatever becomes of those who read it
        os._exit(exit_code)
