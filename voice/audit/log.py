"""The audit log of this device: append, read, verify, prune."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from voice import __version__
from voice.audit.chain import Head, Report, Row, check, next_row
from voice.audit.database import exists, reading, writing
from voice.audit.record import TurnRecord, stored_fields, timestamp, utc_now
from voice.config import AuditConfig
from voice.errors import AuditError


@dataclass(frozen=True)
class Selection:
    """Which rows to look at."""

    last: int = 20
    """The newest ones of those that fit."""
    since: datetime | None = None
    decision: str = ""


class AuditLog:
    """Append-only. Several threads and processes may use the same file."""

    def __init__(self, path: Path, config: AuditConfig = AuditConfig()) -> None:  # noqa: B008
        self.path = path
        self._config = config

    def append(self, record: TurnRecord) -> int | None:
        """Write a turn and return its row number; None if the owner wants no audit.

        When it returns, the row is on the disk. Takes some milliseconds, at most a few seconds
        where another process holds the log. Raises AuditError: the turn goes on, and somebody
        has to be told that it is not recorded.
        """
        if not self._config.enabled:
            return None
        with writing(self.path) as connection:
            return _append(connection, self.path, stored_fields(record, self._config)).id

    def append_flash(self, fields: Mapping[str, Any]) -> int | None:
        """Write what came of flashing a model, in the chain of the turns, like `append`."""
        return self._append_other("flash", fields)

    def append_clock(self, problem: str) -> int | None:
        """Write that the times of the rows around this one cannot be right, like `append`."""
        return self._append_other("clock", {"reason": problem})

    def _append_other(self, kind: str, fields: Mapping[str, Any]) -> int | None:
        if not self._config.enabled:
            return None
        row = {"kind": kind, "started_at": timestamp(utc_now()), **fields}
        with writing(self.path) as connection:
            return _append(connection, self.path, {**row, "software": __version__}).id

    def rows(self) -> Iterator[Row]:
        """Yield all rows, oldest first; none if nothing was ever recorded. Raises AuditError."""
        if exists(self.path):
            with reading(self.path) as connection:
                yield from _rows(connection)

    def select(self, selection: Selection) -> list[Row]:
        """Return the rows that fit, oldest first. Raises AuditError."""
        since = timestamp(selection.since) if selection.since else ""
        found: list[Row] = []
        if not exists(self.path):
            return found
        with reading(self.path) as connection:
            for row in _rows(connection, "DESC"):
                if _fits(row, since, selection.decision):
                    found.append(row)
                if len(found) >= selection.last:
                    break
        return found[::-1]

    def verify(self, noted: str = "") -> Report:
        """Check the whole chain, and that it holds the head noted elsewhere if one is given.

        `noted` is the beginning of its hash. A log that does not exist is an empty one.
        Raises AuditError if the file cannot be read.
        """
        if not exists(self.path):
            return check((), Head(), noted)
        with reading(self.path) as connection:
            return check(_rows(connection), _head(connection), noted)

    def prune(self, now: datetime | None = None, *, by_itself: bool = False) -> Row | None:
        """Delete what is older than `keep_days` and return the row that says so.

        Rows go from the beginning up to the first one that is young enough, whatever the clock
        said later, so that the rest stays a chain. None if nothing is old enough; `by_itself`
        also if the clock may be wrong, for nobody is there to ask: see `_jumped`.
        Raises AuditError, also if the chain is broken: the proof of that must not be deleted.
        """
        now = now or utc_now()
        if not self._config.keep_days or not exists(self.path):
            return None
        kept = timedelta(days=self._config.keep_days)
        oldest_kept = timestamp(now - kept)
        with writing(self.path) as connection:
            last = _last_before(connection, oldest_kept)
            head = _head(connection)
            if last is None or (by_itself and _jumped(_rows(connection), now, kept)):
                return None
            if check(_rows(connection), head).faults:
                raise AuditError(
                    f"the audit log {self.path} is broken; nothing was deleted",
                    "see what is wrong: hean audit verify",
                )
            row = _append(connection, self.path, _pruning(last, now, self._config.keep_days))
            connection.execute("UPDATE head SET pruned_through = ?", (last.id,))
            connection.execute("DELETE FROM entries WHERE id <= ?", (last.id,))
        return row


def _rows(connection: sqlite3.Connection, order: str = "ASC") -> Iterator[Row]:
    cursor = connection.execute(f"SELECT id, record, hash FROM entries ORDER BY id {order}")
    return (Row(*values) for values in cursor)


def _head(connection: sqlite3.Connection) -> Head | None:
    values = connection.execute("SELECT id, hash FROM head").fetchone()
    if values and isinstance(values[0], int) and isinstance(values[1], str):
        return Head(*values)
    return None  # a damaged file may hold anything in any column


def _append(connection: sqlite3.Connection, path: Path, fields: Mapping[str, Any]) -> Row:
    head = _head(connection)
    if head is None:
        raise AuditError(
            f"the audit log {path} has lost the note of its newest row",
            "move it away for inspection; the next turn begins a new log",
        )
    row = next_row(head, fields)
    connection.execute("INSERT INTO entries VALUES (?, ?, ?)", (row.id, row.record, row.hash))
    connection.execute("UPDATE head SET id = ?, hash = ?", (row.id, row.hash))
    return row


def _last_before(connection: sqlite3.Connection, oldest_kept: str) -> Row | None:
    last = None
    for row in _rows(connection):
        if str(row.fields.get("started_at")) >= oldest_kept:
            break
        last = row
    return last


def _jumped(rows: Iterable[Row], now: datetime, kept: timedelta) -> bool:
    """Tell whether the clock has jumped by more than what is kept, and not yet gone on for so long.

    Rather that than a device which nobody asked for a year: machines without a network or a
    battery have such clocks, and one turn by a wrong clock must not be the end of all others.
    """
    before = begun = ""
    for at in (*(str(row.fields.get("started_at")) for row in rows), timestamp(now)):
        if before and _time(at) - _time(before) > kept:
            begun = at
        before = at
    return bool(begun) and now - _time(begun) < kept


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:  # nobody can tell: as old as can be
        return datetime.min.replace(tzinfo=timezone.utc)


def _pruning(last: Row, now: datetime, keep_days: int) -> dict[str, Any]:
    return {
        "kind": "prune",
        "started_at": timestamp(now),
        "pruned_through": last.id,
        "pruned_hash": last.hash,
        "keep_days": keep_days,
        "software": __version__,
    }


def _fits(row: Row, since: str, decision: str) -> bool:
    if decision and row.fields.get("decision") != decision:
        return False
    return str(row.fields.get("started_at", "")) >= since
