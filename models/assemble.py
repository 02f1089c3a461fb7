"""From checked downloads to a folder that can be moved into place."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from models import ModelStoreError
from models.archive import take
from models.catalog import File, Model, Source
from models.disk import delete, link_or_copy, sync_tree
from models.manifest import Manifest, make_manifest, write_manifest
from models.progress import Counter


def assemble(
    model: Model, source: Source, downloads: Sequence[Path], folder: Path, counter: Counter
) -> None:
    """Make the files of a model in `folder`, with their manifest, all of it on the disk.

    Raises ModelStoreError if the result is not what the catalogue promises.
    """
    if source.build:
        pieces = folder.with_name(folder.name + ".pieces")
        paths = _build(source, _collect(source, downloads, pieces), folder, counter)
        delete(pieces)
    else:
        _collect(source, downloads, folder)
        paths = {role: file.path for role, file in model.files.items()}
    seal(model, folder, paths)


def seal(model: Model, folder: Path, paths: Mapping[str, str]) -> None:
    """Check the files in a folder against the catalogue, list them and wait for the disk."""
    manifest = make_manifest(model, folder, paths)
    for role, file in model.files.items():
        _check(file, role, manifest)
    write_manifest(folder, manifest)
    sync_tree(folder)


def _collect(source: Source, downloads: Sequence[Path], folder: Path) -> dict[str, Path]:
    """Take what the catalogue names out of the downloads; a name used twice is joined."""
    delete(folder)
    folder.mkdir(parents=True)
    for download, path in zip(source.downloads, downloads, strict=True):
        if download.save:
            link_or_copy(path, folder / download.save)
        else:
            take(path, {member: folder / name for name, member in download.take.items()})
    return {path.name: path for path in folder.iterdir()}


def _build(
    source: Source, pieces: Mapping[str, Path], folder: Path, counter: Counter
) -> Mapping[str, str]:
    delete(folder)
    folder.mkdir(parents=True)
    total = sum(path.stat().st_size for path in pieces.values())
    converter = importlib.import_module(f"models.convert.{source.build}")
    paths: Mapping[str, str] = converter.convert(
        pieces, folder, lambda part: counter(int(part * total), total)
    )
    return paths


def _check(file: File, role: str, manifest: Manifest) -> None:
    kept = manifest.files[role]
    if file.bytes and kept.bytes != file.bytes:
        raise ModelStoreError(
            f"{file.path} has {kept.bytes:,} bytes, not the {file.bytes:,} of the catalogue"
        )
    if file.sha256 and kept.sha256 != file.sha256:
        raise ModelStoreError(f"{file.path} has another hash than in the catalogue")
