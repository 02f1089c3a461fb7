"""models.lock: the hashes of downloads that the catalogue does not know, from their first fetch."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from models import ModelStoreError
from models.disk import read_json, write_json


class KnownHashes:
    """SHA-256 by address. Trusted at first sight, checked from then on. Used by several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()

    def get(self, address: str) -> str:
        """Return the hash, or "" at first sight. Raises ModelStoreError if the file is damaged."""
        return self._read().get(address, "")

    def record(self, address: str, sha256: str) -> None:
        """Remember a hash for good."""
        with self._lock:
            write_json(self._path, {**self._read(), address: sha256})

    def _read(self) -> dict[str, str]:
        try:
            table = read_json(self._path)
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ModelStoreError(f"{self._path} is damaged", f"rm {self._path}") from error
        return dict(table)
