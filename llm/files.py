"""Files that are whole or not there: written under another name, put on the disk, renamed."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHARED, _PRIVATE = 0o644, 0o600


def write_whole(path: Path, content: str | bytes, private: bool = False) -> None:
    """Replace a file, or make it and its folder; a new one is readable by all unless `private`.

    Raises OSError.
    """
    data = content.encode() if isinstance(content, str) else content
    mode = path.stat().st_mode & 0o777 if path.exists() else _SHARED
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        # Created with its mode: a USB stick (FAT) lets nobody change it afterwards.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(partial, flags, _PRIVATE if private else mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)


def write_json(path: Path, value: object) -> None:
    """Replace a file of JSON that people can read. Raises OSError."""
    write_whole(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the name of a file to write, which takes the place of `path` if all goes well.

    Otherwise nothing of it is left, and an older file stays as it was. Raises OSError.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        place(partial, path)
    finally:
        with suppress(OSError):  # the folder itself may be what is wrong
            partial.unlink(missing_ok=True)


def place(partial: Path, path: Path) -> None:
    """Put a complete file in its place, on the disk and not only in memory. Raises OSError."""
    sync(partial)
    partial.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
