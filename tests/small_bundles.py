"""Bundles of a few hundred bytes, a key to sign them, and a device to take them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from llm.flash.bundle import Bundle, Keys, open_bundle, write_bundle
from llm.flash.crashes import DEVICE
from llm.flash.disk import Disk, RealDisk
from llm.flash.manifest import BundledFile, Manifest
from llm.flash.slots import Slots
from llm.knowledge.keys import fingerprint

FILES: Mapping[str, tuple[str, bytes]] = {
    "model/m.gguf": ("model", b"weights"),
    "adapter/a.gguf": ("adapter", b"adapter"),
    "knowledge/zh/iodine.toml": ("knowledge", b"entry"),
}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Workshop:
    """Where bundles are made."""

    folder: Path
    key: Ed25519PrivateKey
    files: Mapping[str, tuple[str, bytes]] = field(default_factory=lambda: FILES)

    @property
    def keys(self) -> Keys:
        public = self.key.public_key()
        return {fingerprint(public): ("owner", public)}

    def manifest(self, version: int = 1, **changes: Any) -> Manifest:
        files = tuple(
            BundledFile(path, role, len(content), sha256(content))
            for path, (role, content) in self._contents(version).items()
        )
        return Manifest(
            **{"name": "t", "version": version, "created": "2026-01-01", "files": files, **changes}
        )

    def write(self, version: int = 1, key: Ed25519PrivateKey | None = None, **changes: Any) -> Path:
        """Write a bundle; its contents differ by version."""
        sources = {}
        for path, (_, content) in self._contents(version).items():
            sources[path] = self.folder / path.replace("/", "-")
            sources[path].write_bytes(content)
        target = self.folder / f"{version}.hean"
        with target.open("wb") as file:
            write_bundle(file, self.manifest(version, **changes), sources, key or self.key)
        return target

    def make(self, version: int = 1, **changes: Any) -> Bundle:
        return open_bundle(self.write(version, **changes), self.keys)

    def _contents(self, version: int) -> dict[str, tuple[str, bytes]]:
        mark = f"#{version}".encode()
        return {path: (role, content + mark) for path, (role, content) in self.files.items()}


def workshop(folder: Path, files: Mapping[str, tuple[str, bytes]] = FILES) -> Workshop:
    folder.mkdir(exist_ok=True)
    return Workshop(folder, Ed25519PrivateKey.generate(), files)


def slots_in(folder: Path) -> Slots:
    return Slots(RealDisk(folder))


def use(slots: Slots, bundle: Bundle) -> None:
    """Install, switch, start and prove."""
    slots.activate(slots.install(bundle, DEVICE, {}).id)
    slots.begin_start()
    slots.mark_good()


def in_use(slots: Slots) -> int:
    """Return the version in use, 0 = none."""
    current = slots.current()
    return current.manifest.version if current else 0


def device(**changes: Any) -> Any:
    return replace(DEVICE, **changes)


def tree(disk: Disk, folder: str = ".") -> set[str]:
    """Return all paths of a disk."""
    found = set()
    for name in disk.names(folder):
        path = name if folder == "." else f"{folder}/{name}"
        found |= {path} | (tree(disk, path) if disk.kind(path) == "folder" else set())
    return found
