"""Getting what the catalogue names: fetched once, checked, kept until the model is installed."""

from __future__ import annotations

import shutil
from pathlib import Path
from threading import Event

from models import ModelStoreError
from models.catalog import BOX, REGISTRIES, Download
from models.disk import delete, sha256_of
from models.download import download as download_address
from models.known import KnownHashes
from models.progress import Counter
from models.registry import Registries


class Fetcher:
    """Downloads for one model into a folder of its own. Used by several threads.

    Setting `cancel` ends all downloads early.
    """

    def __init__(
        self, folder: Path, known: KnownHashes, registries: Registries, cancel: Event
    ) -> None:
        self._folder = folder
        self._known = known
        self._registries = registries
        self._cancel = cancel
        folder.mkdir(parents=True, exist_ok=True)
        for kind in REGISTRIES:  # what interrupted child processes left behind
            for left in folder.glob(f"{kind}-*/"):
                delete(left)

    def path(self, download: Download) -> Path:
        """Return where a download is kept."""
        return self._folder / download.file_name

    def get(self, download: Download, counter: Counter) -> Path:
        """Return the checked file of a download, fetched now if it is not there.

        Raises ModelStoreError if it cannot be had or is not what it should be.
        """
        path = self.path(download)
        expected = download.sha256 or self._known.get(download.address)
        if path.exists() and expected and sha256_of(path) != expected:
            path.unlink()
        if not path.exists():
            self._fetch(download, path, counter)
        actual = sha256_of(path)
        if expected and actual != expected:
            path.unlink()
            raise ModelStoreError(
                f"{download.address} is not the file it should be:"
                f" its SHA-256 is {actual[:12]}…, not {expected[:12]}…"
            )
        if not expected:
            self._known.record(download.address, actual)
        counter(download.bytes, download.bytes)
        return path

    def _fetch(self, download: Download, path: Path, counter: Counter) -> None:
        def count(done: int, total: int) -> None:
            known = download.bytes or total
            counter(min(done, known) if known else done, known)

        if download.kind == "box":
            shutil.copyfile(BOX / download.address, path)
        elif download.kind == "url":
            download_address(download.address, path, count, self._cancel)
        else:
            work = (count, self._cancel)
            self._registries.fetch(download.kind, download.address, path, work)
        if self._cancel.is_set():
            raise ModelStoreError(f"{download.address} was interrupted")
