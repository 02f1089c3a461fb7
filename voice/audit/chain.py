"""Rows, their hashes, and what a break in the chain means. Knows no files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

GENESIS = "0" * 64
"""Stands for the row before the first one."""
MAX_FAULTS = 100


@dataclass(frozen=True)
class Row:
    """One row as it is stored."""

    id: int
    record: str
    """Canonical JSON with `id` and `previous`, the hash of the row before."""
    hash: str
    """SHA-256 of the record in UTF-8, hexadecimal."""

    @cached_property
    def fields(self) -> Mapping[str, Any]:
        """Return the record as an object; empty if it is none."""
        try:
            fields = json.loads(self.record)
        except (ValueError, TypeError, RecursionError):
            return {}
        return fields if isinstance(fields, dict) else {}

    @property
    def intact(self) -> bool:
        """Tell whether the record is the one that the hash was made of."""
        return isinstance(self.record, str) and digest(self.record) == self.hash


@dataclass(frozen=True)
class Head:
    """The place of a row in the chain."""

    id: int = 0
    hash: str = GENESIS


@dataclass(frozen=True)
class Fault:
    """A break in the chain."""

    row: int
    """0: the log as a whole."""
    problem: str


@dataclass(frozen=True)
class Report:
    """What a check of the whole chain found."""

    rows: int
    """How many there are."""
    pruned: Head
    """Newest row that retention deleted."""
    newest: Head
    noted_row: int | None
    """The row whose hash is the one noted elsewhere, if that was asked for and it is there."""
    faults: tuple[Fault, ...]
    """In the order of the rows; the first MAX_FAULTS of them."""


def digest(record: str) -> str:
    """Return the hash of a record."""
    return hashlib.sha256(record.encode("utf-8")).hexdigest()


def next_row(head: Head, fields: Mapping[str, Any]) -> Row:
    """Return the row that continues the chain. Canonical: keys sorted, no spaces, UTF-8."""
    numbered = {**fields, "id": head.id + 1, "previous": head.hash}
    record = json.dumps(
        numbered, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")
    )
    return Row(head.id + 1, record, digest(record))


def check(rows: Iterable[Row], newest: Head | None, noted: str = "") -> Report:
    """Read all rows in order of their ids and return what is wrong.

    `newest` is the head as the log keeps it, None if it is gone. `noted` is the beginning of a
    hash that was noted elsewhere.
    """
    faults: list[Fault] = []
    pruned, first, last, count = Head(), None, None, 0
    noted_row = None
    for row in rows:
        count += 1
        first = first or row
        if len(faults) < MAX_FAULTS:
            faults += _breaks(row, last)
        pruned = _checkpoint(row) or pruned
        if noted and str(row.hash).startswith(noted):
            noted_row = row.id
        last = row
    faults += _break_at_beginning(first, pruned)
    faults += _break_at_end(last, pruned, newest)
    if noted and noted_row is None:
        if pruned.hash.startswith(noted):
            noted_row = pruned.id
        else:
            faults.append(Fault(0, _not_found(pruned)))
    faults.sort(key=lambda fault: fault.row)
    return Report(count, pruned, newest or Head(), noted_row, tuple(faults[:MAX_FAULTS]))


def _checkpoint(row: Row) -> Head | None:
    """Return the newest row that retention had deleted when it wrote this row."""
    if row.fields.get("kind") != "prune" or not row.intact:
        return None
    through, digest = row.fields.get("pruned_through"), row.fields.get("pruned_hash")
    return Head(through, digest) if isinstance(through, int) and isinstance(digest, str) else None


def _breaks(row: Row, last: Row | None) -> Iterator[Fault]:
    """Yield what is wrong with a row and with its link to the one before."""
    if last is not None and row.id != last.id + 1:
        yield Fault(last.id + 1, _removed(last.id + 1, row.id - 1))
    if not row.intact:
        yield Fault(row.id, "changed after it was written")
    elif row.fields.get("id") != row.id:
        yield Fault(row.id, f"moved here or put in: it was written as row {row.fields.get('id')}")
    elif last is not None and row.id == last.id + 1 and row.fields.get("previous") != last.hash:
        yield Fault(last.id, f"replaced: row {row.id} continues another one")


def _break_at_beginning(first: Row | None, pruned: Head) -> Iterator[Fault]:
    if first is None:
        return  # the newest row is then missing, too
    if first.id > pruned.id + 1:
        yield Fault(pruned.id + 1, _removed(pruned.id + 1, first.id - 1))
    elif first.id <= pruned.id:
        yield Fault(first.id, f"put in before row {pruned.id + 1}, the first one")
    elif first.intact and first.fields.get("previous") != pruned.hash:
        yield Fault(first.id, "replaced: it does not continue what was before the first row")


def _break_at_end(last: Row | None, pruned: Head, newest: Head | None) -> Iterator[Fault]:
    last_id = last.id if last else pruned.id
    if newest is None:
        yield Fault(0, "the note of the newest row was removed")
    elif newest.id > last_id:
        yield Fault(last_id + 1, _removed(last_id + 1, newest.id))
    elif newest.id < last_id:
        yield Fault(newest.id + 1, f"put in behind row {newest.id}, the newest one noted")
    elif last is not None and last.intact and newest.hash != last.hash:
        yield Fault(last_id, "replaced: another hash is noted for the newest row")


def _removed(first: int, last: int) -> str:
    return "removed" if first == last else f"removed, and all up to row {last}"


def _not_found(pruned: Head) -> str:
    problem = "the head noted elsewhere is not in this log: rows up to it were replaced or removed"
    if pruned.id > 1:
        problem += f", or it was that of one of the rows 1 to {pruned.id - 1} before retention"
    return problem
