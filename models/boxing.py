"""Puts a model into the box: the files that come with the program, and their entry."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from models.disk import delete, sha256_of


def put_in_box(
    model_id: str,
    facts: Mapping[str, str],
    paths: Mapping[str, Path],
    profiles: Iterable[str],
    box: Path,
) -> Path:
    """Copy the files of a model, by role, into a folder of `box`, with an entry of the catalogue
    that makes it the model of its stage in `profiles`; return the folder.

    `facts` are the plain keys of the entry as TOML values. What the box held before is replaced.
    """
    folder = box / model_id
    delete(folder)
    folder.mkdir(parents=True)
    for path in paths.values():
        shutil.copyfile(path, folder / path.name)
    lines = [*_entry(model_id, facts, paths), *_profiles(model_id, facts["stage"], profiles)]
    (folder / "catalog.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def _entry(model_id: str, facts: Mapping[str, str], paths: Mapping[str, Path]) -> Iterator[str]:
    known = {
        role: (path.name, path.stat().st_size, sha256_of(path)) for role, path in paths.items()
    }
    yield "# Written by `hean wake train --box`."
    yield f"[models.{model_id}]"
    yield from (f"{key} = {value}" for key, value in facts.items())
    yield f"\n[models.{model_id}.files]"
    for role, (name, size, digest) in known.items():
        yield f'{role} = {{ path = "{name}", bytes = {size}, sha256 = "{digest}" }}'
    yield f"\n[[models.{model_id}.sources]]"
    for name, size, digest in known.values():
        yield f"[[models.{model_id}.sources.downloads]]"
        yield f'box = "{model_id}/{name}"'
        yield f'bytes = {size}\nsha256 = "{digest}"\nsave = "{name}"'


def _profiles(model_id: str, stage: str, profiles: Iterable[str]) -> Iterator[str]:
    for profile in profiles:
        yield f'\n[profiles.{profile}]\n{stage.strip(chr(34))} = "{model_id}"'
