"""The knowledge base: small TOML files that a person can review.

`sources.toml` and `sources/*.toml` list every fact with its source; `zh/*.toml` and `en/*.toml`
hold the entries, one file for each topic; `terms.toml` holds the words of the field. Only entries
of status `vetted` whose facts all have confidence A or B are ever spoken.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from llm import KnowledgeError
from llm.knowledge.vocabulary import Vocabulary, parse_vocabulary

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_T = TypeVar("_T")

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
        """Return a SHA-256 of entries, sources and words; the same content, the same hash."""
        return _hash_of(self.entries, self.sources.values(), self.vocabulary)

    @cached_property
    def spoken_hash(self) -> str:
        """Return a SHA-256 of what can be spoken, what it rests on, and the words of the field.

        Drafts do not count, so that importing documents leaves a signature valid.
        """
        cited = {fact for entry in self.speakable for fact in entry.facts}
        return _hash_of(self.speakable, (self.sources[f] for f in cited), self.vocabulary)

    def terms(self, language: str) -> tuple[str, ...]:
        """Return the words of the field, for the repair of speech recognition."""
        return self.vocabulary.terms(language)

    def sources_of(self, entry: Entry) -> tuple[Source, ...]:
        """Return the sources of the facts of an entry."""
        return tuple(self.sources[fact] for fact in entry.facts)


def load_knowledge(folder: Path = SHIPPED, own: Path | None = None) -> KnowledgeBase:
    """Read a knowledge base, and what the owner added to it in a folder of the same layout.

    Raises KnowledgeError naming file, entry and field.
    """
    folders = [folder, own] if own is not None and own.is_dir() else [folder]
    sources = dict(_unique((s.fact, s) for f in folders for s in _read_sources(f, f is folder)))
    found = [entry for f in folders for entry in _read_folder(f)]
    entries = dict(_unique((entry.id, entry) for entry in found))
    if not entries:
        raise KnowledgeError(f"{folder}: no entries in zh/*.toml or en/*.toml")
    for entry in found:
        if missing := [f for f in entry.facts if f not in sources]:
            raise KnowledgeError(f"{entry.topic}.toml: {entry.id}: unknown facts {missing}")
    return KnowledgeBase(tuple(found), sources, _read_vocabulary(folder))


def _unique(pairs: Iterable[tuple[str, _T]]) -> Iterator[tuple[str, _T]]:
    seen: set[str] = set()
    for name, value in pairs:
        if name in seen:
            raise KnowledgeError(f"the id {name} is used twice")
        seen.add(name)
        yield name, value


def _hash_of(entries: Iterable[Entry], sources: Iterable[Source], vocabulary: Vocabulary) -> str:
    """Return a hash that a new field with a default value does not change."""
    lines = sorted(map(_line, entries)), sorted(map(_line, sources))
    words = json.dumps(asdict(vocabulary), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256("\n".join([*lines[0], *lines[1], words]).encode()).hexdigest()


def _line(item: Entry | Source) -> str:
    named = {f.name: getattr(item, f.name) for f in fields(item)}
    told = {f.name: named[f.name] for f in fields(item) if named[f.name] != f.default}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, default=str)


def _read_vocabulary(folder: Path) -> Vocabulary:
    """Read the words of the field; a knowledge base without its own has the shipped ones."""
    path = folder / "terms.toml"
    if not path.exists():
        path = SHIPPED / "terms.toml"
    return parse_vocabulary(_read_toml(path), path.name)


def parse_toml(text: str, where: str) -> dict[str, Any]:
    """Return the tables of a TOML text. Raises KnowledgeError naming `where` and the line."""
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # numbers and nesting beyond all sense, too
        raise KnowledgeError(f"{where}: {error}") from error


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return parse_toml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path}: {error}") from error


def _read_sources(folder: Path, required: bool) -> Iterator[Source]:
    more = sorted((folder / "sources").glob("*.toml"))
    first = folder / "sources.toml"
    for path in ([first] if first.exists() or (required and not more) else []) + more:
        for fact, row in _read_toml(path).items():
            yield _source(f"{path.name}: {fact}", fact, row)


def _source(where: str, fact: str, row: Any) -> Source:
    if not isinstance(row, dict):
        raise KnowledgeError(f"{where}: must be a table")
    _check_keys(where, row, (f.name for f in fields(Source)))
    try:
        return Source(fact=fact, **row)
    except TypeError as error:
        raise KnowledgeError(f"{where}: {error}") from error


def _read_folder(folder: Path) -> Iterator[Entry]:
    for language in LANGUAGES:
        for path in sorted((folder / language).glob("*.toml")):
            rows = _read_toml(path).get("entry", [])
            yield from parse_entries(rows, language, path.stem)


def parse_entries(rows: list[dict[str, Any]], language: str, topic: str) -> Iterator[Entry]:
    """Yield the entries of the parsed tables `[[entry]]` of one topic.

    Raises KnowledgeError naming entry and field.
    """
    for number, row in enumerate(rows, 1):
        where = f"{language}/{topic}.toml: {row.get('id', f'entry {number}')}"
        _check_keys(where, row, (f.name for f in fields(Entry)))
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in row.items()
        }
        try:
            entry = Entry(**{"language": language, "topic": topic, **values})
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
