"""What the folder of an installed model holds: a list, moved into place with the files."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.catalog import Model, check_relative
from models.disk import read_json, sha256_of, write_json
from models.progress import Counter, uncounted

NAME = "manifest.json"


@dataclass(frozen=True)
class Kept:
    """A file as it was when it was installed."""

    path: str
    bytes: int
    sha256: str
    mtime_ns: int

    def __post_init__(self) -> None:
        check_relative(self.path)


@dataclass(frozen=True)
class Manifest:
    """An installed model: its files by role."""

    model: str
    revision: int
    files: Mapping[str, Kept]


def make_manifest(model: Model, folder: Path, paths: Mapping[str, str]) -> Manifest:
    """List the files of a folder, given as paths by role."""
    return Manifest(
        model.id, model.revision, {role: _kept(folder, path) for role, path in paths.items()}
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the list beside the files."""
    write_json(folder / NAME, dataclasses.asdict(manifest))


def read_manifest(folder: Path) -> Manifest:
    """Read the list. Raises FileNotFoundError if there is none, ValueError if it is damaged."""
    table = read_json(folder / NAME)
    try:
        files = {role: Kept(**row) for role, row in table["files"].items()}
        return Manifest(table["model"], table["revision"], files)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{folder / NAME} is no list of model files") from error


def outdated(manifest: Manifest, model: Model) -> bool:
    """Tell whether the catalogue now wants other files than the installed ones."""
    if manifest.revision != model.revision or not manifest.files:
        return True
    if not model.files:
        return False
    if manifest.files.keys() != model.files.keys():
        return True
    return any(
        file.sha256 and file.sha256 != manifest.files[role].sha256
        for role, file in model.files.items()
    )


def fault(folder: Path, kept: Kept, counter: Counter = uncounted) -> str:
    """Return what is wrong with a file, by its whole content; "" = nothing."""
    path = folder / kept.path
    try:
        size = path.stat().st_size
        if size < kept.bytes:
            return f"{kept.path} is cut short: {size:,} of {kept.bytes:,} bytes"
        if size != kept.bytes or sha256_of(path, counter) != kept.sha256:
            return f"{kept.path} has been altered"
    except FileNotFoundError:
        return f"{kept.path} is missing"
    return ""


def quick_fault(folder: Path, kept: Kept) -> str:
    """Return what is wrong with a file, by size and time; its content is read only if in doubt."""
    path = folder / kept.path
    try:
        status = path.stat()
    except FileNotFoundError:
        return f"{kept.path} is missing"
    if (status.st_size, status.st_mtime_ns) == (kept.bytes, kept.mtime_ns):
        return ""
    found = fault(folder, kept)
    if not found:
        _restamp(path, kept)
    return found


def _restamp(path: Path, kept: Kept) -> None:
    """Give a copied file its recorded time back, so that the next quick check need not read it."""
    try:
        os.utime(path, ns=(kept.mtime_ns, kept.mtime_ns))
    except PermissionError:
        return  # a store that this user may only read: it works, at the cost of reading the file


def _kept(folder: Path, path: str) -> Kept:
    status = (folder / path).stat()
    return Kept(path, status.st_size, sha256_of(folder / path), status.st_mtime_ns)
