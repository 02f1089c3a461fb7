"""Models for a machine without network: from a folder, a USB stick or an archive.

Three things are recognised, wherever they lie below the given path:

- a model as another machine's store keeps it, with its manifest;
- the packages and archives that a source of the catalogue names, by hash;
- the files of a model themselves, by hash, or by the path they have in the official archive.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from threading import Event

from models import ModelStoreError
from models.archive import is_archive, unpack
from models.assemble import seal
from models.catalog import Download, File, Model, Source
from models.disk import check_room, delete, sha256_of
from models.manifest import NAME, Manifest, fault, outdated, read_manifest
from models.progress import Progress, silent
from models.store import Store, counting, raise_together

_Import = Callable[[], None]
_FIX = "hean models import PATH"


def import_models(store: Store, path: Path, progress: Progress = silent) -> list[str]:
    """Install what is found in a folder or archive; return the ids of all models recognised.

    Models that are whole already stay as they are.
    Raises ModelStoreError if nothing is recognised, or something is damaged.
    """
    if not path.exists():
        raise ModelStoreError(f"{path} does not exist", _FIX)
    with store.changing(_FIX, progress):
        found = _import_files(store, _files(path), progress)
        if not found and path.is_file() and is_archive(path):
            folder = store.staging("unpacked")
            folder.mkdir()
            try:
                unpack(path, folder)
                found = _import_files(store, _files(folder), progress)
            finally:
                delete(folder)
    if not found:
        raise ModelStoreError(
            f"{path} holds no model that the catalogue knows",
            "hean models fetch on a machine with network, then bring its models folder here",
        )
    return found


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    walk = os.walk(path)
    return sorted(Path(folder) / name for folder, _, names in walk for name in names)


def _import_files(store: Store, files: Sequence[Path], progress: Progress) -> list[str]:
    files = [path for path in files if path.is_file()]
    found, errors = [], []
    for model in store.catalog:
        way = (
            _from_store(store, model, files, progress)
            or _from_downloads(store, model, files, progress)
            or _from_files(store, model, files)
        )
        if way is None:
            continue
        found.append(model.id)
        if store.problem(model.id):
            try:
                way()
            except ModelStoreError as error:
                errors.append(ModelStoreError(f"model {model.id}: {error}", _FIX))
    raise_together(errors)
    return found


def _from_store(
    store: Store, model: Model, files: Sequence[Path], progress: Progress
) -> _Import | None:
    for path in files:
        if path.name == NAME:
            try:
                manifest = read_manifest(path.parent)
            except (OSError, ValueError):
                continue  # some other program's manifest.json
            if manifest.model == model.id and not outdated(manifest, model):
                return partial(_copy, store, model, path.parent, manifest, progress)
    return None


def _copy(store: Store, model: Model, source: Path, manifest: Manifest, progress: Progress) -> None:
    fresh = store.staging(model.id)
    fresh.mkdir()
    check_room(store.root, sum(kept.bytes for kept in manifest.files.values()), _FIX)
    for kept in manifest.files.values():
        if not (source / kept.path).is_file():
            raise ModelStoreError(f"{source / kept.path} is missing")
        (fresh / kept.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / kept.path, fresh / kept.path)
        if found := fault(fresh, kept, counting(progress, model, "reading", kept.path)):
            raise ModelStoreError(f"in {source}, {found}")
    seal(model, fresh, {role: kept.path for role, kept in manifest.files.items()})
    store.move_into_place(model, fresh)


def _from_downloads(
    store: Store, model: Model, files: Sequence[Path], progress: Progress
) -> _Import | None:
    for source in model.sources:
        paths = [_find(download, download.file_name, files) for download in source.downloads]
        whole = [path for path in paths if path is not None]
        if len(whole) == len(paths):
            return partial(_install_downloads, store, model, source, whole, progress)
    return None


def _install_downloads(
    store: Store, model: Model, source: Source, paths: Sequence[Path], progress: Progress
) -> None:
    fetcher = store.fetcher(model, Event())
    for download, path in zip(source.downloads, paths, strict=True):
        shutil.copyfile(path, fetcher.path(download))
    checked = [
        fetcher.get(download, counting(progress, model, "reading", download.address))
        for download in source.downloads
    ]
    store.install(model, source, checked, progress)
    delete(store.downloads(model))


def _from_files(store: Store, model: Model, files: Sequence[Path]) -> _Import | None:
    found = {role: _find_file(model, file, files) for role, file in model.files.items()}
    whole = {role: path for role, path in found.items() if path is not None}
    if not whole or len(whole) < len(found):
        return None

    return partial(_install_files, store, model, whole)


def _install_files(store: Store, model: Model, paths: Mapping[str, Path]) -> None:
    fresh = store.staging(model.id)
    fresh.mkdir()
    for role, path in paths.items():
        shutil.copyfile(path, fresh / model.files[role].path)
    seal(model, fresh, {role: file.path for role, file in model.files.items()})
    store.move_into_place(model, fresh)


def install_made(store: Store, model_id: str, paths: Mapping[str, Path]) -> None:
    """Install the files of a model that was made on this machine, by role.

    Raises ModelStoreError.
    """
    model = store.catalog.model(model_id)
    with store.changing(model.fix):
        fresh = store.staging(model.id)
        fresh.mkdir()
        for path in paths.values():
            shutil.copyfile(path, fresh / path.name)
        seal(model, fresh, {role: path.name for role, path in paths.items()})
        store.move_into_place(model, fresh)


def _find_file(model: Model, file: File, files: Sequence[Path]) -> Path | None:
    if file.sha256:
        return _find(file, file.path, files)
    members = [
        f"/{download.take[file.path]}"
        for source in model.sources
        for download in source.downloads
        if file.path in download.take
    ]
    return next((path for path in files if path.as_posix().endswith(tuple(members))), None)


def _find(wanted: Download | File, name: str, files: Sequence[Path]) -> Path | None:
    """Return the file of this size and hash; of this name where the catalogue knows neither."""
    for path in files:
        same = path.stat().st_size == wanted.bytes if wanted.bytes else path.name == name
        if same and (not wanted.sha256 or sha256_of(path) == wanted.sha256):
            return path
    return None
