"""The knowledge base as one SQLite file, for other programs and for bundles.

The same content gives the same bytes, whatever the order of the files, the day and the machine.
Only the version number of the SQLite library, which SQLite itself writes at byte 96, and what
another version of it would store differently, depend on where the file was made.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, astuple
from pathlib import Path

from llm import KnowledgeError
from llm.files import replacing
from llm.knowledge import Entry, KnowledgeBase
from llm.knowledge.files import unwritable

LAYOUT = 1
"""Number of the layout of the tables: PRAGMA user_version."""

_TABLES = """
PRAGMA page_size = 4096;
PRAGMA encoding = 'UTF-8';
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE source (
    fact TEXT PRIMARY KEY, confidence TEXT NOT NULL, title TEXT NOT NULL, issuer TEXT NOT NULL,
    year TEXT NOT NULL, section TEXT NOT NULL, address TEXT NOT NULL, value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE entry (
    id TEXT PRIMARY KEY, language TEXT NOT NULL, topic TEXT NOT NULL, decision TEXT NOT NULL,
    answer TEXT NOT NULL, details TEXT NOT NULL, status TEXT NOT NULL, reviewer TEXT NOT NULL,
    reviewed TEXT NOT NULL, speakable INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE phrasing (
    entry TEXT NOT NULL REFERENCES entry, position INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (entry, position)
) WITHOUT ROWID;
CREATE TABLE entry_fact (
    entry TEXT NOT NULL REFERENCES entry, position INTEGER NOT NULL,
    fact TEXT NOT NULL REFERENCES source, PRIMARY KEY (entry, position)
) WITHOUT ROWID;
CREATE TABLE related (
    entry TEXT NOT NULL REFERENCES entry, position INTEGER NOT NULL, other TEXT NOT NULL,
    PRIMARY KEY (entry, position)
) WITHOUT ROWID;
"""
_SEARCH = """
CREATE VIRTUAL TABLE search USING fts5(
    entry UNINDEXED, language UNINDEXED, ask, answer, details, tokenize = 'trigram'
)
"""


def build(knowledge: KnowledgeBase, path: Path) -> None:
    """Write the knowledge base to a SQLite file, which is replaced whole or not at all.

    `search` finds what may be spoken by any three characters or more; the other tables hold
    drafts too, with `speakable` 0.
    Raises KnowledgeError: the file cannot be written, or SQLite is too old.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            partial.unlink(missing_ok=True)
            _write(knowledge, partial)
    except OSError as error:
        raise unwritable(path, error) from error
    except sqlite3.Error as error:
        raise KnowledgeError(f"{path} cannot be written: {error}") from error


def _write(knowledge: KnowledgeBase, path: Path) -> None:
    entries = sorted(knowledge.entries, key=lambda entry: entry.id)
    spoken = {entry.id for entry in knowledge.speakable}
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(_TABLES)
        _make_search(database)
        database.execute(f"PRAGMA user_version = {LAYOUT}")
        _insert(database, "meta", sorted(_meta(knowledge).items()))
        sources = sorted(knowledge.sources.values(), key=lambda source: source.fact)
        _insert(database, "source", map(astuple, sources))
        _insert(database, "entry", (_row(e, e.id in spoken) for e in entries))
        for table, field in (("phrasing", "ask"), ("entry_fact", "facts"), ("related", "related")):
            _insert(database, table, _listed(entries, field))
        found = [e for e in entries if e.id in spoken]
        _insert(database, "search", ((e.id, e.language, *_texts(e)) for e in found))
        database.execute("INSERT INTO search(search) VALUES ('optimize')")
        database.commit()
        database.execute("VACUUM INTO ?", (str(path),))


def _make_search(database: sqlite3.Connection) -> None:
    try:
        database.execute(_SEARCH)
    except sqlite3.OperationalError as error:
        raise KnowledgeError(
            f"SQLite {sqlite3.sqlite_version} has no FTS5 trigram index; 3.34 or newer is needed"
        ) from error


def _meta(knowledge: KnowledgeBase) -> dict[str, str]:
    return {
        "content_hash": knowledge.content_hash,
        "spoken_hash": knowledge.spoken_hash,
        "vocabulary": json.dumps(asdict(knowledge.vocabulary), ensure_ascii=False, sort_keys=True),
    }


def _insert(database: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    for row in rows:
        database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _row(entry: Entry, speakable: bool) -> tuple[object, ...]:
    return (
        *(entry.id, entry.language, entry.topic, entry.decision, entry.answer, entry.details),
        *(entry.status, entry.reviewer, str(entry.reviewed), int(speakable)),
    )


def _listed(entries: Sequence[Entry], field: str) -> Iterator[tuple[object, ...]]:
    for entry in entries:
        for position, value in enumerate(getattr(entry, field)):
            yield entry.id, position, value


def _texts(entry: Entry) -> tuple[str, str, str]:
    return "\n".join(entry.ask), entry.answer, entry.details
