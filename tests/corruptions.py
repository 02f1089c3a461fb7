"""Answers corrupted on purpose, and faithful rewordings, to try the verifier with.

Both are made from the vetted entries by rule, so the set grows with the knowledge base.
`python -m tests.corruptions` prints what the verifier catches, as a table.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from pathlib import Path

from llm.knowledge import Entry, KnowledgeBase, load_knowledge
from llm.verify import Verifier
from llm.wording import sentences

Change = Callable[[str, random.Random], str | None]

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_COMMA = {"zh": "，", "en": ", "}
_LISTED = re.compile(r"\s*(?:[、，,或和到至~-]|and|or|to)+\s*|[^。.，]*、[^。.，]*")
"""Between two members of a range or a list: their order tells nothing."""
_WORDS = json.loads((Path(__file__).parent / "data" / "answer_changes.json").read_text("utf-8"))
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


def _replace(text: str, rng: random.Random, rows: list[list[str]]) -> str | None:
    """Replace one place of the first pattern, in random order, that is there."""
    for old, new in rng.sample(rows, len(rows)):
        if re.search(old, text):
            return re.sub(old, new, text, count=1)
    return None


def _change_numeral(text: str, rng: random.Random, language: str) -> str | None:
    """Change a number and spell it out."""
    found = [m for m in re.finditer(r"(?<![\d.-])[1-9]\d?(?![\d.])", text)]
    if not found:
        return None
    match = rng.choice(found)
    value = int(match[0]) + rng.choice([1, 2, 5])
    return text[: match.start()] + _spelled(value, language) + text[match.end() :]


def _spelled(value: int, language: str) -> str:
    if language == "zh":
        tens, ones = divmod(value, 10)
        spelled = ("" if tens == 1 else "零一二三四五六七八九十"[tens]) + "十" if tens else ""
        return spelled + ("零一二三四五六七八九"[ones] if ones or not tens else "")
    small = _WORDS["numerals"]
    return (
        small[value]
        if value < 20
        else f"{small[18 + value // 10]}-{small[value % 10]}".removesuffix("-zero")
    )


def _add_claim(text: str, rng: random.Random, language: str) -> str:
    return f"{text} {rng.choice(_WORDS['extra'][language])}".strip()


def _insert(text: str, rng: random.Random, clauses: list[str], language: str) -> str:
    """Add a clause of our own to the first sentence."""
    first, mark, rest = re.match(r"(?s)(.*?)([。！？!?]|\.(?=\s|$)|$)(.*)", text).groups()  # type: ignore[union-attr]
    return f"{first}{_COMMA[language]}{rng.choice(clauses)}{mark}{rest}"


def _exchange(text: str, rng: random.Random, pattern: re.Pattern[str]) -> str | None:
    """Let two different things of a text take each other's place."""
    found = list(pattern.finditer(text))
    pairs = [
        (a, b)
        for a, b in combinations(found, 2)
        if a[0] != b[0] and not _LISTED.fullmatch(text, a.end(), b.start())
    ]
    if not pairs:
        return None
    a, b = rng.choice(pairs)
    return text[: a.start()] + b[0] + text[a.end() : b.start()] + a[0] + text[b.end() :]


def _any_of(words: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(words, key=len, reverse=True))))


def _changes(language: str) -> dict[str, Change]:
    entities, groups = _WORDS["entities"][language], _WORDS["groups"][language]
    return {
        "number": _change_number,
        "unit": partial(_change_unit, language=language),
        "number in words": partial(_change_numeral, language=language),
        "entity": lambda text, rng: _swap(text, entities, rng),
        "group": lambda text, rng: _swap(text, groups, rng),
        "extra": partial(_add_claim, language=language),
        "numbers exchanged": partial(_exchange, pattern=_NUMBER),
        "things exchanged": partial(_exchange, pattern=_any_of(entities)),
        "groups exchanged": partial(_exchange, pattern=_any_of(groups)),
        **{
            f"{kind} inserted": partial(_insert, clauses=rows[language], language=language)
            for kind, rows in _WORDS["inserted"].items()
        },
        **{kind: partial(_replace, rows=rows[language]) for kind, rows in _WORDS["swaps"].items()},
    }


def corrupted(entries: list[Entry], language: str) -> Iterator[tuple[str, Entry, str]]:
    rng = random.Random(20261122)
    for entry in entries:
        text = _first_two(entry)
        for kind, change in _changes(language).items():
            bad = change(text, rng)
            # A change that another sentence of the same passage states is no corruption.
            if bad and bad != text and not all(s in entry.passage for s in sentences(bad)):
                yield kind, entry, bad


def rewordings(entries: list[Entry], language: str) -> Iterator[tuple[Entry, str]]:
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


def composable(knowledge: KnowledgeBase, language: str) -> list[Entry]:
    """Return the entries that have something to corrupt."""
    return [e for e in knowledge.speakable if e.language == language and e.facts]


def caught(knowledge: KnowledgeBase, language: str) -> tuple[Counter[str], dict[str, list[str]]]:
    """Return how many answers were corrupted in each way, and which of them got through."""
    verifier = Verifier(language, knowledge.vocabulary)
    tried: Counter[str] = Counter()
    missed: dict[str, list[str]] = {}
    for kind, entry, bad in corrupted(composable(knowledge, language), language):
        tried[kind] += 1
        if not verifier.problems(bad, entry.passage):
            missed.setdefault(kind, []).append(f"{kind}: {entry.id}: {bad}")
    return tried, missed


def refused(knowledge: KnowledgeBase, language: str) -> tuple[int, list[str]]:
    """Return how many answers were reworded faithfully, and which of them were refused."""
    verifier = Verifier(language, knowledge.vocabulary)
    cases = list(rewordings(composable(knowledge, language), language))
    return len(cases), [
        f"{entry.id}: {text} {problems}"
        for entry, text in cases
        if (problems := verifier.problems(text, entry.passage))
    ]


def table(knowledge: KnowledgeBase) -> str:
    """Return what is caught, by kind and language, in Markdown."""
    counts = {language: caught(knowledge, language) for language in ("zh", "en")}
    lines = ["| changed in the answer | Chinese | English |", "|---|---|---|"]
    for kind in _changes("zh"):
        cells = (f"{t[kind] - len(m.get(kind, []))} of {t[kind]}" for t, m in counts.values())
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    totals = [(sum(t.values()), sum(map(len, m.values()))) for t, m in counts.values()]
    lines.append("| **all** | " + " | ".join(f"{n - out} of {n}" for n, out in totals) + " |")
    passed = [refused(knowledge, language) for language in ("zh", "en")]
    cells = (f"{n - len(lost)} of {n}" for n, lost in passed)
    lines.append(f"| *faithful rewordings passed* | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(load_knowledge()))
