"""What holds at one site only: its sirens, telephone numbers, meeting points, nearest shelter.

The competent authority writes `site.toml` with entries of the ordinary form and topic `site`, and
signs it together with the rest of the knowledge base (`llm.knowledge.sign`). Without a signature
that fits it is not read at all.

    [[entry]]
    id = "zh.site.shelter"
    ask = ["最近的避难所在哪里", "我该去哪里躲", "避难所在哪", "附近有没有避难所"]
    answer = "去镇中学地下室。"
    replaces = ["zh.alarms-phones.nuclear-siren"]   # spoken entries that this one stands in for
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from llm import KnowledgeError
from llm.knowledge import LANGUAGES, Entry, KnowledgeBase, Source, parse_entries, parse_toml

SITE_TOPIC = "site"
SITE_FACT = "SITE"
"""Id of the fact that all site entries rest on: the word of the authority itself."""


@dataclass(frozen=True)
class Site:
    """Who speaks for which site."""

    name: str
    authority: str
    date: str
    """Day of the signature, ISO 8601."""


def with_site(knowledge: KnowledgeBase, text: str, site: Site) -> KnowledgeBase:
    """Return the knowledge base with the entries of a site file laid over it.

    Raises KnowledgeError naming entry and field.
    """
    rows = parse_toml(text, "site.toml").get("entry", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows) or not rows:
        raise KnowledgeError("site.toml: has no [[entry]]")
    replaced = {name for row in rows for name in _replaced(row, knowledge)}
    plain = [{k: v for k, v in row.items() if k != "replaces"} for row in rows]
    entries = [_complete(entry, site) for entry in _parsed(plain)]
    kept = [entry for entry in knowledge.entries if entry.id not in replaced]
    _check_ids([*kept, *entries])
    source = Source(SITE_FACT, "A", f"Local arrangements: {site.name}", site.authority, site.date)
    sources = {**knowledge.sources, SITE_FACT: source}
    pruned = [_without(entry, replaced) for entry in kept]
    return KnowledgeBase((*pruned, *entries), sources, knowledge.vocabulary)


def _parsed(rows: Sequence[dict[str, Any]]) -> list[Entry]:
    found: list[Entry] = []
    for row in rows:
        language = str(row.get("id", "")).partition(".")[0]
        if language not in LANGUAGES:
            raise KnowledgeError(
                f"site.toml: {row.get('id', 'an entry')}: id must begin with zh.site. or en.site."
            )
        if "facts" in row:
            raise KnowledgeError(
                f"site.toml: {row['id']}: leave out facts: it is the authority that says so"
            )
        found += parse_entries([{**row, "facts": [SITE_FACT]}], language, SITE_TOPIC)
    return found


def _replaced(row: dict[str, Any], knowledge: KnowledgeBase) -> list[str]:
    names = row.get("replaces", [])
    if not isinstance(names, list) or (
        unknown := [n for n in names if n not in {entry.id for entry in knowledge.speakable}]
    ):
        detail = f"unknown entries {unknown}" if isinstance(names, list) else "must be a list"
        raise KnowledgeError(f"site.toml: {row.get('id')}: replaces: {detail}")
    return names


def _complete(entry: Entry, site: Site) -> Entry:
    return replace(
        entry, reviewer=entry.reviewer or site.authority, reviewed=entry.reviewed or site.date
    )


def _without(entry: Entry, replaced: set[str]) -> Entry:
    related = tuple(name for name in entry.related if name not in replaced)
    return entry if related == entry.related else replace(entry, related=related)


def _check_ids(entries: Sequence[Entry]) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise KnowledgeError(f"site.toml: the id {entry.id} is used twice")
        seen.add(entry.id)
