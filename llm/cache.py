"""Arrays that took long to make, kept on disk."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.files import replacing

Arrays = Mapping[str, NDArray[Any]]


def cached_arrays(folder: Path | None, key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of `make`, from `folder` if they were made before under the same key.

    Only the newest key is kept. A damaged file is replaced (every array has its checksum); a
    folder that cannot be written only costs the time.
    """
    if folder is None:
        return make()
    path = folder / f"index-{key}.npz"
    kept = _read(path)
    if kept is not None:
        return kept
    arrays = make()
    _write(path, arrays)
    return arrays


def _read(path: Path) -> Arrays | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError):
        return None


def _write(path: Path, arrays: Arrays) -> None:
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial, partial.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        for old in path.parent.glob("*.npz"):
            if old != path:
                old.unlink(missing_ok=True)
