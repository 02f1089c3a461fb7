"""Writing the files of a knowledge base so that a power cut leaves the old or the new one."""

from __future__ import annotations

import os
from pathlib import Path

from llm import KnowledgeError

_SHARED, _PRIVATE = 0o644, 0o600


def write_atomically(path: Path, content: str | bytes, private: bool = False) -> None:
    """Write a file whole or not at all; a new one is readable by all unless `private`.

    Raises KnowledgeError.
    """
    data = content.encode() if isinstance(content, str) else content
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else _SHARED
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Created with its mode: a USB stick (FAT) lets nobody change it afterwards.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
            descriptor = os.open(partial, flags, _PRIVATE if private else mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            place(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(path, error) from error


def write_new(path: Path, content: str | bytes, private: bool = False) -> None:
    """Write a file that must not exist yet. Raises KnowledgeError."""
    if path.exists():
        raise KnowledgeError(f"{path} exists already and is not overwritten")
    write_atomically(path, content, private)


def place(partial: Path, path: Path) -> None:
    """Put a complete file in its place, on the disk and not only in memory. Raises OSError."""
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def unwritable(path: Path, error: OSError) -> KnowledgeError:
    """Return the error for a file that cannot be written."""
    return KnowledgeError(f"{path} cannot be written: {error.strerror or error}")
