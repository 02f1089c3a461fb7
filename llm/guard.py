"""Rules that come before retrieval: harm, secrets, injection, personal dosing, live data, chat.

The rules and what is said are in `guard.toml`, so that a person can review them without reading
code. A Chinese term also matches by its sound, so that a misheard question meets the same rule.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm import KnowledgeError
from llm.language import is_han
from llm.ngrams import sound_key, sound_text
from llm.wording import clean

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RULES = Path(__file__).with_name("guard.toml")
DECISIONS = ("refuse", "correct", "hand_over", "unknown", "ask_back")

Syllables = Callable[[str], Sequence[str]]

_LEAST_SOUND = {"refuse": 2, "": 3}
"""Syllables from which a term matches by sound. Two are too common (五十 sounds like 误食): only
what must be refused is worth a false alarm."""


@dataclass(frozen=True)
class Reply:
    """What is said when a rule matches."""

    name: str
    decision: str
    text: Mapping[str, str]
    """What is said, by language: no lecture, and the right place to ask."""
    facts: tuple[str, ...] = ()
    """Facts the sentence rests on."""
    answer_rest: bool = False
    """The sentence is a denial that goes before the vetted answer to what was asked."""


@dataclass(frozen=True)
class Verdict:
    """A rule that matched, and by what."""

    reply: Reply
    matched: tuple[str, ...]
    rest: str = ""
    """The question without the terms of the first group, for `answer_rest`."""


@dataclass(frozen=True)
class _Term:
    """A word, a sound or a pattern."""

    text: str
    pattern: re.Pattern[str] | None
    sound: str = ""

    def found_in(self, text: str, sound: str) -> bool:
        if self.pattern is not None:
            return bool(self.pattern.search(text))
        return self.text in text or bool(self.sound and self.sound in sound)


@dataclass(frozen=True)
class _Rule:
    reply: str
    groups: tuple[tuple[_Term, ...], ...]
    unless: tuple[_Term, ...]


class Guard:
    """Checks a question against the rules; the first rule that matches decides."""

    def __init__(self, syllables: Syllables, path: Path = RULES) -> None:
        """Read the rules. Raises KnowledgeError naming the rule."""
        self._syllables = syllables
        table = _read(path)
        self._sets: Mapping[str, list[str]] = table.get("set", {})
        self.replies = {name: _reply(name, row) for name, row in table.get("reply", {}).items()}
        self._protect = self._terms("set protect", self._sets.get("protect", []), 2)
        self._rules = [
            self._rule(number, row) for number, row in enumerate(table.get("rule", []), 1)
        ]

    def check(self, text: str) -> Verdict | None:
        """Return the first rule that matches the question, if any."""
        cleaned = clean(text)
        sound = sound_text(self._syllables(cleaned))
        for rule in self._rules:
            matched = _match(rule, cleaned, sound)
            if matched is not None:
                rest = cleaned
                for term in rule.groups[0]:
                    rest = (
                        term.pattern.sub("", rest) if term.pattern else rest.replace(term.text, "")
                    )
                return Verdict(self.replies[rule.reply], matched, rest.strip(" ,，.。:："))
        return None

    def asks_protection(self, text: str) -> bool:
        """Return whether a question asks how to protect people (the set `protect`)."""
        cleaned = clean(text)
        sound = sound_text(self._syllables(cleaned))
        return any(term.found_in(cleaned, sound) for term in self._protect)

    def _rule(self, number: int, row: Mapping[str, Any]) -> _Rule:
        where = f"guard rule {number} ({row.get('reply', 'no reply')})"
        if row.get("reply") not in self.replies:
            raise KnowledgeError(f"{where}: there is no such reply")
        if unknown := sorted(set(row) - {"reply", "all", "unless", "by_sound"}):
            raise KnowledgeError(f"{where}: unknown keys {unknown}")
        least = _LEAST_SOUND["refuse" if self.replies[row["reply"]].decision == "refuse" else ""]
        audible = least if row.get("by_sound", True) else 0
        groups = tuple(self._terms(where, group, audible) for group in row.get("all", []))
        if not groups or not all(groups):
            raise KnowledgeError(f"{where}: `all` needs at least one group of terms")
        return _Rule(row["reply"], groups, self._terms(where, row.get("unless", []), 2))

    def _terms(self, where: str, group: Sequence[str], audible: int) -> tuple[_Term, ...]:
        """Return the terms of a group; those of `audible` syllables or more match by sound too."""
        terms: list[_Term] = []
        for written in group:
            if written.startswith("@") and written[1:] not in self._sets:
                raise KnowledgeError(f"{where}: there is no set {written}")
            members = self._sets[written[1:]] if written.startswith("@") else [written]
            terms += [self._term(where, member, audible) for member in members]
        return tuple(terms)

    def _term(self, where: str, written: str, audible: int) -> _Term:
        if written.startswith("/"):
            try:
                return _Term(written, re.compile(written[1:]))
            except re.error as error:
                raise KnowledgeError(f"{where}: {written}: {error}") from error
        text = clean(written)
        if not is_han(text[0]):
            return _Term(text, re.compile(rf"(?<![a-z0-9]){re.escape(text)}(?![a-z0-9])"))
        heard = 0 < audible <= len(text) and all(is_han(c) for c in text)
        return _Term(text, None, sound_key(self._syllables(text)) if heard else "")


def _match(rule: _Rule, text: str, sound: str) -> tuple[str, ...] | None:
    matched = []
    for group in rule.groups:
        term = next((t for t in group if t.found_in(text, sound)), None)
        if term is None:
            return None
        matched.append(term.text)
    if any(term.found_in(text, sound) for term in rule.unless):
        return None
    return tuple(matched)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise KnowledgeError(f"{path}: {error}") from error


def _reply(name: str, row: Mapping[str, Any]) -> Reply:
    known = {"decision", "zh", "en", "facts", "answer_rest"}
    if unknown := sorted(set(row) - known):
        raise KnowledgeError(f"guard reply {name}: unknown keys {unknown}")
    if row.get("decision") not in DECISIONS or not row.get("zh") or not row.get("en"):
        raise KnowledgeError(
            f"guard reply {name}: needs zh, en and a decision out of {', '.join(DECISIONS)}"
        )
    return Reply(
        name,
        row["decision"],
        {"zh": row["zh"], "en": row["en"]},
        tuple(row.get("facts", ())),
        bool(row.get("answer_rest", False)),
    )
