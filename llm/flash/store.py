"""The store: slots as folders that are complete when they get their name, and never change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from llm.flash import FlashError
from llm.flash.bundle import (
    BEFORE_MANIFEST,
    Bundle,
    Counter,
    altered,
    hash_of,
    read_blocks,
    uncounted,
)
from llm.flash.disk import FILE, FOLDER, Disk, ensure_folder, parent, remove_tree
from llm.flash.manifest import (
    BUNDLED,
    HEAD_NAME,
    ON_DEVICE,
    BundledFile,
    Manifest,
    parse_manifest,
    slot_id,
)

STORE, STAGING = "store", "staging"
_SPARE_BYTES = 1 << 20
Bases = Mapping[str, Path]
"""Files outside the slots that may serve as a base, by SHA-256."""


@dataclass(frozen=True)
class Slot:
    """A slot in the store."""

    id: str
    manifest: Manifest

    @property
    def folder(self) -> str:
        """Return where its files are."""
        return f"{STORE}/{self.id}"


def read_slot(disk: Disk, identity: str) -> Slot | None:
    """Return a slot by its manifest; None if it is not there or its manifest was altered."""
    head = f"{STORE}/{identity}/{HEAD_NAME}"
    if not identity or disk.kind(head) != FILE:
        return None
    with disk.open(head) as file:
        data = file.read()[BEFORE_MANIFEST:]
    if slot_id(data) != identity:
        return None
    return Slot(identity, parse_manifest(data))


def all_slots(disk: Disk) -> Iterator[Slot]:
    """Yield the slots whose manifest is there."""
    for name in disk.names(STORE):
        slot = read_slot(disk, name)
        if slot:
            yield slot


def fault(disk: Disk, slot: Slot, quick: bool = False, counter: Counter = uncounted) -> str:
    """Return what is wrong with a slot, by content or `quick` by size; "" = nothing."""
    for file in slot.manifest.files:
        path = f"{slot.folder}/{file.path}"
        if disk.kind(path) != FILE:
            return f"{file.path} is missing"
        if disk.size(path) != file.bytes:
            return f"{file.path} has {disk.size(path):,} of {file.bytes:,} bytes"
        if not quick:
            with disk.open(path) as content:
                if hash_of(content, file.bytes, counter) != file.sha256:
                    return f"{file.path} was altered"
    return ""


def install(disk: Disk, bundle: Bundle, bases: Bases, counter: Counter = uncounted) -> Slot:
    """Make a slot of a bundle: copy, sync, read again from the disk, then give it its name.

    Raises FlashError, OSError; then nothing but the staging folder has changed.
    """
    slot = Slot(bundle.head.id, bundle.manifest)
    if disk.kind(slot.folder) == FOLDER:
        if not fault(disk, slot):
            return slot
        discard(disk, slot.id)
    homes = dict(_homes(disk, slot.manifest, bases))
    _check_room(disk, slot.manifest)
    staged = f"{STAGING}/{slot.id}"
    clear_staging(disk)
    ensure_folder(disk, staged)
    with bundle.open() as source:
        for file in slot.manifest.files:
            target = f"{staged}/{file.path}"
            ensure_folder(disk, parent(target))
            if file.origin == BUNDLED:
                _copy(disk, file, source, target, counter)
            else:
                _adopt(disk, file, homes[file.path], target)
    _write(disk, f"{staged}/{HEAD_NAME}", bundle.head.data)
    for folder in sorted({parent(f"{staged}/{f.path}") for f in slot.manifest.files} | {staged}):
        disk.sync(folder)
    ensure_folder(disk, STORE)
    _check_staged(disk, slot, staged)
    disk.rename(staged, slot.folder)
    disk.sync(STORE)
    disk.sync(STAGING)
    return slot


def discard(disk: Disk, identity: str) -> None:
    """Delete a slot: it loses its name first, so that no half of it ever has one."""
    ensure_folder(disk, STAGING)
    clear_staging(disk)
    trash = f"{STAGING}/{identity}"
    disk.rename(f"{STORE}/{identity}", trash)
    disk.sync(STORE)
    disk.sync(STAGING)
    remove_tree(disk, trash)


def clear_staging(disk: Disk) -> None:
    """Delete what an interrupted installation left."""
    for name in disk.names(STAGING):
        remove_tree(disk, f"{STAGING}/{name}")
        disk.sync(STAGING)


def _homes(disk: Disk, manifest: Manifest, bases: Bases) -> Iterator[tuple[str, Path | str]]:
    """Yield where each file comes from that the bundle expects on the device.

    A string is a path on this disk. Raises FlashError if there is none.
    """
    known: dict[str, Path | str] = {**bases}
    for slot in all_slots(disk):
        for file in slot.manifest.files:
            known[file.sha256] = f"{slot.folder}/{file.path}"
    for file in manifest.files:
        if file.origin == ON_DEVICE:
            if file.sha256 not in known:
                raise FlashError(
                    "base",
                    f"the base {file.path} ({file.sha256[:16]}) is not on this device",
                    "fetch that model (hean models fetch), or bring a bundle that holds it",
                )
            yield file.path, known[file.sha256]


def _check_room(disk: Disk, manifest: Manifest) -> None:
    """Raise FlashError if the disk is too small, before anything is written."""
    needed = manifest.payload_bytes * 11 // 10 + _SPARE_BYTES
    if needed > disk.free_bytes():
        raise FlashError(
            "space",
            f"{needed / 1e6:,.0f} MB are needed for {manifest.name}, "
            f"{disk.free_bytes() / 1e6:,.0f} MB are free",
            "hean slots gc deletes slots that are no longer used",
        )


def _copy(
    disk: Disk, file: BundledFile, source: BinaryIO, target: str, counter: Counter = uncounted
) -> None:
    disk.create(target)
    for block in read_blocks(source, file.bytes):
        disk.append(target, block)
        counter(len(block))
    disk.sync(target)


def _adopt(disk: Disk, file: BundledFile, home: Path | str, target: str) -> None:
    """Give a base a second name in the slot; copy it where the disk cannot do that."""
    if isinstance(home, Path):
        if not disk.adopt(home, target):
            with home.open("rb") as source:
                _copy(disk, file, source, target)
    elif not disk.link(home, target):
        with disk.open(home) as source:
            _copy(disk, file, source, target)


def _write(disk: Disk, path: str, data: bytes) -> None:
    disk.create(path)
    disk.append(path, data)
    disk.sync(path)


def _check_staged(disk: Disk, slot: Slot, staged: str) -> None:
    """Read again what was written, from the disk. Raises FlashError."""
    for file in slot.manifest.files:
        disk.forget(f"{staged}/{file.path}")
        with disk.open(f"{staged}/{file.path}") as content:
            if hash_of(content, file.bytes + 1) != file.sha256:
                remove_tree(disk, staged)
                raise altered(file, "after copying")
