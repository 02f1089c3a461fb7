"""Files on disk: hashes, writes that survive a power cut, a lock, clear errors."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models import ModelStoreError
from models.progress import Counter, uncounted

_BLOCK_BYTES = 1 << 20
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NOT_WRITABLE = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR)


def sha256_of(path: Path, counter: Counter = uncounted) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            done += len(block)
            counter(done, total)
    return digest.hexdigest()


def write_json(path: Path, value: object) -> None:
    """Replace a file: after a power cut it is the old or the new one."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    sync(fresh)
    fresh.replace(path)
    sync(path.parent)


def read_json(path: Path) -> Any:
    """Read a file that `write_json` wrote. Raises ValueError if it is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError(f"{path} is nested too deeply") from error


def sync(path: Path) -> None:
    """Wait until a file or the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Wait until a folder and everything in it is on the disk."""
    for path in sorted(folder.rglob("*"), reverse=True):
        sync(path)
    sync(folder)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system cannot do that."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def delete(path: Path) -> None:
    """Delete a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, waits: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file alone; call `waits` if another process holds it.

    The system frees it when a process ends, however it ends.
    """
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def clear_errors(root: Path, fix: str) -> Iterator[None]:
    """Turn a full disk, or a place that cannot be written, into a ModelStoreError."""
    try:
        yield
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise ModelStoreError(
                f"the disk of {root} is full", f"free some space on it, then: {fix}"
            ) from error
        if error.errno in _NOT_WRITABLE:
            raise ModelStoreError(
                f"{error.filename or root} cannot be written",
                "give this user the right to write there, or set models.store to another folder",
            ) from error
        raise


def check_room(root: Path, needed_bytes: int, fix: str) -> None:
    """Raise ModelStoreError if the disk has too little room left."""
    free_bytes = shutil.disk_usage(root).free
    if needed_bytes > free_bytes:
        raise ModelStoreError(
            f"the disk of {root} has too little room: {needed_bytes / 1e6:,.0f} MB are needed,"
            f" {free_bytes / 1e6:,.0f} MB are free",
            f"free some space on it, then: {fix}",
        )
