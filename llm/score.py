"""How true are the answers? Questions with known answers, asked and counted."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from llm.answer import Answer, Answerer
from llm.knowledge import LANGUAGES, KnowledgeBase
from llm.verify import Verifier

BEHAVIOURS = {
    "refuse": ("refuse",),
    "correct": ("correct",),
    "hand_over": ("hand_over",),
    "unknown": ("unknown",),
    "brief": ("refuse", "unknown"),
}
"""Decisions that fit an expected behaviour; `brief` is a short neutral answer without a stand."""
OUTCOMES = ("right", "wrong", "refused_right", "refused_wrong", "over_refused")
_DECLINED = ("refuse", "unknown", "hand_over", "ask_back")
_NO_ANSWER_DECISIONS = ("refuse", "ask_back")


@dataclass(frozen=True)
class Question:
    """A question with what is expected: facts to be used, or a behaviour."""

    id: str
    text: str
    facts: tuple[str, ...]
    behaviour: str
    language: str


@dataclass(frozen=True)
class Row:
    """One question, its answer, and the stage at fault if it is wrong."""

    question: Question
    answer: Answer
    outcome: str
    """One of OUTCOMES."""
    fault: str = ""
    """knowledge, retrieve, guard, decide, compose or nothing."""
    supported: bool = True
    """False if composed words were spoken that no passage supports."""
    first: str = ""
    """The entry that retrieval found first."""


def parse_questions(lines: Iterable[str]) -> Iterator[Question]:
    """Read tab-separated id, question, expected facts or behaviour, language.

    Raises ValueError naming the line.
    """
    for number, row in enumerate(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
        if not row or row[0].startswith("#"):
            continue
        if len(row) != 4:
            raise ValueError(
                f"line {number} has {len(row)} fields; id, question, expected, language"
            )
        identity, text, expected, language = (cell.strip() for cell in row)
        if language not in LANGUAGES:
            raise ValueError(f"line {number}: language is {language!r}; it must be zh or en")
        if expected in BEHAVIOURS:
            yield Question(identity, text, (), expected, language)
            continue
        facts = tuple(fact.strip() for fact in expected.split(","))
        if not all(fact[:1] == "F" and fact[1:].isdigit() for fact in facts):
            known = ", ".join(BEHAVIOURS)
            raise ValueError(f"line {number}: {expected!r} is neither fact ids nor one of {known}")
        yield Question(identity, text, facts, "", language)


class Scorer:
    """Asks and judges. Right = one of the expected facts is among those the answer rests on."""

    def __init__(self, answerer: Answerer, knowledge: KnowledgeBase) -> None:
        self._answerer = answerer
        self._retriever = answerer.retriever
        self._knowledge = knowledge
        self._verifiers = {lang: Verifier(lang, knowledge.vocabulary) for lang in LANGUAGES}

    def score(self, question: Question) -> Row:
        """Ask one question and judge the answer."""
        answer = self._answerer.answer(question.text, question.language)
        first = self._retriever.search(question.text, question.language, 1)
        outcome = _outcome(question, answer)
        good = outcome in ("right", "refused_right")
        return Row(
            question,
            answer,
            outcome,
            "" if good else self._fault(question, answer),
            self.is_supported(answer),
            first[0].entry.id if first else "",
        )

    def is_supported(self, answer: Answer) -> bool:
        """Return whether a composed text passes verification against the passage it cites."""
        if answer.decision != "grounded":
            return True
        passage = answer.hits[0].entry.passage
        return not self._verifiers[answer.language].problems(answer.text, passage)

    def _fault(self, question: Question, answer: Answer) -> str:
        if question.behaviour:
            return "decide" if answer.hits else "guard"
        wanted = set(question.facts)
        if not any(
            wanted & set(e.facts)
            for e in self._knowledge.speakable
            if e.language == question.language
        ):
            return "knowledge"
        if not answer.hits and answer.reason.startswith("rule"):
            return "guard"
        hits = self._retriever.search(question.text, question.language, 1)
        found = bool(hits) and bool(wanted & set(hits[0].entry.facts))
        return "decide" if found else "retrieve"


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the counts and one object for each question (DESIGN: figures of `eval answers`)."""
    counts = Counter(row.outcome for row in rows)
    return {
        **{outcome: counts[outcome] for outcome in OUTCOMES},
        "unsupported": sum(not row.supported for row in rows),
        "n": len(rows),
        "rows": [_as_json(row) for row in rows],
    }


def _outcome(question: Question, answer: Answer) -> str:
    if question.behaviour:
        fits = answer.decision in BEHAVIOURS[question.behaviour]
        return "refused_right" if fits else "refused_wrong"
    used = bool(set(question.facts) & set(answer.facts))
    if used and answer.decision not in _NO_ANSWER_DECISIONS:
        return "right"
    return "over_refused" if answer.decision in _DECLINED else "wrong"


def _as_json(row: Row) -> dict[str, Any]:
    return {
        "id": row.question.id,
        "question": row.question.text,
        "language": row.question.language,
        "expected": list(row.question.facts) or row.question.behaviour,
        "outcome": row.outcome,
        "fault": row.fault,
        "decision": row.answer.decision,
        "answer": row.answer.text,
        "facts": list(row.answer.facts),
        "passages": [{"id": hit.entry.id, "score": hit.score} for hit in row.answer.hits],
        "first": row.first,
        "reason": row.answer.reason,
        "problems": list(row.answer.problems),
        "supported": row.supported,
    }
