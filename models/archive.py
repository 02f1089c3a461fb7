"""Taking files out of wheels, tarballs and zip files.

Files get the names that the catalogue gives them; a name inside an archive never becomes a path.
"""

from __future__ import annotations

import errno
import lzma
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from models import ModelStoreError
from models.disk import check_room

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    RuntimeError,  # a member is encrypted, or packed in a way that zipfile does not know
)
_Visit = Callable[[str, IO[bytes]], None]


def take(archive: Path, targets: Mapping[str, Path]) -> None:
    """Append each member of `targets` to its path. Raises ModelStoreError if one is not there."""
    missing = set(targets)

    def append(name: str, content: IO[bytes]) -> None:
        if name in missing:
            missing.remove(name)
            with targets[name].open("ab") as file:
                shutil.copyfileobj(content, file)

    with _damage_told(archive):
        _visit(archive, append, set(targets).__contains__)
    if missing:
        raise ModelStoreError(f"{archive.name} holds no {', '.join(sorted(missing))}")


def unpack(archive: Path, folder: Path) -> None:
    """Unpack the regular files of an archive somebody brought. Raises ModelStoreError.

    Links and devices are left out; a name that points out of the folder refuses the archive.
    """

    def write(name: str, content: IO[bytes]) -> None:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ModelStoreError(f"{archive} is refused: it holds the unsafe path {name!r}")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(content, file)

    with _damage_told(archive):
        check_room(folder, _unpacked_bytes(archive), "hean models import")
        _visit(archive, write, lambda _name: True)


def is_archive(path: Path) -> bool:
    """Tell whether a file can be unpacked."""
    try:
        return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
    except _DAMAGED:
        return True  # it begins like one; unpacking it tells what is wrong


def _visit(archive: Path, visit: _Visit, wanted: Callable[[str], bool]) -> None:
    """Call `visit` with name and content of each wanted regular file, in the archive's order."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                if info.filename and not info.is_dir() and wanted(info.filename):
                    with zipped.open(info) as content:
                        visit(info.filename, content)
        return
    with tarfile.open(archive) as tarball:
        for member in tarball:
            if member.isreg() and wanted(member.name):
                extracted = tarball.extractfile(member)
                if extracted is not None:
                    with extracted:
                        visit(member.name, extracted)


def _unpacked_bytes(archive: Path) -> int:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            return sum(info.file_size for info in zipped.infolist())
    with tarfile.open(archive) as tarball:
        return sum(member.size for member in tarball if member.isreg())


@contextmanager
def _damage_told(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise ModelStoreError(f"{archive.name} is cut short or damaged: {error}") from error
    except OSError as error:
        # bz2 reports bad data without a number, tarfile a senseless size as an invalid argument.
        if error.errno in (None, errno.EINVAL):
            raise ModelStoreError(f"{archive.name} is damaged: {error}") from error
        raise
