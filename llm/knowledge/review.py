"""From draft to vetted: what a reviewer has to see, and the change in the reviewer's name.

The TOML files are edited line by line, so that comments and layout stay as people wrote them;
the result is parsed and compared before it is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from llm import KnowledgeError
from llm.knowledge import SPEAKABLE_CONFIDENCE, Entry, KnowledgeBase, parse_toml
from llm.knowledge.check import check
from llm.knowledge.files import write_atomically

MAX_AGE_DAYS = 365
"""After this a vetted entry is to be read again: limits, phone numbers and leaflets change."""

_ENTRY_HEAD = re.compile(r"[ \t]*\[\[[ \t]*entry[ \t]*\]\][ \t]*(?:#.*)?")
_VALUE = r"(?:\"(?:[^\"\\]|\\.)*\"|'[^']*')"


@dataclass(frozen=True)
class Change:
    """What a review sets."""

    status: str
    """vetted or draft."""
    reviewer: str = ""
    """Empty: as it was."""
    reviewed: str = ""
    """Day, ISO 8601. Empty: as it was."""

    @property
    def values(self) -> dict[str, str]:
        """Return the keys of an entry that are set."""
        named = {"status": self.status, "reviewer": self.reviewer, "reviewed": self.reviewed}
        return {key: value for key, value in named.items() if value}


@dataclass(frozen=True)
class Due:
    """An entry that somebody should read."""

    entry: Entry
    reason: str


def due(knowledge: KnowledgeBase, today: date) -> list[Due]:
    """Return the drafts, and the vetted entries whose review is too long ago."""
    drafts = [Due(e, "draft") for e in knowledge.entries if e.status == "draft"]
    vetted = [e for e in knowledge.entries if e.status == "vetted"]
    return drafts + [Due(e, reason) for e in vetted if (reason := _overdue(e, today))]


def obstacles(knowledge: KnowledgeBase, changed: Sequence[Entry]) -> list[str]:
    """Return why entries must not take the place of those with their ids; nothing = they may."""
    found = [
        f"{entry.id}: {source.fact} has confidence {source.confidence}; open {source.title!r}, "
        "compare, and raise it to A or B in the file of the sources"
        for entry in changed
        if entry.status == "vetted"
        for source in knowledge.sources_of(entry)
        if source.confidence not in SPEAKABLE_CONFIDENCE
    ]
    found += [
        f"{entry.id}: names no fact"
        for entry in changed
        if entry.status == "vetted"
        and not entry.facts
        and entry.decision in ("verbatim", "correct")
    ]
    if found:
        return found
    by_id = {entry.id: entry for entry in changed}
    entries = tuple(by_id.get(entry.id, entry) for entry in knowledge.entries)
    before = {f for f in check(knowledge) if f.level == "error" and f.entry not in by_id}
    after = check(replace(knowledge, entries=entries))
    return [f"{f.entry}: {f.message}" for f in after if f.level == "error" and f not in before]


def apply_review(
    knowledge: KnowledgeBase, ids: Sequence[str], change: Change, folders: Sequence[Path]
) -> list[Path]:
    """Set status, reviewer and day of entries in the files they stand in; return those files.

    All or none of the entries: nothing is written if one of them must not be vetted.
    Raises KnowledgeError.
    """
    entries = [entry_of(knowledge, name) for name in ids]
    changed = [
        replace(
            entry,
            status=change.status,
            reviewer=change.reviewer or entry.reviewer,
            reviewed=change.reviewed or entry.reviewed,
        )
        for entry in entries
    ]
    if found := obstacles(knowledge, changed):
        raise KnowledgeError(f"not changed: {found[0]}")
    texts: dict[Path, str] = {}
    for entry in entries:
        path = file_of(entry, folders)
        texts[path] = edited(texts.get(path) or _read(path), entry.id, change.values)
    for path, text in texts.items():
        write_atomically(path, text)
    return list(texts)


def entry_of(knowledge: KnowledgeBase, name: str) -> Entry:
    """Return an entry. Raises KnowledgeError: there is none of this id."""
    if name not in knowledge.by_id:
        raise KnowledgeError(f"there is no entry {name}")
    return knowledge.by_id[name]


def file_of(entry: Entry, folders: Sequence[Path]) -> Path:
    """Return the file that an entry stands in. Raises KnowledgeError: it is in none of them."""
    for folder in folders:
        path = folder / entry.language / f"{entry.topic}.toml"
        if path.exists() and any(
            row.get("id") == entry.id for row in parse_toml(_read(path), str(path)).get("entry", [])
        ):
            return path
    raise KnowledgeError(f"{entry.id} stands in no file that can be reviewed")


def edited(text: str, name: str, values: Mapping[str, str]) -> str:
    """Return a TOML text with keys of one entry set, and everything else as it was.

    Raises KnowledgeError: the text is laid out so that this cannot be done line by line.
    """
    table = parse_toml(text, name)
    rows = table["entry"]
    number = next(n for n, row in enumerate(rows) if row.get("id") == name)
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    heads = [n for n, line in enumerate(lines) if _ENTRY_HEAD.fullmatch(line.rstrip("\r\n"))]
    if len(heads) == len(rows):
        end = heads[number + 1] if number + 1 < len(heads) else len(lines)
        block = lines[heads[number] : end]
        for key, value in values.items():
            block = _with_value(block, key, value)
        result = "".join([*lines[: heads[number]], *block, *lines[end:]])
        rows[number].update(values)
        if _parses_to(result, table):
            return result
    raise KnowledgeError(f"{name}: change {', '.join(values)} by hand: the layout is unusual")


def _parses_to(text: str, table: object) -> bool:
    try:
        return parse_toml(text, "") == table
    except KnowledgeError:
        return False


def _with_value(block: Sequence[str], key: str, value: str) -> list[str]:
    """Return the lines of an entry with a key set, behind its last line if it had none."""
    quoted = json.dumps(value, ensure_ascii=False)
    pattern = re.compile(rf"([ \t]*{key}[ \t]*=[ \t]*){_VALUE}")
    for number, line in enumerate(block):
        if found := pattern.match(line):
            return [*block[:number], found[1] + quoted + line[found.end() :], *block[number + 1 :]]
    last = max(n for n, line in enumerate(block) if line.strip() and not _is_comment(line))
    newline = "\r\n" if block[0].endswith("\r\n") else "\n"
    before = [*block[:last], block[last].rstrip("\r\n") + newline]
    return [*before, f"{key} = {quoted}{newline}", *block[last + 1 :]]


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _overdue(entry: Entry, today: date) -> str:
    try:
        age = (today - date.fromisoformat(str(entry.reviewed))).days
    except ValueError:
        return "reviewed on no known day"
    if age < 0:
        return f"reviewed on {entry.reviewed}, which is still to come"
    return f"reviewed {age} days ago" if age > MAX_AGE_DAYS else ""


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode()  # with the line ends that it has
    except (OSError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path} cannot be read: {error}") from error
