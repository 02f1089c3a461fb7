"""The log in files for others: JSON lines that can be verified again, CSV for reading."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

from voice.audit.chain import Head, Row
from voice.errors import AuditError, InputError

_MODE = 0o600
_COLUMNS = (
    *("id", "kind", "started_at", "source", "wake_word", "wake_score", "heard", "understood"),
    *("language", "decision", "reason", "passages", "facts", "answer", "problems", "model"),
    *("model_id", "knowledge", "seconds", "outcome", "error_code", "pruned_through", "software"),
)


def write_jsonl(rows: Iterable[Row], file: TextIO) -> Head:
    """Write each record as it was hashed and return the head.

    The SHA-256 of a line is what the next line names as `previous`; that of the last line is
    the head.
    """
    head = Head()
    for row in rows:
        file.write(f"{row.record}\n")
        head = Head(row.id, row.hash)
    return head


def write_csv(rows: Iterable[Row], file: TextIO) -> Head:
    """Write a table for spreadsheets and return the head."""
    head = Head()
    writer = csv.writer(file)
    writer.writerow((*_COLUMNS, "hash"))
    for row in rows:
        writer.writerow((*(_cell(row.fields.get(name)) for name in _COLUMNS), row.hash))
        head = Head(row.id, row.hash)
    return head


FORMATS: dict[str, tuple[Callable[[Iterable[Row], TextIO], Head], str]] = {
    "jsonl": (write_jsonl, "utf-8"),
    "csv": (write_csv, "utf-8-sig"),  # spreadsheets take it for Chinese only with the mark
}


def export(rows: Iterable[Row], path: Path, name: str) -> Head:
    """Write all rows to a new file that only its owner may read, and return the head.

    Raises InputError if the file exists or cannot be written, and AuditError.
    """
    write, encoding = FORMATS[name]
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE)
    except FileExistsError as error:
        raise InputError(f"{path} exists already", "name a new file") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}", "name a file that can be written") from error
    try:
        with open(descriptor, "w", encoding=encoding, newline="") as file:
            return write(rows, file)
    except OSError as error:
        path.unlink()
        raise InputError(f"{path}: {error.strerror}", "free some space on its disk") from error
    except AuditError:
        path.unlink()
        raise


def _cell(value: object) -> object:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    # A spreadsheet would run a question that begins like a formula.
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
