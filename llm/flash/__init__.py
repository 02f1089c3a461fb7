"""Flashing: a signed bundle becomes the slot that answers, or the old one stays. Never nothing.

    FOLDER/store/ID/          one slot: `bundle.head` (signed manifest) and its files, never
                              changed; ID is the SHA-256 of the manifest
    FOLDER/slots/current      link to the slot in use; none = the models of the catalogue
    FOLDER/slots/previous     link to the one before
    FOLDER/journal.json       what is going on, so that an interrupted change is finished or undone
    FOLDER/memory.json        newest version that was proven good, outside the store
    FOLDER/staging/           slots in the making; emptied at every recovery
    FOLDER/incoming/          bundles that are being received

All writes go through `llm.flash.disk.Disk`. `llm.flash.simulated` records them and makes every
disk that a power cut may leave; `llm.flash.crashes` recovers each of them and looks.
"""

from __future__ import annotations


class FlashError(Exception):
    """A bundle is refused, or a slot cannot be changed; `fix` says what to do.

    `code` is one word for scripts: format, signature, key, altered, version, expired, device,
    software, processor, memory, prompts, base, space, disk, busy, slot.
    """

    def __init__(self, code: str, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.fix = fix
