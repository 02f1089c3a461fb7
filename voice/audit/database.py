"""The SQLite file: open, migrate, one transaction at a time, clear errors.

WAL with synchronous=FULL: what was committed survives a power cut. A connection lives for one
operation, so that between turns the file is whole by itself, any thread may append, and a log
that was moved away under a running assistant begins anew instead of vanishing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from models.disk import sync
from voice.errors import AuditError

BUSY_TIMEOUT_S = 5.0
_MODE = 0o600

_ASIDE = "move it away for inspection; the next turn begins a new log"
_FAILURES = (
    ("locked", "is in use by another process", "try again when that has finished"),
    ("full", "has no room: the disk is full", "free some space on it"),
    ("unable to open", "cannot be opened", "give this user the right to read and write its folder"),
    ("readonly", "cannot be written", "give this user the right to write it and its folder"),
    ("disk I/O", "cannot be read or written: the disk failed", "check the disk and its free space"),
)
"""Part of SQLite's message, what happened, what to do. Python 3.10 shows no error codes."""


def _create(connection: sqlite3.Connection) -> None:
    for statement in (
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, record TEXT NOT NULL, hash TEXT NOT NULL)",
        "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL,"
        " hash TEXT NOT NULL, pruned_through INTEGER NOT NULL)",
        f"INSERT INTO head VALUES (1, 0, '{'0' * 64}', 0)",
        # Against accidents with other tools. The chain is what finds intent.
        "CREATE TRIGGER no_change BEFORE UPDATE ON entries"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
        "CREATE TRIGGER no_removal BEFORE DELETE ON entries"
        " WHEN OLD.id > (SELECT pruned_through FROM head)"
        " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: hean audit prune'); END",
    ):
        connection.execute(statement)


def _add_columns_to_look_at(connection: sqlite3.Connection) -> None:
    names = (
        *("kind", "started_at", "source", "wake_word", "wake_score", "heard", "understood"),
        *("language", "decision", "reason", "passages", "facts", "answer", "problems", "model"),
        *("model_id", "knowledge", "seconds", "outcome", "error_code", "software"),
    )
    columns = ", ".join(f"json_extract(record, '$.{name}') AS {name}" for name in names)
    connection.execute(f"CREATE VIEW turns AS SELECT id, {columns}, hash FROM entries")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_create, _add_columns_to_look_at)
"""Each brings the file one version further; `user_version` counts them. Only ever appended to."""


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the log alone for one transaction, which is on the disk afterwards or did not happen.

    Creates the file, for its owner's eyes only. Raises AuditError.
    """
    with _clear_errors(path):
        _create_file(path)
        with closing(_connect(path)) as connection:
            _migrate(connection, path)
            with _transaction(connection):
                yield connection


def exists(path: Path) -> bool:
    """Tell whether there is a log. Raises AuditError if this user may not even know that."""
    with _clear_errors(path):
        return path.exists()


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """See the log as it is at one moment; others may go on writing. Raises AuditError."""
    # SQLite wants to put its files beside the log, which on a write-protected stick it cannot:
    # a log without a journal may be read alone there.
    alone = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    mode = "ro&immutable=1" if alone else "rw"
    with _clear_errors(path), closing(_connect(path, mode)) as connection:
        connection.execute("PRAGMA query_only = ON")
        if not _version(connection, path):
            raise AuditError(f"{path} holds no audit log", _ASIDE)
        connection.execute("BEGIN")
        yield connection


def _create_file(path: Path) -> None:
    """Create an empty file. An existing one is not opened: closing it would drop SQLite's locks."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _MODE))
    except FileExistsError:
        return  # another process was quicker
    sync(path.parent)


def _connect(path: Path, mode: str = "rw") -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(address, timeout=BUSY_TIMEOUT_S, isolation_level=None, uri=True)
    # Bytes that are no UTF-8 must not stop the check that is to find them.
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    if _version(connection, path) == len(MIGRATIONS):
        return
    connection.execute("PRAGMA journal_mode = WAL")
    with _transaction(connection):
        for migration in MIGRATIONS[_version(connection, path) :]:
            migration(connection)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > len(MIGRATIONS):
        raise AuditError(f"{path} was written by a newer version of He'an", "update this one")
    return version


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Begin with the lock that only one writer has, so that two cannot continue the same row."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # SQLite has rolled back by itself after some errors
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def _clear_errors(path: Path) -> Iterator[None]:
    """Turn the errors of SQLite and of the file system into an AuditError."""
    try:
        yield
    except OSError as error:
        raise AuditError(
            f"the audit log {path} cannot be opened: {error.strerror}",
            f"give this user the right to read and write {path.parent}",
        ) from error
    except sqlite3.Error as error:
        for part, what, fix in _FAILURES:
            if part in str(error):
                raise AuditError(f"the audit log {path} {what}", fix) from error
        raise AuditError(f"the audit log {path} is damaged: {error}", _ASIDE) from error
