"""Bundles that arrive over a link: kept as far as they came, so that the rest can follow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from llm.flash import FlashError
from llm.flash.bundle import BLOCK_BYTES, SUFFIX
from llm.flash.disk import FILE, RealDisk, ensure_folder
from llm.flash.store import read_slot
from voice.config import Config

FOLDER = "incoming"
_SYNC_BYTES = 8 << 20
_ID = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Arrived:
    """How much of a bundle is here."""

    bytes: int
    in_store: bool
    """Its slot is in the store already: nothing need be sent."""


class Incoming:
    """The folder of received bundles on this machine, by the identity of their slot."""

    def __init__(self, config: Config) -> None:
        self._disk = RealDisk(config.flash_folder)

    def arrived(self, identity: str, total_bytes: int) -> Arrived:
        """Tell how much is here. Raises FlashError if there is no room for the rest."""
        place = _place(identity)
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
        return Arrived(size, read_slot(self._disk, identity) is not None)

    def receive(self, identity: str, offset: int, source: BinaryIO) -> int:
        """Append what comes, until it ends or the link breaks; return how much is here then.

        Raises FlashError: the offset is not where the file ends, or the disk is full.
        """
        place = _place(identity)
        with _clear_errors(), self._disk.locked():
            ensure_folder(self._disk, FOLDER)
            if self._disk.kind(place) != FILE:
                self._disk.create(place)
                self._disk.sync(FOLDER)
            if self._disk.size(place) != offset:
                raise FlashError(
                    "busy", f"{self._disk.size(place)} bytes are here, not {offset}", "try again"
                )
            unsynced = 0
            while block := source.read(BLOCK_BYTES):
                self._disk.append(place, block)
                unsynced += len(block)
                if unsynced >= _SYNC_BYTES:
                    self._disk.sync(place)
                    unsynced = 0
            self._disk.sync(place)
            return self._disk.size(place)

    def path(self, identity: str) -> Path:
        """Return where a received bundle is."""
        return self._disk.path(_place(identity))

    def delete(self, identity: str) -> None:
        """Delete a received bundle, if it is there."""
        with _clear_errors():
            if self._disk.kind(_place(identity)) == FILE:
                self._disk.remove(_place(identity))
                self._disk.sync(FOLDER)


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
