"""Give memory back to the system, and tell how much is used."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any


def give_back() -> None:
    """Return freed memory to the system: about 180 MB after some answers, in a few milliseconds.

    The engines allocate buffers of another size for each sentence; glibc keeps what lies between
    the pieces still in use. Does nothing where the C library is another one.
    """
    library = _glibc()
    if library is not None:
        library.malloc_trim(0)


@cache
def _glibc() -> Any:
    try:
        library = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return library if hasattr(library, "malloc_trim") else None


def resident_mb(pid: int | str = "self", field: str = "VmRSS") -> float:
    """Return the resident memory of a process in megabytes, shared and mapped pages included;
    with the field VmHWM the most it ever was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0
