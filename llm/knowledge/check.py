"""Checks of a knowledge base that a person would otherwise have to make entry by entry."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from llm.knowledge import SPEAKABLE_CONFIDENCE, Entry, KnowledgeBase
from llm.language import detect_language
from llm.numbers import quantities
from llm.wording import clean, first_sentence

MIN_PHRASINGS = 4
MAX_FIRST_SENTENCE = {"zh": 25, "en": 14}
"""Characters (Chinese) or words (English) of the sentence that says what to do."""
READING_RATE = {"zh": 4.5, "en": 2.6}
"""Characters or words a calm voice reads in a second."""
MAX_READING_S = 22.0

_MEASURED = frozenset({"mSv", "µSv", "Sv", "mGy", "Gy", "Bq", "mg", "g", "kg", "km", "h", "tablet"})
"""Units whose numbers must not be wrong."""

_CLOSED_HOTLINE = "12369"
_HOTLINE_FACT = "F188"
"""The fact that the hotline is being closed: the only reason to name its number."""
_NO_MARKS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Finding:
    """Something to mend (error) or to look at (warning)."""

    level: str
    """error or warning."""
    entry: str
    message: str


def check(knowledge: KnowledgeBase) -> list[Finding]:
    """Return all findings, errors first. What cannot be read at all was refused on loading."""
    found = [*_same_phrasing(knowledge)]
    for entry in knowledge.entries:
        found += [Finding("error", entry.id, m) for m in _errors(entry, knowledge)]
        if entry.status == "vetted":
            found += [Finding("warning", entry.id, m) for m in _warnings(entry, knowledge)]
    return sorted(found, key=lambda f: f.level)


def length(text: str, language: str) -> int:
    """Return the characters (Chinese) or words (English) of a text, marks left out."""
    words = re.findall(
        r"[\u3400-\u9fff]|[A-Za-z0-9.%'’µμ/-]+" if language == "zh" else r"\S+", text
    )
    return len(words)


def reading_s(text: str, language: str) -> float:
    """Return roughly how long a text takes to read out, in seconds."""
    return length(text, language) / READING_RATE[language]


def _errors(entry: Entry, knowledge: KnowledgeBase) -> Iterator[str]:
    if entry.status == "vetted":
        yield from _speakable_errors(entry, knowledge)
    for related in entry.related:
        if related not in knowledge.by_id:
            yield f"related entry {related} does not exist"
    for text in (*entry.ask, entry.answer):
        if detect_language(text, entry.language) != entry.language:
            yield f"“{text}” is not in the language {entry.language}"


def _speakable_errors(entry: Entry, knowledge: KnowledgeBase) -> Iterator[str]:
    for source in knowledge.sources_of(entry):
        if source.confidence not in SPEAKABLE_CONFIDENCE:
            yield f"{source.fact} has confidence {source.confidence} and must not be spoken"
        if not source.title or not source.issuer:
            yield f"{source.fact} has no title or issuer"
    if _CLOSED_HOTLINE in entry.passage and _HOTLINE_FACT not in entry.facts:
        yield f"{_CLOSED_HOTLINE} is being closed and may only be named with {_HOTLINE_FACT}"
    if not entry.reviewer or not entry.reviewed:
        yield "a vetted entry needs a reviewer and the date of the review"
    first = length(first_sentence(entry.answer), entry.language)
    if first > MAX_FIRST_SENTENCE[entry.language]:
        unit = "characters" if entry.language == "zh" else "words"
        yield f"the first sentence has {first} {unit}; {MAX_FIRST_SENTENCE[entry.language]} at most"


def _warnings(entry: Entry, knowledge: KnowledgeBase) -> Iterator[str]:
    if len(entry.ask) < MIN_PHRASINGS:
        yield f"only {len(entry.ask)} ways to ask; {MIN_PHRASINGS} are needed"
    seconds = reading_s(entry.answer, entry.language)
    if seconds > MAX_READING_S:
        yield f"takes {seconds:.0f} s to read out; {MAX_READING_S:.0f} s at most"
    sources = knowledge.sources_of(entry)
    sourced = {
        value
        for source in sources
        for text in (source.value, source.title, source.year, source.section)
        for quantity in quantities(text)
        for value in (quantity.low, quantity.high)
    }
    for quantity in quantities(entry.answer):
        unsourced = {quantity.low, quantity.high} - sourced
        if unsourced and quantity.unit in _MEASURED:
            yield f"“{quantity}” is in the value of none of its facts"


def _same_phrasing(knowledge: KnowledgeBase) -> Iterator[Finding]:
    asked: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in knowledge.entries:
        if entry.status == "vetted":
            for phrase in entry.ask:
                asked[entry.language, _NO_MARKS.sub("", clean(phrase))].append(entry.id)
    for (_, phrase), ids in asked.items():
        if len(ids) > 1:
            others = ", ".join(sorted(set(ids[1:]))) if set(ids[1:]) != {ids[0]} else "itself"
            yield Finding("error", ids[0], f"“{phrase}” is also asked in {others}")
