"""The owner of a device, and bundles that will not do: the device must go back from them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from llm.flash.bundle import load_private_key, write_bundle
from llm.flash.manifest import ON_DEVICE, BundledFile, Health, Manifest
from llm.knowledge.keys import create_key
from models.manifest import read_manifest
from tests.device.room import Room

GARBAGE, SLOW = 1, 2
"""Versions: weights that no engine loads, and ones that take longer than their manifest allows."""
_PATIENT_S = 150.0
_MODEL = "qwen2.5-coder-0.5b"


class Owner:
    """Signs bundles, and brings them to the device as files."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._folder: Path = room.container.root / "srv/owner"

    def trusts(self) -> None:
        """Make a key, and let the device trust it."""
        self._folder.mkdir()
        create_key(self._folder / "key")
        self._room.hean("keys", "trust", "/srv/owner/key.pub")

    def activates(self, version: int) -> None:
        """Let the device switch to a bundle while the assistant does not run."""
        self._room.container.said("systemctl", "stop", "hean.service")
        self._write(version)
        slot = json.loads(self._room.hean("slots", "install", f"/srv/owner/{version}", "--json"))
        self._room.hean("slots", "activate", slot["id"])

    def status(self) -> dict[str, Any]:
        """Return what the device says of its slots."""
        found: dict[str, Any] = json.loads(self._room.hean("slots", "status", "--json"))
        return found

    def _write(self, version: int) -> None:
        weights = self._folder / "weights"
        weights.write_bytes(b"no weights")
        digest = hashlib.sha256(weights.read_bytes()).hexdigest()
        if version == SLOW:
            store = self._room.container.root / "var/lib/hean/models" / _MODEL
            kept = next(k for k in read_manifest(store).files.values() if k.path.endswith(".gguf"))
            size = (store / kept.path).stat().st_size
            file = BundledFile("model.gguf", "model", size, kept.sha256, ON_DEVICE)
            sources: dict[str, Path] = {}
        else:
            file = BundledFile("model.gguf", "model", weights.stat().st_size, digest)
            sources = {"model.gguf": weights}
        # A second is the least that a manifest may allow: no model is loaded in that.
        health = Health(ready_s=1.0 if version == SLOW else _PATIENT_S)
        manifest = Manifest("rehearsal", version, "2026-01-01", (file,), health=health)
        with (self._folder / str(version)).open("wb") as target:
            write_bundle(target, manifest, sources, load_private_key(self._folder / "key"))
