"""Files that only the assistant reads: hashes of tokens and cookies, the key of its certificate."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from llm.files import write_whole
from voice.errors import ConfigError, cause

_OWNER_ALONE = 0o700


def write_private(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, with mode 0600, for the owner of its folder.

    So root can make a token for an assistant that runs as another user. Raises ConfigError.
    """
    try:
        write_whole(path, content, private=True)
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.chown(path, owner.st_uid, owner.st_gid)
    except OSError as error:
        raise _unwritable(path, error) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder if there is none, and let one program at a time change what is in it.

    Raises ConfigError.
    """
    with ExitStack() as held:
        try:
            opened = _opened(folder)
            held.callback(os.close, opened)
            fcntl.flock(opened, fcntl.LOCK_EX)
        except OSError as error:
            raise _unwritable(folder, error) from error
        yield


def _opened(folder: Path) -> int:
    if not folder.exists():
        folder.mkdir(parents=True, mode=_OWNER_ALONE, exist_ok=True)
        if os.geteuid() == 0:
            owner = folder.parent.stat()
            os.chown(folder, owner.st_uid, owner.st_gid)
    return os.open(folder, os.O_RDONLY)


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"{path} cannot be written: {cause(error)}",
        "free some space, or run it as root or as the user that He'an runs as",
    )
