"""The knowledge base: small TOML files that a person can review.

`sources.toml` lists every fact with its source; `zh/*.toml` and `en/*.toml` hold the entries,
one file for each topic; `terms.toml` holds the words of the field. Only entries of status
`vetted` whose facts all have confidence A or B are ever spoken.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from llm import KnowledgeError
from llm.knowledge.vocabulary import Vocabulary, parse_vocabulary

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SHIPPED = Path(__file__).parent
LANGUAGES = ("zh", "en")
DECISIONS = ("verbatim", "correct", "ask_back", "hand_over", "refuse", "unknown")
"""What an entry may decide; see `llm.answer.Answer.decision` for the words."""
STATUSES = ("vetted", "draft")
SPEAKABLE_CONFIDENCE = ("A", "B")


@dataclass(frozen=True)
class Source:
    """Where a fact comes from."""

    fact: str
    """Id of the fact, for example F040."""
    confidence: str
    """A official or primary text seen, B seen on a copy or in a press report, C primary not
    opened, M from memory. C and M are never spoken."""
    title: str
    issuer: str
    year: str
    """Empty if the source shows none."""
    section: str = ""
    address: str = ""
    value: str = ""
    """The number and unit the fact is about, if any."""


@dataclass(frozen=True)
class Entry:
    """One vetted text and the ways to ask for it."""

    id: str
    """Language, topic and name: zh.iodine.when-to-take."""
    language: str
    topic: str
    ask: tuple[str, ...]
    """Natural questions this entry answers."""
    answer: str
    """Spoken as written. The first sentence says what to do."""
    facts: tuple[str, ...] = ()
    """Ids of the facts the answer rests on."""
    decision: str = "verbatim"
    """What kind of answer this is."""
    details: str = ""
    """More for the screen; also a passage for composed answers."""
    related: tuple[str, ...] = ()
    """Ids of entries a person may want next."""
    status: str = "vetted"
    reviewer: str = ""
    reviewed: str = ""
    """Date of the review, ISO 8601."""

    @property
    def passage(self) -> str:
        """Return all vetted text of the entry."""
        return f"{self.answer}\n{self.details}".strip()


@dataclass(frozen=True)
class KnowledgeBase:
    """All entries and their sources."""

    entries: tuple[Entry, ...]
    sources: dict[str, Source]
    vocabulary: Vocabulary = field(default_factory=Vocabulary)

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """Return the entries by id."""
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def speakable(self) -> tuple[Entry, ...]:
        """Return the entries that may be spoken: vetted, resting on A and B facts only."""
        return tuple(
            entry
            for entry in self.entries
            if entry.status == "vetted"
            and all(self.sources[f].confidence in SPEAKABLE_CONFIDENCE for f in entry.facts)
        )

    @cached_property
    def content_hash(self) -> str:
        """Return a SHA-256 over all entries and sources; the same content, the same hash."""
        digest = hashlib.sha256()
        for item in (*sorted(self.entries, key=lambda e: e.id), *self.sources.values()):
            digest.update(repr(item).encode())
        return digest.hexdigest()

    def terms(self, language: str) -> tuple[str, ...]:
        """Return the words of the field, for the repair of speech recognition."""
        return self.vocabulary.terms(language)

    def sources_of(self, entry: Entry) -> tuple[Source, ...]:
        """Return the sources of the facts of an entry."""
        return tuple(self.sources[fact] for fact in entry.facts)


def load_knowledge(folder: Path = SHIPPED) -> KnowledgeBase:
    """Read a knowledge base.

    Raises KnowledgeError naming file, entry and field.
    """
    sources = _read_sources(folder / "sources.toml")
    entries: dict[str, Entry] = {}
    for language in LANGUAGES:
        for path in sorted((folder / language).glob("*.toml")):
            for entry in _read_entries(path, language):
                if entry.id in entries:
                    raise KnowledgeError(f"{path.name}: the id {entry.id} is used twice")
                if missing := [f for f in entry.facts if f not in sources]:
                    raise KnowledgeError(f"{path.name}: {entry.id}: unknown facts {missing}")
                entries[entry.id] = entry
    if not entries:
        raise KnowledgeError(f"{folder}: no entries in zh/*.toml or en/*.toml")
    return KnowledgeBase(tuple(entries.values()), sources, _read_vocabulary(folder))


def _read_vocabulary(folder: Path) -> Vocabulary:
    """Read the words of the field; a knowledge base without its own has the shipped ones."""
    path = folder / "terms.toml"
    if not path.exists():
        path = SHIPPED / "terms.toml"
    return parse_vocabulary(_read_toml(path), path.name)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise KnowledgeError(f"{path}: {error}") from error


def _read_sources(path: Path) -> dict[str, Source]:
    table = _read_toml(path)
    sources = {}
    for fact, row in table.items():
        _check_keys(f"{path.name}: {fact}", row, (f.name for f in fields(Source)))
        try:
            sources[fact] = Source(fact=fact, **row)
        except TypeError as error:
            raise KnowledgeError(f"{path.name}: {fact}: {error}") from error
    return sources


def _read_entries(path: Path, language: str) -> Iterable[Entry]:
    for number, row in enumerate(_read_toml(path).get("entry", []), 1):
        where = f"{language}/{path.name}: {row.get('id', f'entry {number}')}"
        _check_keys(where, row, (f.name for f in fields(Entry)))
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in row.items()
        }
        try:
            entry = Entry(**{"language": language, "topic": path.stem, **values})
        except TypeError as error:
            raise KnowledgeError(f"{where}: {error}") from error
        _check_entry(where, entry)
        yield entry


def _check_keys(where: str, row: dict[str, Any], known: Iterable[str]) -> None:
    if unknown := sorted(set(row) - set(known)):
        raise KnowledgeError(f"{where}: unknown keys {unknown}")


def _check_entry(where: str, entry: Entry) -> None:
    if not entry.id.startswith(f"{entry.language}.{entry.topic}."):
        raise KnowledgeError(f"{where}: id must begin with {entry.language}.{entry.topic}.")
    for key, known in (("decision", DECISIONS), ("status", STATUSES)):
        if getattr(entry, key) not in known:
            raise KnowledgeError(f"{where}: {key} must be one of {', '.join(known)}")
    if not entry.ask or not entry.answer.strip():
        raise KnowledgeError(f"{where}: ask and answer must not be empty")
    if not entry.facts and entry.decision in ("verbatim", "correct") and entry.status == "vetted":
        raise KnowledgeError(f"{where}: a vetted entry must name its facts")
