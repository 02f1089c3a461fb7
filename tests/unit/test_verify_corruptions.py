"""The verifier against answers that were corrupted on purpose, and against faithful rewordings.

Corruptions and rewordings are made from the vetted entries by rule, so the set grows with the
knowledge base. The figures are printed with `pytest -s`.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from llm.knowledge import Entry, KnowledgeBase, load_knowledge
from llm.verify import Verifier
from llm.wording import sentences

Change = Callable[[str, random.Random], str | None]

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_WORDS = json.loads((Path(__file__).parents[1] / "data" / "answer_changes.json").read_text("utf-8"))
"""What is put in the place of what, by kind of change and language."""


def _swap(text: str, words: list[str], rng: random.Random) -> str | None:
    present = [w for w in words if w in text]
    if not present:
        return None
    other = rng.choice([w for w in words if w not in text])
    return text.replace(rng.choice(present), other)


def _change_number(text: str, rng: random.Random) -> str | None:
    found = list(_NUMBER.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    value = float(match[0]) * rng.choice([0.5, 2, 10])
    changed = f"{value:g}" if f"{value:g}" != match[0] else f"{value + 7:g}"
    return text[: match.start()] + changed + text[match.end() :]


def _change_unit(text: str, rng: random.Random, language: str) -> str | None:
    units = _WORDS["units"][language]
    for old, new in rng.sample(units, len(units)):
        pattern = re.compile(rf"(\d\s*(?:个)?){re.escape(old)}(?![a-z])")
        if pattern.search(text):
            return pattern.sub(rf"\g<1>{new}", text, count=1)
    return None


def _flip_negation(text: str, rng: random.Random, language: str) -> str | None:
    flips = _WORDS["flips"][language]
    for old, new in rng.sample(flips, len(flips)):
        if re.search(old, text):
            return re.sub(old, new, text, count=1)
    return None


def _add_claim(text: str, rng: random.Random, language: str) -> str:
    return f"{text} {rng.choice(_WORDS['extra'][language])}".strip()


def _changes(language: str) -> dict[str, Change]:
    return {
        "number": _change_number,
        "unit": partial(_change_unit, language=language),
        "negation": partial(_flip_negation, language=language),
        "entity": lambda text, rng: _swap(text, _WORDS["entities"][language], rng),
        "group": lambda text, rng: _swap(text, _WORDS["groups"][language], rng),
        "extra": partial(_add_claim, language=language),
    }


def _corrupted(entries: list[Entry], language: str) -> Iterator[tuple[str, Entry, str]]:
    rng = random.Random(20261122)
    for entry in entries:
        text = _first_two(entry)
        for kind, change in _changes(language).items():
            bad = change(text, rng)
            # A change that another sentence of the same passage states is no corruption.
            if bad and bad != text and not all(s in entry.passage for s in sentences(bad)):
                yield kind, entry, bad


def _rewordings(entries: list[Entry], language: str) -> Iterator[tuple[Entry, str]]:
    """Synonyms, numbers written otherwise, one sentence left out, order changed."""
    for entry in entries:
        parts = sentences(entry.answer)
        text = _first_two(entry)
        yield entry, text
        if len(parts) > 1:
            yield entry, parts[1]
            yield entry, ("" if language == "zh" else " ").join(reversed(parts[:2]))
        reworded = text
        for old, new in _WORDS["reworded"][language]:
            reworded = reworded.replace(old, new)
        if reworded != text:
            yield entry, reworded
        yield entry, ("请" + text if language == "zh" else "Please: " + text)


def _first_two(entry: Entry) -> str:
    return ("" if entry.language == "zh" else " ").join(sentences(entry.answer)[:2])


@pytest.fixture(scope="module")
def knowledge() -> KnowledgeBase:
    return load_knowledge()


def _entries(knowledge: KnowledgeBase, language: str) -> list[Entry]:
    """Return the entries whose passage a model may be given."""
    return [e for e in knowledge.speakable if e.language == language and e.facts]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_corrupted_answers_are_caught(knowledge: KnowledgeBase, language: str) -> None:
    verifier = Verifier(language, knowledge.vocabulary)
    tried: Counter[str] = Counter()
    missed: dict[str, list[str]] = {}
    for kind, entry, bad in _corrupted(_entries(knowledge, language), language):
        tried[kind] += 1
        if not verifier.problems(bad, entry.passage):
            missed.setdefault(kind, []).append(f"{entry.id}: {bad}")
    for kind, count in tried.items():
        print(f"{language} {kind}: {count - len(missed.get(kind, []))} of {count} caught")
    escaped = [line for lines in missed.values() for line in lines]
    assert sum(tried.values()) >= 300
    assert len(escaped) <= 0.01 * sum(tried.values()), "\n".join(escaped)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_faithful_rewordings_pass(knowledge: KnowledgeBase, language: str) -> None:
    verifier = Verifier(language, knowledge.vocabulary)
    cases = list(_rewordings(_entries(knowledge, language), language))
    refused = [
        f"{entry.id}: {text} {problems}"
        for entry, text in cases
        if (problems := verifier.problems(text, entry.passage))
    ]
    print(f"{language}: {len(cases) - len(refused)} of {len(cases)} faithful rewordings pass")
    assert len(cases) >= 200
    assert len(refused) <= 0.05 * len(cases), "\n".join(refused[:40])
