"""Files of a run: whole or not there, whatever happens while they are written."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llm.files import DISK_FULL, sync
from llm.train import TrainingError


@contextmanager
def clear_errors(folder: Path) -> Iterator[None]:
    """Turn a full disk, or a folder that cannot be written, into a TrainingError."""
    from safetensors import SafetensorError

    try:
        yield
    except OSError as error:
        raise _unwritable(folder, error) from error
    except SafetensorError as error:  # only quotes the system's error
        full = any(f"os error {number}" in str(error) for number in DISK_FULL)
        reason = OSError(errno.ENOSPC if full else errno.EIO, str(error))
        raise _unwritable(folder, reason) from error


def _unwritable(folder: Path, error: OSError) -> TrainingError:
    if error.errno in DISK_FULL:
        return TrainingError(
            f"the disk of {folder} is full; the last checkpoint is whole",
            f"make room, then: hean train --resume {folder}",
        )
    return TrainingError(f"{error.filename or folder} cannot be written: {error.strerror}")


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Give a new folder to fill, then put it in the place of `folder`.

    Killed in between, either the old one is there or, for a blink, none; never half of one.
    """
    fresh = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    for path in fresh.rglob("*"):
        sync(path)
    sync(fresh)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.replace(folder)
    sync(folder.parent)


def read_json(path: Path) -> Any:
    """Read a file of JSON of the run. Raises TrainingError."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read: {error}") from error
