"""Files that only the assistant reads: hashes of tokens, keys, the PIN."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llm.knowledge.files import write_atomically

_OWNER_ALONE = 0o700


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, with mode 0600, for the owner of its folder.

    So root can make a token for an assistant that runs as another user. Raises KnowledgeError.
    """
    write_atomically(path, content, private=True)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder if there is none, and let one program at a time change what is in it."""
    if not folder.exists():
        folder.mkdir(parents=True, mode=_OWNER_ALONE, exist_ok=True)
        if os.geteuid() == 0:
            owner = folder.parent.stat()
            os.chown(folder, owner.st_uid, owner.st_gid)
    opened = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield
    finally:
        os.close(opened)
