"""Bundles that arrive over a link: kept as far as they came, so that the rest can follow."""

from __future__ import annotations

import fcntl
import re
import select
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from llm.flash import FlashError
from llm.flash.bundle import BLOCK_BYTES, SUFFIX
from llm.flash.disk import FILE, RealDisk, ensure_folder
from llm.flash.slots import Slots
from voice.config import Config

FOLDER = "incoming"
IDLE_S = 30.0
"""After so long without a byte the link counts as broken."""
_SYNC_BYTES = 8 << 20
_ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Arrived:
    """How much of a bundle is here."""

    bytes: int
    in_use: bool
    """Its slot is in use already: nothing need be sent."""


class Incoming:
    """The folder of received bundles on this machine, by the identity of their slot."""

    def __init__(self, config: Config) -> None:
        self._disk = RealDisk(config.flash_folder)

    def arrived(self, identity: str, total_bytes: int) -> Arrived:
        """Tell how much is here. Raises FlashError if there is no room for the rest."""
        place = _place(identity)
        self._disk.root.mkdir(parents=True, exist_ok=True)
        with _clear_errors(), self._alone(identity):
            size = self._disk.size(place) if self._disk.kind(place) == FILE else 0
        if size > total_bytes:
            self.delete(identity)
            size = 0
        # The bundle, and the slot that is made of it.
        needed = 2 * total_bytes - size
        if needed > self._disk.free_bytes():
            raise FlashError(
                "space",
                f"{needed / 1e6:,.0f} MB are needed, {self._disk.free_bytes() / 1e6:,.0f} are free",
                "hean slots gc deletes slots that are no longer used",
            )
        current = Slots(self._disk).current()
        return Arrived(size, current is not None and current.id == identity)

    def receive(self, identity: str, offset: int, source: FileIO) -> int:
        """Append what comes until it ends, the link breaks, or nothing came for IDLE_S; return
        how much is here then. Nothing is appended where `offset` is not the end.

        Raises FlashError: the disk is full.
        """
        place = _place(identity)
        with _clear_errors(), self._alone(identity):
            if self._disk.kind(place) != FILE:
                self._disk.create(place)
                self._disk.sync(FOLDER)
            if self._disk.size(place) == offset:
                self._append(place, source)
            return self._disk.size(place)

    def _append(self, place: str, source: FileIO) -> None:
        unsynced = 0
        # A link that died without a word must not hold the place for ever.
        while select.select([source], [], [], IDLE_S)[0]:
            block = source.read(BLOCK_BYTES)
            if not block:
                break
            self._disk.append(place, block)
            unsynced += len(block)
            if unsynced >= _SYNC_BYTES:
                self._disk.sync(place)
                unsynced = 0
        self._disk.sync(place)

    @contextmanager
    def _alone(self, identity: str) -> Iterator[None]:
        """Wait until a receiver whose link was cut has noticed, and ended."""
        ensure_folder(self._disk, FOLDER)
        with self._disk.path(f"{FOLDER}/.{identity}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def path(self, identity: str) -> Path:
        """Return where a received bundle is."""
        return self._disk.path(_place(identity))

    def delete(self, identity: str) -> None:
        """Delete a received bundle, if it is there."""
        with _clear_errors():
            if self._disk.kind(_place(identity)) == FILE:
                self._disk.remove(_place(identity))
                self._disk.sync(FOLDER)
            self._disk.path(f"{FOLDER}/.{identity}.lock").unlink(missing_ok=True)


def _place(identity: str) -> str:
    if not _ID.fullmatch(identity):
        raise FlashError("format", f"{identity[:80]!r} is no identity of a slot")
    return f"{FOLDER}/{identity}{SUFFIX}"


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FlashError(
            "disk", f"the bundle cannot be kept: {error.strerror or error}", "free some space"
        ) from error
