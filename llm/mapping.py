"""Keeps of a file that is mapped into memory only what is used."""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import suppress
from pathlib import Path


def release_mapping(path: Path) -> None:
    """Let go of the pages of a mapped file that nothing has written to; what is used comes back
    from the system's cache at the first touch.

    llama.cpp maps a whole model as resident, and of its table of token vectors (a fifth of a small
    model) an answer touches a few rows. Does nothing where the system cannot.
    """
    with suppress(OSError, AttributeError):
        release = ctypes.CDLL(None, use_errno=True).madvise
        for start, end in _mappings(path.resolve()):
            release(ctypes.c_void_p(start), ctypes.c_size_t(end - start), mmap.MADV_DONTNEED)


def _mappings(path: Path) -> list[tuple[int, int]]:
    """Return where a file is mapped for reading alone: elsewhere something could be lost."""
    name = os.fsencode(path)
    found = []
    for line in Path("/proc/self/maps").read_bytes().splitlines():
        # address, rights, offset, device, inode, path
        parts = line.split(maxsplit=5)
        if len(parts) == 6 and parts[5] == name and parts[1][:2] == b"r-":
            start, end = (int(edge, 16) for edge in parts[0].split(b"-"))
            found.append((start, end))
    return found
