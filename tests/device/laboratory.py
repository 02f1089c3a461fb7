"""A small real file system in a file, which fails on purpose while a bundle is flashed onto it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from llm.flash import FlashError
from llm.flash.bundle import Bundle
from llm.flash.crashes import DEVICE, small_bundle
from llm.flash.disk import RealDisk
from llm.flash.slots import Slots
from llm.flash.store import STAGING, fault

FULL, READ_ONLY, NO_ROOM = "full from a write on", "read-only from a write on", "too few blocks"
SIZES_MB = {"ext4": 8, "f2fs": 64, "xfs": 320}
_OPTIONS = {"ext4": ("-q", "-m", "0", "-b", "1024"), "f2fs": ("-q",), "xfs": ("-q",)}
_REPAIR = {"ext4": ("fsck.ext4", "-p", "-f"), "f2fs": ("fsck.f2fs", "-a"), "xfs": ("xfs_repair",)}
_REPAIRED = (0, 1)
"""fsck: nothing to do, or errors corrected."""
_TRIGGER = "/sys/fs/ext4/{}/trigger_fs_error"
_BLOCK_BYTES = 1024
_WEIGHTS_BYTES = 40_000
_ROOM_BYTES, _FREED_S = 2 << 20, 10.0
_LAST_BLOCKS = 24
"""More than the bundle takes besides its weights: folders, manifest, journal."""


@dataclass
class Found:
    """What came of all positions."""

    positions: Counter[str] = field(default_factory=Counter)
    """By kind of failure."""
    outcomes: Counter[str] = field(default_factory=Counter)
    """Slot in use after the disk was mended."""
    lines: Counter[str] = field(default_factory=Counter)
    """What the owner was told, by what kind of error it was."""
    broken: list[str] = field(default_factory=list)


class FailingDisk(RealDisk):
    """A real disk, to which something happens just before a write."""

    def __init__(self, root: Path, at: int, happen: Callable[[], None]) -> None:
        super().__init__(root)
        self.writes = 0
        self._at = at
        self._happen = happen

    def _count(self) -> None:
        self.writes += 1
        if self.writes == self._at:
            self._happen()

    def free_bytes(self) -> int:
        """Promise room: another program takes it between the look and the write."""
        return 1 << 40

    def make_folder(self, path: str) -> None:
        self._count()
        super().make_folder(path)

    def create(self, path: str) -> None:
        self._count()
        super().create(path)

    def append(self, path: str, data: bytes | memoryview) -> None:
        self._count()
        super().append(path, data)

    def symlink(self, target: str, path: str) -> None:
        self._count()
        super().symlink(target, path)

    def rename(self, path: str, new: str) -> None:
        self._count()
        super().rename(path, new)

    def remove(self, path: str) -> None:
        self._count()
        super().remove(path)

    def sync(self, path: str) -> None:
        self._count()
        super().sync(path)


class CarelessDisk(FailingDisk):
    """A disk that says nothing of what it could not write: the positions must find that out."""

    def append(self, path: str, data: bytes | memoryview) -> None:
        with suppress(OSError):
            super().append(path, data)


class Laboratory:
    """A file system in a file, with a proven slot on it; each position begins with a copy."""

    def __init__(self, folder: Path, kind: str, disk: type[FailingDisk] = FailingDisk) -> None:
        self._make_disk = disk
        self._image, self._work = folder / "begin.img", folder / "work.img"
        self._mounted = folder / "mounted"
        self._mounted.mkdir()
        self._kind = kind
        self.found = Found()
        files = {
            version: {
                "model.gguf": ("model", bytes([version]) * _WEIGHTS_BYTES),
                "knowledge/zh/iodine.toml": ("knowledge", f"entry {version}".encode()),
            }
            for version in (1, 2)
        }
        self._old, self._new = (small_bundle(folder, v, files[v]) for v in files)
        self._make()

    def positions(self) -> dict[str, int]:
        """Return how many positions there are of each kind of failure."""
        with self._disk() as root:
            disk = FailingDisk(root, 0, lambda: None)
            _flash(Slots(disk), self._new)
        kinds = {FULL: disk.writes, NO_ROOM: _WEIGHTS_BYTES // _BLOCK_BYTES + _LAST_BLOCKS}
        return {**kinds, READ_ONLY: disk.writes} if self._kind == "ext4" else kinds

    def try_at(self, kind: str, position: int) -> None:
        """Let the disk fail at one position, mend it and look."""
        self.found.positions[kind] += 1
        where = f"{kind}, {position}"
        with self._disk() as root:
            self._fail(root, kind, position, where)
            if kind != READ_ONLY:
                _make_room(root)
                self._look(root, where)
        if kind == READ_ONLY:
            self._repair()
            with self._disk(fresh=False) as root:
                self._look(root, where)

    def _fail(self, root: Path, kind: str, position: int, where: str) -> None:
        happen = {FULL: lambda: _fill(root), READ_ONLY: lambda: _break(self._device)}.get(kind)
        disk = self._make_disk(root, position if happen else 0, happen or (lambda: None))
        if kind == NO_ROOM:
            _fill(root, left_blocks=position)
        try:
            _flash(Slots(disk), self._new)
            self.found.lines["none: it went through"] += 1
        except FlashError as error:
            self.found.lines[error.code] += 1
            if "\n" in str(error) or not error.fix:
                self._blame(where, f"not one clear line: {error!r}")
        except OSError as error:
            self._blame(where, f"not told in clear words: {error!r}")
        self._check_current(Slots(RealDisk(root)), f"{where}, before it was mended")

    def _look(self, root: Path, where: str) -> None:
        """Recover as the next start does, then flash again."""
        slots = Slots(RealDisk(root))
        try:
            slots.recover()
            version = self._check_current(slots, where)
            self.found.outcomes["new" if version == 2 else "old"] += 1
            if slots.status().newest < 1:
                self._blame(where, "the memory against downgrades has forgotten")
            if left := slots.disk.names(STAGING):
                self._blame(where, f"left behind: {left}")
            slots.fail("the disk failed")
            _flash(slots, self._new)
            if self._check_current(slots, where) != 2:
                self._blame(where, "the next flash did not take")
        except (FlashError, OSError) as error:
            self._blame(where, f"not mended: {error!r}")

    def _check_current(self, slots: Slots, where: str) -> int:
        current = slots.current()
        if current is None:
            self._blame(where, "no slot is in use")
            return 0
        if problem := fault(slots.disk, current):
            self._blame(where, f"the slot in use is not whole: {problem}")
        return current.manifest.version

    def _blame(self, where: str, what: str) -> None:
        self.found.broken.append(f"{where}: {what}")

    def _make(self) -> None:
        with self._image.open("wb") as file:
            file.truncate(SIZES_MB[self._kind] << 20)
        _run(f"mkfs.{self._kind}", *_OPTIONS[self._kind], str(self._image))
        shutil.copyfile(self._image, self._work)
        with self._disk(fresh=False) as root:
            _flash(Slots(RealDisk(root)), self._old)
        shutil.copyfile(self._work, self._image)

    @contextmanager
    def _disk(self, fresh: bool = True) -> Iterator[Path]:
        """Mount the work copy, at the beginning if `fresh`; unmount it whatever happens."""
        if fresh:
            shutil.copyfile(self._image, self._work)
        options = "loop,errors=remount-ro" if self._kind == "ext4" else "loop"
        _run("mount", "-t", self._kind, "-o", options, str(self._work), str(self._mounted))
        try:
            yield self._mounted
        finally:
            _run("umount", str(self._mounted))

    @property
    def _device(self) -> str:
        lines = Path("/proc/self/mounts").read_text("utf-8").splitlines()
        return next(line.split()[0] for line in lines if line.split()[1] == str(self._mounted))

    def _repair(self) -> None:
        done = subprocess.run(
            [*_REPAIR[self._kind], str(self._work)], capture_output=True, check=False
        )
        if done.returncode not in _REPAIRED:
            self._blame("repair", done.stdout.decode(errors="replace"))


def _flash(slots: Slots, bundle: Bundle) -> None:
    slots.recover()
    slots.activate(slots.install(bundle, DEVICE, {}).id)
    slots.begin_start()
    slots.mark_good()
    slots.collect()


def _ballast(root: Path) -> Path:
    return root / "ballast"


def _fill(root: Path, left_blocks: int = 0) -> None:
    """Let another program write until nothing fits any more, but for some blocks."""
    if left_blocks:
        with (root / "kept").open("wb") as kept:
            os.posix_fallocate(kept.fileno(), 0, left_blocks * _BLOCK_BYTES)
    with _ballast(root).open("ab", buffering=0) as file:
        for size in (1 << 16, _BLOCK_BYTES, 1):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
        os.fsync(file.fileno())
    (root / "kept").unlink(missing_ok=True)
    os.sync()


def _make_room(root: Path) -> None:
    """Delete the ballast, and wait until its blocks are free: some file systems take a while."""
    _ballast(root).unlink(missing_ok=True)
    end_s = time.monotonic() + _FREED_S
    while RealDisk(root).free_bytes() < _ROOM_BYTES and time.monotonic() < end_s:
        os.sync()
        time.sleep(0.05)


def _break(device: str) -> None:
    """Let the kernel find an error: it makes the file system read-only at once."""
    Path(_TRIGGER.format(Path(device).name)).write_text("the disk dies")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
