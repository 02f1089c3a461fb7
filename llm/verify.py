"""Is a composed answer supported by the passage it rests on? Rules only, no model.

Every clause of the answer is laid against the part of the passage that is most like it. Numbers
with units and comparisons, named things, permission and prohibition, order in time, place and
actor must agree, nearly every word must come from there, and in that order. When in doubt the
answer fails and the vetted passage is spoken: a false alarm costs fluency, a miss may cost a life.

What it cannot see: two neighbours of a list that change places, one strange character in a long
Chinese clause ("降" for "升" is known, others are not), and irony. Doses are therefore never
composed at all. `python -m tests.corruptions` prints what it catches, by kind of change.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llm.claims import NEGATIONS, Clause, ClauseReader
from llm.knowledge.vocabulary import Vocabulary
from llm.language import detect_language
from llm.numbers import Quantity, quantities
from llm.order import numbers_in_order, words_in_order

_DOSE_UNITS = frozenset({"mg", "g", "tablet", "µSv", "mSv", "Sv", "mGy", "Gy"})


_LEAST_OVERLAP = {"zh": 0.75, "en": 0.9}
"""Least share of a clause's characters (Chinese) or words that its match in the passage has."""
_WINDOW_CLAUSES = 3
"""Most clauses of the passage one clause of an answer may draw together."""
_AFFIRMED = re.compile(r"是的?|对的?|会的?|可以|行|能|要|有|没错|yes|right|correct|sure")
"""Clauses that say yes to the question, whatever it was."""
_ONLY = frozenset({"只", "仅", "only"})
_LEAST_WITHOUT_ONLY = 0.7
"""Likeness (Jaccard) from which a clause without "only" is one from which it was dropped."""
_NOTHING_DROPPED = 0.9
"""Share of the passage's words from which an answer counts as having kept all of them."""


@dataclass(frozen=True)
class _Window:
    """Neighbouring clauses of the passage."""

    clauses: tuple[Clause, ...]
    content: frozenset[str]

    @property
    def modes(self) -> frozenset[str]:
        return frozenset(m for c in self.clauses for m in c.modes)

    @property
    def negations(self) -> int:
        return sum(c.negations for c in self.clauses)

    @property
    def relations(self) -> frozenset[str]:
        return frozenset(r for c in self.clauses for r in c.relations)


class Verifier:
    """Compares answers with passages of one language."""

    def __init__(self, language: str, vocabulary: Vocabulary) -> None:
        self._language = language
        self._reader = ClauseReader(language, vocabulary)

    def problems(self, answer: str, passage: str) -> tuple[str, ...]:
        """Return what in the answer the passage does not support; nothing = it may be spoken."""
        if not answer.strip():
            return ("the answer is empty",)
        if detect_language(answer, self._language) != self._language:
            return ("the answer is in another language",)
        source = self._reader.sentences(passage)
        windows = list(self._windows(source))
        found = [
            problem
            for sentence in self._reader.sentences(answer)
            for problem in self._sentence_problems(sentence, source, windows)
        ]
        return tuple(dict.fromkeys(found))

    def _windows(self, source: Sequence[Sequence[Clause]]) -> Iterator[_Window]:
        """Yield runs of neighbouring clauses, within one sentence, short ones first."""
        for length in range(1, _WINDOW_CLAUSES + 1):
            for sentence in source:
                for start in range(len(sentence) - length + 1):
                    run = tuple(sentence[start : start + length])
                    yield _Window(run, frozenset(w for c in run for w in c.content))

    def _sentence_problems(
        self,
        sentence: Sequence[Clause],
        source: Sequence[Sequence[Clause]],
        windows: Sequence[_Window],
    ) -> Iterator[str]:
        for clause in sentence:
            yield from self._clause_problems(clause, source, windows)
        said = Counter(q for clause in sentence for q in clause.quantities)
        known = Counter(q for part in source for clause in part for q in clause.quantities)
        for quantity, comparison in sorted(q for q in said if 0 < known[q] < said[q]):
            yield f"“{_spelled(quantity, comparison)}” is said more often than in the passage"
        if not numbers_in_order(_tokens(sentence), [_tokens(part) for part in source]):
            told = " ".join(clause.text for clause in sentence)
            yield f"“{told}”: the numbers are not in the order of the passage"

    def _clause_problems(
        self, clause: Clause, source: Sequence[Sequence[Clause]], windows: Sequence[_Window]
    ) -> Iterator[str]:
        yield from _quantity_problems(clause, source)
        known = {name for sentence in source for c in sentence for name in c.names}
        for name in sorted(clause.names - known):
            yield f"“{name.text}” is not in the passage"
        if not clause.content:
            yield from _bare_problems(clause, source)
            return
        window = max(windows, key=lambda w: _likeness(clause, w), default=None)
        if window is None or self._is_news(clause, window):
            yield f"“{clause.text}” is not in the passage"
            return
        yield from _mode_problems(clause, window)
        yield from _only_problems(clause, source)
        if not words_in_order(clause.tokens, [c.tokens for part in source for c in part]):
            yield f"“{clause.text}”: the words are not in the order of the passage"
        if "whether" in window.relations - clause.relations:
            yield f"“{clause.text}” is left open in the passage"
        for relation in sorted(clause.relations - window.relations):
            yield f"“{clause.text}”: {relation} is not said in the passage"

    def _is_news(self, clause: Clause, window: _Window) -> bool:
        """Return whether a clause has too much that the passage has not, or a new word."""
        if _overlap(clause, window) < _LEAST_OVERLAP[self._language]:
            return True
        new = [word not in window.content for word in clause.content]
        # One strange character may be a matter of style, two in a row are another word.
        return self._language == "zh" and any(a and b for a, b in zip(new, new[1:], strict=False))


def names_dose(passage: str) -> bool:
    """Return whether a passage names a dose of a drug or of radiation: it is only ever read out."""
    return any(quantity.unit in _DOSE_UNITS for quantity in quantities(passage))


def _tokens(sentence: Sequence[Clause]) -> tuple[str | Quantity, ...]:
    return tuple(token for clause in sentence for token in clause.tokens)


def _overlap(clause: Clause, window: _Window) -> float:
    return sum(word in window.content for word in clause.content) / len(clause.content)


def _likeness(clause: Clause, window: _Window) -> tuple[float, int]:
    """Order windows by what they share with a clause, then by how little more they say."""
    return _overlap(clause, window), -len(window.content - set(clause.content))


def _bare_problems(clause: Clause, source: Sequence[Sequence[Clause]]) -> Iterator[str]:
    """Check a clause of numbers and modals alone ("No", "not 12345"): one like it must exist."""
    everywhere = [other for sentence in source for other in sentence]
    for other in everywhere:
        same = other.quantities == clause.quantities and other.modes == clause.modes
        if same and not other.content:
            return
    if clause.modes or clause.quantities or _AFFIRMED.fullmatch(clause.text):
        yield f"“{clause.text}” is not said so in the passage"
    for relation in sorted(clause.relations - {r for other in everywhere for r in other.relations}):
        yield f"“{clause.text}”: {relation} is not said in the passage"


def _quantity_problems(clause: Clause, source: Sequence[Sequence[Clause]]) -> Iterator[str]:
    """Check the numbers: each one in the passage, and those said together found together."""
    if not clause.quantities:
        return
    everywhere = {q for sentence in source for c in sentence for q in c.quantities}
    missing = [q for q in clause.quantities if q not in everywhere]
    for quantity, comparison in missing:
        yield f"“{_spelled(quantity, comparison)}” is not in the passage"
    if missing:
        return
    together = set(clause.quantities)
    near = [c for sentence in source for c in sentence if together <= set(c.quantities)]
    if not near:
        spelled = ", ".join(_spelled(q, c) for q, c in clause.quantities)
        yield f"“{spelled}” are not said together in the passage"
        return
    if all(_contradicts(clause, other) for other in near):
        names = ", ".join(sorted(name.text for name in clause.names))
        yield f"“{_spelled(*clause.quantities[0])}” is not said of “{names}” in the passage"


def _contradicts(clause: Clause, other: Clause) -> bool:
    """Return whether the passage says a number of another thing of the same kind."""
    return any(
        name not in other.names and any(o.kind == name.kind for o in other.names)
        for name in clause.names
    )


def _spelled(quantity: Quantity, comparison: str) -> str:
    return f"{comparison.replace('_', ' ')} {quantity}".strip()


def _mode_problems(clause: Clause, window: _Window) -> Iterator[str]:
    """Compare negation and permission with the matching part of the passage."""
    for mode in sorted((clause.modes ^ window.modes) & NEGATIONS):
        side = "the passage" if mode in clause.modes else "the answer"
        yield f"“{clause.text}”: {mode.replace('_', ' ')} is not said in {side}"
    if clause.negations > window.negations:
        yield f"“{clause.text}”: negated more often than in the passage"
    elif clause.negations < window.negations and _kept_all(clause, window):
        yield f"“{clause.text}”: negated less often than in the passage"
    if "permitted" in window.modes and not clause.modes & (NEGATIONS | {"permitted"}):
        yield f"“{clause.text}”: only permitted in the passage"
    if "permitted" in clause.modes and "permitted" not in window.modes:
        yield f"“{clause.text}”: not called permitted in the passage"
    weaker = window.modes & {"permitted", "not_needed"}
    if "required" in clause.modes and weaker and "required" not in window.modes:
        yield f"“{clause.text}”: not required in the passage"


def _only_problems(clause: Clause, source: Sequence[Sequence[Clause]]) -> Iterator[str]:
    """Find an "only" that was dropped from the clause which the passage says most alike."""
    alike = [(_shared(clause, other), other) for sentence in source for other in sentence]
    share, nearest = max(alike, key=lambda pair: pair[0], default=(0.0, clause))
    dropped = nearest.relations & {"only"} - clause.relations
    if dropped and share >= _LEAST_WITHOUT_ONLY:
        yield f"“{clause.text}”: only is said in the passage"


def _shared(clause: Clause, other: Clause) -> float:
    """Return how much of another clause a clause holds, both without their "only"."""
    words = set(other.content) - _ONLY
    return len(words & set(clause.content)) / max(len(words | (set(clause.content) - _ONLY)), 1)


def _kept_all(clause: Clause, window: _Window) -> bool:
    kept = len(window.content & set(clause.content))
    return kept >= _NOTHING_DROPPED * len(window.content)
