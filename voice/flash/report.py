"""Slots and bundles as JSON, the same for scripts and for the operator's page."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llm.flash.bundle import Bundle
from llm.flash.slots import Status
from llm.flash.store import Slot


def status_json(status: Status) -> dict[str, Any]:
    """Return what a device has."""
    return {
        "current": slot_json(status.current),
        "previous": slot_json(status.previous),
        "state": status.journal.state,
        "tries": status.journal.tries,
        "last": asdict(status.journal.last),
        "newest": status.newest,
        "slots": [slot_json(slot) for slot in status.slots],
    }


def slot_json(slot: Slot | None) -> dict[str, Any] | None:
    """Return a slot by id, name and version."""
    if slot is None:
        return None
    manifest = slot.manifest
    return {"id": slot.id, "name": manifest.name, "version": manifest.version}


def bundle_json(bundle: Bundle) -> dict[str, Any]:
    """Return what a bundle says of itself, as far as a person decides by it."""
    manifest = bundle.manifest
    return {
        "id": bundle.head.id,
        "name": manifest.name,
        "version": manifest.version,
        "created": manifest.created,
        "expires": manifest.expires,
        "signed_by": bundle.head.key_name,
        "bytes": manifest.payload_bytes,
        "roles": sorted({file.role for file in manifest.files}),
        "evaluation": [list(row) for row in manifest.evaluation],
        "verdict": manifest.verdict,
        "licence": manifest.licence,
    }
