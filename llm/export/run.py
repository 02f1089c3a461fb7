"""A finished training run, and whether what it was trained on is still the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.data import Row, read
from llm.export import ExportError
from llm.export.files import sha256_of
from llm.train.folder import RunFolder


@dataclass(frozen=True)
class Run:
    """What an export needs of a run."""

    folder: Path
    base: Path
    """GGUF file, or folder of Hugging Face, that it was trained on."""
    result: Path
    """Folder with the adapter of peft, or with the whole model."""
    record: Mapping[str, Any]
    """run.json."""

    @property
    def has_adapter(self) -> bool:
        """Return whether an adapter was trained, and not the model itself."""
        return (self.result / "adapter_config.json").is_file()

    @property
    def export(self) -> Path:
        """Return the folder of what is made of the run."""
        return self.folder / "export"

    def rows(self, part: str) -> tuple[Row, ...]:
        """Return the rows of train or valid. Raises DataError, ExportError: there are none."""
        path = self.folder / "data" / f"{part}.jsonl"
        rows = read([path]).rows
        if not rows:
            raise ExportError(f"{path} holds no rows", "train again")
        return rows


def open_run(folder: Path, base: Path | None = None) -> Run:
    """Open a finished run; `base` says where the base is now, if it was moved.

    Raises TrainingError: no run; ExportError: not finished, or the base is missing or another.
    """
    files = RunFolder(folder)
    record = files.read()
    if record.get("state") != "done":
        raise ExportError(
            f"the run {folder} is not finished: {record.get('state', 'unknown')}",
            f"hean train --resume {folder}",
        )
    base = base or Path(record["base"]["path"])
    if not base.exists():
        raise ExportError(f"the base {base} is not there", "say where it is: --base PATH")
    if base.is_file():
        check_base(base, record)
    return Run(folder, base, files.result, record)


def check_base(base: Path, record: Mapping[str, Any]) -> None:
    """Raise ExportError unless a base file is, byte for byte, the one that was trained on."""
    wanted, found = record["base"]["sha256"], sha256_of(base)
    if found != wanted:
        raise ExportError(
            f"{base} is not the base of this run: SHA-256 {found[:16]}… instead of {wanted[:16]}…",
            "the file was altered or replaced: hean models verify; or say where the right one "
            "is: --base PATH",
        )
