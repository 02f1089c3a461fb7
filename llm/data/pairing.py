"""Do the answers belong to their questions?

A right answer shares words, or at least its meaning, with its question and passage far more than
with those of other rows. So the similarity of each pair is compared with that of answers drawn
from elsewhere, and of answers some rows away: a column sorted by itself, or a line lost, shows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llm import SentenceEncoder
from llm.compose import NOTHING_VETTED, passage_and_question
from llm.data import Origin, Problem, Row
from llm.data.similarity import asked, digest
from llm.ngrams import character_grams

MOST_ROWS = 2000
"""Rows that are compared: the first ones."""
MOST_ENCODED = 600
FEWEST_ROWS = 20
SHIFTS = (-3, -2, -1, 1, 2, 3)
WINDOW = 12
"""Rows running in which a shift is looked for."""
_CERTAIN = 4.0
"""Standard errors from which a difference of means counts; 1 in 30,000 by chance."""
_STRANGERS = 5
_LEAST_QUOTED = 0.3
"""Share of the answer's grams that its prompt must have; answers from passages have nearly all."""
_FEW_FOREIGN, _MOST_FOREIGN = 5, 0.05
_CANNED = 0.2
"""Share of the answers that are from no passage from which one of them is a set phrase."""
_FIX = "take question and answer of each row from the same source line again"

Similarity = NDArray[np.float64]
"""Of the answer of one row to the question of another, shape (rows,)."""
Compare = Callable[[NDArray[np.int64], NDArray[np.int64]], Similarity]
"""Similarity of the questions of some rows to the answers of others, pair by pair."""


@dataclass(frozen=True)
class _Pair:
    origin: Origin
    asked: str
    question: frozenset[str]
    """Grams of all that was said before, passage and question."""
    answer: frozenset[str]
    text: str


class PairingCheck:
    """Finds answers that stand in the wrong rows."""

    def __init__(self, encoder: Callable[[], SentenceEncoder] | None = None) -> None:
        """Compare by shared words, and where they tell nothing by meaning, if it can be loaded."""
        self._encoder = encoder
        self._pairs: list[_Pair] = []
        self._answers: set[bytes] = set()
        self._quoting = 0
        self._foreign: list[tuple[Origin, bytes]] = []

    def see(self, row: Row) -> Iterator[Problem]:
        """Yield that an answer has nothing from its passage; remember the row for the end."""
        if row.kind == "refusal" or row.answer in NOTHING_VETTED.values():
            return
        question, answer = (frozenset(character_grams(t)) for t in (row.question, row.answer))
        key = digest(row.answer)
        if passage_and_question(row.question)[0] and answer:
            self._quoting += 1
            if len(answer & question) < _LEAST_QUOTED * len(answer):
                self._foreign.append((row.origin, key))
                where = f"messages[{len(row.messages) - 1}].content"
                message = "the answer has nothing from its passage"
                yield Problem("warning", "foreign-answer", row.origin, where, message, _FIX)
        # An answer that many rows share fits each of them a little, and none well.
        if len(self._pairs) < MOST_ROWS and key not in self._answers:
            self._answers.add(key)
            self._pairs.append(_Pair(row.origin, asked(row), question, answer, row.answer))

    def finish(self) -> Iterator[Problem]:
        """Yield what is wrong with the pairs."""
        # What many say that is from no passage is a refusal in words of their own.
        often = Counter(key for _, key in self._foreign)
        foreign = [o for o, key in self._foreign if often[key] <= _CANNED * len(self._foreign)]
        if len(foreign) > max(_FEW_FOREIGN, _MOST_FOREIGN * self._quoting):
            message = f"{len(foreign)} of {self._quoting} answers are not from their passages"
            origin = foreign[0]
            yield Problem("error", "wrong-answers", origin, "", message, _FIX, whole=True)
            return
        if len(self._pairs) < FEWEST_ROWS:
            return
        words = _by_words(self._pairs)
        shifted = list(_shifted_parts(self._pairs, words))
        if shifted:
            yield from shifted
        elif not _belongs(len(self._pairs), words):
            yield from self._by_meaning(self._pairs)

    def _by_meaning(self, pairs: list[_Pair]) -> Iterator[Problem]:
        """Judge rows whose words have nothing in common: translations, or wrong answers."""
        if self._encoder is None:
            message = "the answers share no more words with their questions than with others"
            fix = "look at some rows: hean data show"
            yield Problem("warning", "pairing", pairs[0].origin, "", message, fix, whole=True)
            return
        some = pairs[:MOST_ENCODED]
        compare = _by_vectors(some, self._encoder())
        shifted = list(_shifted_parts(some, compare))
        if shifted:
            yield from shifted
        elif not _belongs(len(some), compare):
            message = "the answers fit their questions no better than those of other rows"
            yield Problem("error", "wrong-answers", some[0].origin, "", message, _FIX, whole=True)


def _belongs(size: int, compare: Compare) -> bool:
    """Return whether answers fit their own question better than questions of strangers."""
    rows = np.arange(size)
    random = np.random.default_rng(0)
    strangers = np.mean(
        [compare(rows, (rows + step) % size) for step in random.integers(4, size - 3, _STRANGERS)],
        axis=0,
    )
    return _score(compare(rows, rows) - strangers) > _CERTAIN


def _shifted_parts(pairs: list[_Pair], compare: Compare) -> Iterator[Problem]:
    """Yield each run of rows whose answers fit the questions some rows away far better."""
    rows = np.arange(len(pairs))
    own = compare(rows, rows)
    for shift in SHIFTS:
        places = rows[max(0, -shift) : len(rows) - max(0, shift)]
        gain = compare(places + shift, places) - own[places]
        wrong = np.zeros(len(places), bool)
        for start in range(0, len(places) - WINDOW + 1, WINDOW // 3):
            part = gain[start : start + WINDOW]
            if _score(part) > _CERTAIN and (part > 0).mean() > 0.7:
                wrong[start : start + WINDOW] = True
        for first, last in _runs(wrong):
            begin, end = pairs[places[first]].origin, pairs[places[last]].origin
            away = "1 row" if abs(shift) == 1 else f"{abs(shift)} rows"
            side = "after" if shift > 0 else "before"
            message = f"up to {end} the answers belong to the questions {away} {side} them"
            yield Problem("error", "shifted-answers", begin, "", message, _FIX, whole=True)


def _runs(marked: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last place of each run of marked places."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], marked, [False]]).astype(np.int8)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _score(differences: Similarity) -> float:
    """Return how many standard errors the mean lies above zero (t statistic)."""
    spread = float(differences.std(ddof=1)) or 1e-9
    return float(differences.mean()) / (spread / float(np.sqrt(len(differences))))


def _by_words(pairs: list[_Pair]) -> Compare:
    """Compare by the share of the answer's words, weighed by rarity, that the question has."""
    counts = Counter(gram for pair in pairs for gram in pair.question | pair.answer)
    weights = {gram: float(np.log(len(pairs) * 2 / n)) for gram, n in counts.items()}
    totals = [sum(weights[gram] for gram in pair.answer) or 1.0 for pair in pairs]

    def compare(questions: NDArray[np.int64], answers: NDArray[np.int64]) -> Similarity:
        return np.array(
            [
                sum(weights[gram] for gram in pairs[q].question & pairs[a].answer) / totals[a]
                for q, a in zip(questions, answers, strict=True)
            ]
        )

    return compare


def _by_vectors(pairs: list[_Pair], encoder: SentenceEncoder) -> Compare:
    """Compare by the cosine of sentence vectors."""
    questions = encoder.encode([pair.asked for pair in pairs]).astype(np.float64)
    answers = encoder.encode([pair.text for pair in pairs]).astype(np.float64)

    def compare(asked_rows: NDArray[np.int64], answer_rows: NDArray[np.int64]) -> Similarity:
        cosines: Similarity = (questions[asked_rows] * answers[answer_rows]).sum(axis=1)
        return cosines

    return compare
