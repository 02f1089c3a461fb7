"""The store: the folder of the models that are on this machine.

    ROOT/ID/manifest.json, files of the model     moved into place as a whole
    ROOT/models.lock                              hashes seen at a first fetch
    ROOT/.downloads                               kept until their model is installed
    ROOT/.staging                                 models in the making
    ROOT/.lock                                    held while files change

Interrupted at any moment, each model is either whole or not there, and the next fetch goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from models import ModelStoreError
from models.assemble import assemble
from models.catalog import Catalog, Model, Source, load_catalog
from models.disk import check_room, clear_errors, delete, locked, sync
from models.known import KnownHashes
from models.manifest import Manifest, fault, outdated, quick_fault, read_manifest
from models.progress import Counter, Progress, Step, silent
from models.registry import Registries
from models.sources import Fetcher

DOWNLOADS_AT_ONCE = 4
_Downloads = list["Future[Path]"]


@dataclass(frozen=True)
class Fault:
    """What `Store.verify` found wrong."""

    model: str
    problem: str
    fix: str


class Store:
    """Models of a catalogue in a folder. Several processes may use the same folder."""

    def __init__(
        self,
        root: Path,
        catalog: Catalog | None = None,
        registries: Registries = Registries(),  # noqa: B008 - a frozen value
    ) -> None:
        self.root = root
        self.catalog = load_catalog() if catalog is None else catalog
        self._registries = registries
        self._known = KnownHashes(root / "models.lock")

    def folder(self, model_id: str) -> Path:
        """Return the folder of a model."""
        return self.root / model_id

    def resolve(self, model_id: str) -> dict[str, Path]:
        """Return the files of a model by role, after a quick check of size and time.

        Raises ModelStoreError with the command that mends it.
        """
        model = self.catalog.model(model_id)
        manifest = self._checked(model)
        return {role: self.folder(model_id) / kept.path for role, kept in manifest.files.items()}

    def problem(self, model_id: str) -> str:
        """Return why a model cannot be used, by a quick check; "" = it can."""
        try:
            self._checked(self.catalog.model(model_id))
        except ModelStoreError as error:
            return str(error)
        return ""

    def installed(self) -> list[Model]:
        """Return the models that have a folder, whole or not."""
        return [model for model in self.catalog if self.folder(model.id).is_dir()]

    def fetch(self, model_ids: Iterable[str], progress: Progress = silent) -> list[str]:
        """Get the models that are missing or damaged; return their ids.

        All of them are tried. Raises ModelStoreError that tells what failed.
        """
        models = [self.catalog.model(model_id) for model_id in model_ids]
        fix = "hean models fetch"
        with self.changing(fix, progress):
            wanted = [model for model in models if self.problem(model.id)]
            if made := next((model for model in wanted if model.made_by), None):
                raise ModelStoreError(f"model {made.id} is made here, not fetched", made.made_by)
            check_room(self.root, _room_bytes(wanted), fix)
            cancel = Event()
            pool = ThreadPoolExecutor(DOWNLOADS_AT_ONCE)
            try:
                self._fetch_all(wanted, pool, cancel, progress)
            finally:
                cancel.set()
                pool.shutdown(cancel_futures=True)
            for model in models:
                delete(self.downloads(model))
        return [model.id for model in wanted]

    def verify(self, model_ids: Iterable[str] = (), progress: Progress = silent) -> list[Fault]:
        """Read every file of the given models (of all installed ones) and return what is wrong."""
        models = [self.catalog.model(name) for name in model_ids] or self.installed()
        return [found for model in models for found in self._verify(model, progress)]

    def remove(self, model_id: str) -> int:
        """Delete a model; return the bytes freed. Raises ModelStoreError if it is not there."""
        folder = self.folder(self.catalog.model(model_id).id)
        if not folder.is_dir():
            raise ModelStoreError(f"model {model_id} is not installed", "hean models list")
        with self.changing(f"hean models remove {model_id}"):
            freed_bytes = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            trash = self.staging(f"{model_id}.old")
            folder.replace(trash)
            delete(trash)
        return freed_bytes

    @contextmanager
    def changing(self, fix: str, progress: Progress = silent) -> Iterator[None]:
        """Hold the store alone; tell a full or read-only disk in clear words."""
        with clear_errors(self.root, fix):
            self.root.mkdir(parents=True, exist_ok=True)
            waits = Step("", "waiting", "another fetch", 0, 0)
            with locked(self.root / ".lock", lambda: progress(waits)):
                delete(self.root / ".staging")  # what an interrupted process left
                yield

    def fetcher(self, model: Model, cancel: Event) -> Fetcher:
        """Return the downloads of a model. Call it while holding the store."""
        return Fetcher(self.downloads(model), self._known, self._registries, cancel)

    def staging(self, name: str) -> Path:
        """Return an empty place on the same file system, for a folder in the making."""
        path = self.root / ".staging" / name
        delete(path)
        path.parent.mkdir(exist_ok=True)
        return path

    def downloads(self, model: Model) -> Path:
        """Return the folder in which the downloads of a model wait for their installation."""
        return self.root / ".downloads" / model.id

    def move_into_place(self, model: Model, fresh: Path) -> None:
        """Make a finished folder the model. A power cut leaves the old, none or the new one."""
        folder = self.folder(model.id)
        old = self.staging(f"{model.id}.old")
        if folder.exists():
            folder.replace(old)
        fresh.replace(folder)
        sync(self.root)
        delete(old)

    def install(
        self, model: Model, source: Source, downloads: list[Path], progress: Progress
    ) -> None:
        """Make a model of its checked downloads."""
        fresh = self.staging(model.id)
        assemble(model, source, downloads, fresh, counting(progress, model, "installing"))
        self.move_into_place(model, fresh)

    def _checked(self, model: Model) -> Manifest:
        """Return the manifest of a model that can be used. Raises ModelStoreError."""
        folder = self.folder(model.id)
        manifest = self._manifest(model)
        if outdated(manifest, model):
            raise ModelStoreError(f"model {model.id} is out of date", model.fix)
        for kept in manifest.files.values():
            if found := quick_fault(folder, kept):
                raise ModelStoreError(f"model {model.id}: {found}", model.fix)
        return manifest

    def _manifest(self, model: Model) -> Manifest:
        try:
            return read_manifest(self.folder(model.id))
        except FileNotFoundError:
            raise ModelStoreError(f"model {model.id} is not installed", model.fix) from None
        except ValueError as error:
            raise ModelStoreError(
                f"model {model.id}: its manifest is damaged", model.fix
            ) from error

    def _verify(self, model: Model, progress: Progress) -> Iterator[Fault]:
        try:
            manifest = self._manifest(model)
        except ModelStoreError as error:
            yield Fault(model.id, str(error), error.fix)
            return
        if outdated(manifest, model):
            yield Fault(model.id, f"model {model.id} is out of date", model.fix)
        for kept in manifest.files.values():
            counter = counting(progress, model, "reading", kept.path)
            if found := fault(self.folder(model.id), kept, counter):
                yield Fault(model.id, f"model {model.id}: {found}", model.fix)

    def _fetch_all(
        self, wanted: list[Model], pool: ThreadPoolExecutor, cancel: Event, progress: Progress
    ) -> None:
        """Download ahead for all models, install them one after the other."""

        fetchers = {model.id: self.fetcher(model, cancel) for model in wanted}

        def begin(model: Model, source: Source) -> _Downloads:
            begun = []
            for download in source.downloads:
                counter = counting(progress, model, "downloading", download.address)
                counter(0, download.bytes)
                begun.append(pool.submit(fetchers[model.id].get, download, counter))
            return begun

        begun = {model.id: begin(model, model.sources[0]) for model in wanted}
        errors = []
        for model in wanted:
            try:
                self._fetch_one(model, begun[model.id], begin, progress)
                delete(self.downloads(model))
            except ModelStoreError as error:
                errors.append(ModelStoreError(f"model {model.id}: {error}", error.fix or model.fix))
        raise_together(errors)

    def _fetch_one(
        self,
        model: Model,
        first: _Downloads,
        begin: Callable[[Model, Source], _Downloads],
        progress: Progress,
    ) -> None:
        errors = []
        for index, source in enumerate(model.sources):
            begun = begin(model, source) if index else first
            try:
                self.install(model, source, [each.result() for each in begun], progress)
            except ModelStoreError as error:
                errors.append(error)
            else:
                return
        raise_together(errors)


def _room_bytes(models: list[Model]) -> int:
    """Return what the downloads take, and the largest model while it is made of them."""
    sizes = [model.download_bytes for model in models]
    return sum(sizes) + 3 * max(sizes, default=0)


def counting(progress: Progress, model: Model, doing: str, part: str = "") -> Counter:
    """Return a counter that reports as one step of a model."""
    return lambda done, total: progress(Step(model.id, doing, part, done, total))


def raise_together(errors: list[ModelStoreError]) -> None:
    """Raise one error that tells all; return if there is none."""
    if errors:
        message = "; ".join(map(str, errors))
        raise ModelStoreError(message, errors[0].fix) from errors[0]
