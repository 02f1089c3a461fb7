"""Files of an export: written beside their name and renamed, hashed, and never half there."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from llm.export import ExportError
from llm.files import DISK_FULL, place

_BLOCK_BYTES = 1 << 20


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary name to write to; the file gets its own once it is whole and on the disk.

    Whatever goes wrong, nothing half-written is left and an older file stays as it was.
    Raises ExportError: the disk is full, or the place cannot be written.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        place(partial, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):  # the folder itself may be what is wrong
            partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all. Raises ExportError."""
    with writing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write JSON for people and scripts, whole or not at all. Raises ExportError."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def read_json(path: Path, fix: str = "") -> Any:
    """Read a file of JSON. Raises ExportError with what to do: it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ExportError(f"{path} cannot be read: {error}", fix) from error


def check_room(folder: Path, needed_bytes: int) -> None:
    """Raise ExportError if the disk has too little room, before hours of work are lost on it."""
    nearest = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free_bytes = shutil.disk_usage(nearest).free
    if needed_bytes > free_bytes:
        raise ExportError(
            f"the disk of {folder} has too little room: {needed_bytes / 1e6:,.0f} MB are needed, "
            f"{free_bytes / 1e6:,.0f} MB are free",
            "free some space on it, or write elsewhere with --out FOLDER",
        )


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal. Raises ExportError: it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ExportError(f"{path} cannot be read: {error.strerror or error}") from error
    return digest.hexdigest()


def unwritable(path: Path, error: OSError) -> ExportError:
    """Return the error for a file that cannot be written."""
    if error.errno in DISK_FULL:
        return ExportError(
            f"the disk of {path.parent} is full: {path.name} was not written",
            "free some space on it, or write elsewhere with --out FOLDER",
        )
    return ExportError(f"{path} cannot be written: {error.strerror or error}")
