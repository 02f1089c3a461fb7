"""The words of the field, and everyday words that mean the same (`terms.toml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llm import KnowledgeError

KINDS = ("substance", "unit", "thing", "place", "action", "body", "group", "organisation")


@dataclass(frozen=True)
class Term:
    """One thing of the field and its names; the first name of a language is the usual one."""

    kind: str
    names: Mapping[str, tuple[str, ...]]
    """Names by language."""


@dataclass(frozen=True)
class Vocabulary:
    """What questions of the field are made of."""

    field_terms: tuple[Term, ...] = ()
    same: tuple[Mapping[str, tuple[str, ...]], ...] = ()
    """Groups of everyday words that mean the same, by language."""
    fillers: Mapping[str, tuple[str, ...]] | None = None
    """What is said around a question, by language."""

    def terms(self, language: str) -> tuple[str, ...]:
        """Return all words of the field, each once, in the order of the file."""
        return tuple(
            dict.fromkeys(n for term in self.field_terms for n in term.names.get(language, ()))
        )

    def synonyms(self, language: str) -> dict[str, str]:
        """Return the usual name of every word; a usual name stands for itself.

        So a longer name is never cut up by a shorter one that is part of it.
        """
        groups = [term.names for term in self.field_terms] + list(self.same)
        return {
            name: names[0]
            for names in (group.get(language, ()) for group in groups)
            for name in names
        }

    def filler_phrases(self, language: str) -> tuple[str, ...]:
        """Return what is said around a question."""
        return (self.fillers or {}).get(language, ())


def parse_vocabulary(table: Mapping[str, Any], where: str) -> Vocabulary:
    """Return the vocabulary of a parsed `terms.toml`.

    Raises KnowledgeError naming file and term.
    """
    if unknown := sorted(set(table) - {"term", "same", "filler"}):
        raise KnowledgeError(f"{where}: unknown tables {unknown}")
    terms = []
    for number, row in enumerate(table.get("term", []), 1):
        names = _names({k: v for k, v in row.items() if k != "kind"}, f"{where}: term {number}")
        if row.get("kind") not in KINDS:
            raise KnowledgeError(f"{where}: term {number}: kind must be one of {', '.join(KINDS)}")
        terms.append(Term(row["kind"], names))
    same = tuple(
        _names(row, f"{where}: same {number}")
        for number, row in enumerate(table.get("same", []), 1)
    )
    return Vocabulary(tuple(terms), same, _names(table.get("filler", {}), f"{where}: filler"))


def _names(row: Mapping[str, Any], where: str) -> dict[str, tuple[str, ...]]:
    if unknown := sorted(set(row) - {"zh", "en"}):
        raise KnowledgeError(f"{where}: unknown keys {unknown}")
    for names in row.values():
        if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
            raise KnowledgeError(f"{where}: zh and en must be lists of words")
    return {language: tuple(names) for language, names in row.items()}
