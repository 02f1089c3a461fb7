"""The one interface through which flashing writes, and the disk behind it.

Paths are relative to the folder of the slots, with `/`. Nothing lasts before it was synced: the
content of a file by `sync(file)`, a name in a folder by `sync(folder)`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from llm.flash import FlashError

_LOOK_AGAIN_S = 0.02
FILE, FOLDER, LINK, NOTHING = "file", "folder", "link", ""


class Disk(Protocol):
    """What flashing does with a disk. Every method may raise OSError."""

    def kind(self, path: str) -> str:
        """Return FILE, FOLDER, LINK or NOTHING."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return what is in a folder, sorted; nothing if it is not there."""
        ...

    def open(self, path: str) -> BinaryIO:
        """Open a file to read it."""
        ...

    def forget(self, path: str) -> None:
        """Drop what memory holds of a file, so that it is read from the disk itself."""
        ...

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        ...

    def target(self, path: str) -> str:
        """Return where a link leads."""
        ...

    def free_bytes(self) -> int:
        """Return how much room is left."""
        ...

    def locked(self) -> AbstractContextManager[None]:
        """Keep all other processes from changing slots. Raises FlashError if one does."""
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder; its parent is there, it is not."""
        ...

    def create(self, path: str) -> None:
        """Make an empty file. One that exists is an error: it may have a second name."""
        ...

    def append(self, path: str, data: bytes | memoryview) -> None:
        """Write at the end of a file."""
        ...

    def adopt(self, source: Path, path: str) -> bool:
        """Give a file from anywhere a second name here; False if this disk cannot."""
        ...

    def link(self, path: str, new: str) -> bool:
        """Give a file that is here a second name; False if this disk cannot."""
        ...

    def symlink(self, target: str, path: str) -> None:
        """Make a link."""
        ...

    def rename(self, path: str, new: str) -> None:
        """Move a file, link or folder; a file or link that has the new name is replaced."""
        ...

    def remove(self, path: str) -> None:
        """Delete a file, a link or an empty folder."""
        ...

    def sync(self, path: str) -> None:
        """Wait until the content of a file, or the names in a folder, will survive a power cut."""
        ...


class RealDisk:
    """A folder of this machine."""

    def __init__(self, root: Path, wait_s: float = 5.0) -> None:
        """Take the folder, and how long another process that changes it is waited for."""
        self.root = root
        self._wait_s = wait_s

    def path(self, path: str) -> Path:
        """Return where a path is on this machine."""
        return self.root / path

    def kind(self, path: str) -> str:
        """Return FILE, FOLDER, LINK or NOTHING."""
        place = self.path(path)
        if place.is_symlink():
            return LINK
        return FOLDER if place.is_dir() else FILE if place.is_file() else NOTHING

    def names(self, folder: str) -> list[str]:
        """Return what is in a folder, sorted; nothing if it is not there."""
        try:
            return sorted(os.listdir(self.path(folder)))
        except FileNotFoundError:
            return []

    def open(self, path: str) -> BinaryIO:
        """Open a file to read it."""
        return self.path(path).open("rb")

    def forget(self, path: str) -> None:
        """Drop what the page cache holds of a file, as far as the system does that."""
        with self.open(path) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def size(self, path: str) -> int:
        """Return the size of a file in bytes."""
        return self.path(path).stat().st_size

    def target(self, path: str) -> str:
        """Return where a link leads."""
        return os.readlink(self.path(path))

    def free_bytes(self) -> int:
        """Return how much room is left."""
        place = self.root
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other processes from changing slots; the system frees it when a process ends."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self.path(".lock").open("w") as file:
            self._lock(file.fileno())
            yield

    def _lock(self, descriptor: int) -> None:
        end_s = time.monotonic() + self._wait_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > end_s:
                    raise FlashError(
                        "busy", f"{self.root} is being changed by another process", "try again soon"
                    ) from None
                time.sleep(_LOOK_AGAIN_S)

    def make_folder(self, path: str) -> None:
        """Make a folder."""
        self.path(path).mkdir()

    def create(self, path: str) -> None:
        """Make an empty file; one that exists is an error."""
        os.close(os.open(self.path(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644))

    def append(self, path: str, data: bytes | memoryview) -> None:
        """Write at the end of a file."""
        with self.path(path).open("ab", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]

    def adopt(self, source: Path, path: str) -> bool:
        """Give a file a second name here, which takes no room; False on another file system."""
        try:
            os.link(source.resolve(), self.path(path))
        except OSError:
            return False
        return True

    def link(self, path: str, new: str) -> bool:
        """Give a file that is here a second name, which takes no room."""
        return self.adopt(self.path(path), new)

    def symlink(self, target: str, path: str) -> None:
        """Make a link."""
        self.path(path).symlink_to(target)

    def rename(self, path: str, new: str) -> None:
        """Move a file, link or folder."""
        self.path(path).replace(self.path(new))

    def remove(self, path: str) -> None:
        """Delete a file, a link or an empty folder."""
        if self.kind(path) == FOLDER:
            self.path(path).rmdir()
        else:
            self.path(path).unlink()

    def sync(self, path: str) -> None:
        """Wait until the content of a file, or the names in a folder, are on the disk."""
        descriptor = os.open(self.path(path), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def parent(path: str) -> str:
    """Return the folder of a path; "." for the first level."""
    return path.rpartition("/")[0] or "."


def ensure_folder(disk: Disk, path: str) -> None:
    """Make a folder and those above it, each on the disk before the next."""
    if path == "." or disk.kind(path) == FOLDER:
        return
    ensure_folder(disk, parent(path))
    disk.make_folder(path)
    disk.sync(parent(path))


def replace_file(disk: Disk, path: str, data: bytes) -> None:
    """Replace a small file: after a power cut it is the old or the new one."""
    fresh = _fresh(disk, path)
    disk.create(fresh)
    disk.append(fresh, data)
    disk.sync(fresh)
    _move_in(disk, fresh, path)


def replace_link(disk: Disk, target: str, path: str) -> None:
    """Let a link lead elsewhere: after a power cut it leads to the old or the new place."""
    fresh = _fresh(disk, path)
    disk.symlink(target, fresh)
    disk.sync(parent(path))  # a link has no sync of its own, and an empty one must not move in
    _move_in(disk, fresh, path)


def remove_tree(disk: Disk, path: str) -> None:
    """Delete a file, link or folder with all that is in it."""
    if disk.kind(path) == FOLDER:
        for name in disk.names(path):
            remove_tree(disk, f"{path}/{name}")
        disk.sync(path)
    disk.remove(path)


def _fresh(disk: Disk, path: str) -> str:
    """Return the name of a file in the making, free of what an interrupted process left.

    Left files are removed, never written over: after a cut such a name may stand for the very
    file that is to be replaced.
    """
    ensure_folder(disk, parent(path))
    fresh = f"{path}.new"
    if disk.kind(fresh) != NOTHING:
        disk.remove(fresh)
        disk.sync(parent(path))
    return fresh


def _move_in(disk: Disk, fresh: str, path: str) -> None:
    disk.rename(fresh, path)
    disk.sync(parent(path))
