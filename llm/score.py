"""How true are the answers? Questions with known answers, asked and counted."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from llm.answer import Answer, Answerer
from llm.knowledge import LANGUAGES, KnowledgeBase
from llm.support import SupportCheck

BEHAVIOURS = {
    "refuse": ("refuse",),
    "correct": ("correct",),
    "hand_over": ("hand_over",),
    "unknown": ("unknown",),
    "brief": ("refuse", "unknown"),
}
"""Decisions that fit an expected behaviour; `brief` is a short neutral answer without a stand."""
OUTCOMES = ("right", "wrong", "refused_right", "refused_wrong", "over_refused")
GOOD = ("right", "refused_right")
FAULTS = {
    "knowledge": "no vetted entry holds the facts",
    "hear": "heard wrong: the same question in writing is answered right",
    "retrieve": "retrieved wrong: another entry was found first",
    "decide": "decided wrong: by a rule, or by what was found",
    "compose": "composed wrong: the words of the model lost the point",
    "verify": "verified wrong: words without support in the passage were let through",
}
"""Stages that can be at fault, in the order in which they are asked."""
_DECLINED = ("refuse", "unknown", "hand_over", "ask_back")
_FOUND = 3
"""Entries that are named to explain a miss."""
_NO_ANSWER_DECISIONS = ("refuse", "ask_back")


@dataclass(frozen=True)
class Question:
    """A question with what is expected: facts to be used, or a behaviour."""

    id: str
    text: str
    """What is asked, or the name of a recording of it."""
    facts: tuple[str, ...]
    behaviour: str
    language: str
    words: str = ""
    """What is said in the recording, if `text` names one and somebody wrote it down."""


@dataclass(frozen=True)
class Row:
    """One question, its answer, and the stage at fault if it is wrong."""

    question: Question
    answer: Answer
    outcome: str
    """One of OUTCOMES."""
    fault: str = ""
    """One of FAULTS, or nothing."""
    strict: bool = False
    """Whether all expected facts were used."""
    unsupported: tuple[str, ...] = ()
    """Claims in the answer that the passages do not hold."""
    found: tuple[tuple[str, float], ...] = ()
    """The entries that retrieval found first, with their likelihoods."""

    @property
    def good(self) -> bool:
        """Return whether there is nothing to mend."""
        return self.outcome in GOOD and not self.unsupported

    @property
    def first(self) -> str:
        """Return the entry that retrieval found first; empty if it found none."""
        return self.found[0][0] if self.found else ""


def parse_questions(lines: Iterable[str]) -> Iterator[Question]:
    """Read tab-separated id, question, expected facts or behaviour, language; a recording may be
    followed by what is said in it.

    Raises ValueError naming the line.
    """
    seen: set[str] = set()
    for number, row in enumerate(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
        if not row or row[0].startswith("#"):
            continue
        if len(row) not in (4, 5):
            raise ValueError(
                f"line {number} has {len(row)} fields; id, question, expected, language"
            )
        question = _parse([cell.strip() for cell in row], number)
        if question.id in seen:
            raise ValueError(f"line {number}: the id {question.id!r} is used twice")
        seen.add(question.id)
        yield question


def _parse(cells: Sequence[str], number: int) -> Question:
    identity, text, expected, language, *words = cells
    if not (identity and text):
        raise ValueError(f"line {number}: the id or the question is empty")
    if language not in LANGUAGES:
        raise ValueError(f"line {number}: language is {language!r}; it must be zh or en")
    question = Question(identity, text, (), "", language, "".join(words))
    if expected in BEHAVIOURS:
        return replace(question, behaviour=expected)
    facts = tuple(fact.strip() for fact in expected.split(","))
    if not all(fact[:1] == "F" and fact[1:].isdigit() for fact in facts):
        known = ", ".join(BEHAVIOURS)
        raise ValueError(f"line {number}: {expected!r} is neither fact ids nor one of {known}")
    return replace(question, facts=facts)


def rests_on(expected: Sequence[str], used: Sequence[str]) -> bool:
    """Return whether an answer rests on the first expected fact, which is the one that the question
    is about, and on at least half of them all.
    """
    return expected[0] in used and 2 * len(set(expected) & set(used)) >= len(expected)


class Scorer:
    """Asks and judges.

    Right = the answer rests on the first expected fact and on at least half of them. Facts that
    may not be spoken, because nobody saw their source, do not count, unless there are no others.
    """

    def __init__(self, answerer: Answerer, knowledge: KnowledgeBase) -> None:
        self._answerer = answerer
        self._retriever = answerer.retriever
        self._knowledge = knowledge
        words = knowledge.vocabulary
        self._checks = {
            lang: SupportCheck(lang, words.terms(lang), words.synonyms(lang)) for lang in LANGUAGES
        }

    def score(self, question: Question, asked: str | None = None, language: str = "") -> Row:
        """Ask one question and judge the answer.

        `asked` is what was understood and `language` that it was heard in, if somebody said it.
        """
        text = question.text if asked is None else asked
        answer = self._answerer.answer(text, language or question.language)
        hits = self._retriever.search(text, answer.language, _FOUND) if text else []
        row = Row(
            question,
            answer,
            self._outcome(question, answer),
            strict=set(question.facts) <= set(answer.facts),
            unsupported=self.unsupported(answer),
            found=tuple((hit.entry.id, hit.score) for hit in hits),
        )
        return row if row.good else replace(row, fault=self._fault(row))

    def unsupported(self, answer: Answer) -> tuple[str, ...]:
        """Return the claims of an answer that its passage does not hold.

        What is read out must be the vetted text itself; what is composed is looked at claim by
        claim. Fixed sentences of the program rest on no entry.
        """
        if not answer.hits or answer.decision == "ask_back":
            return ()
        if answer.decision != "grounded":
            vetted = [hit.entry.answer for hit in answer.hits]
            return tuple(f"not as vetted: {text}" for text in vetted if text not in answer.text)
        passage = answer.hits[0].entry.passage
        values = [source.value for source in answer.sources]
        return self._checks[answer.language].missing(answer.text, [passage, *values])

    def _outcome(self, question: Question, answer: Answer) -> str:
        if question.behaviour:
            fits = answer.decision in BEHAVIOURS[question.behaviour]
            return "refused_right" if fits else "refused_wrong"
        used = rests_on(self._wanted(question), answer.facts)
        if used and answer.decision not in _NO_ANSWER_DECISIONS:
            return "right"
        return "over_refused" if answer.decision in _DECLINED else "wrong"

    def _wanted(self, question: Question) -> Sequence[str]:
        """Return the expected facts that may be spoken; all if none may."""
        speakable = {fact for entry in self._knowledge.speakable for fact in entry.facts}
        return [fact for fact in question.facts if fact in speakable] or question.facts

    def _fault(self, row: Row) -> str:
        if row.unsupported:
            return "verify"
        if row.question.behaviour:
            return "decide"
        wanted = self._wanted(row.question)
        if not any(
            rests_on(wanted, e.facts)
            for e in self._knowledge.speakable
            if e.language == row.question.language
        ):
            return "knowledge"
        if row.answer.reason.startswith("rule"):
            return "decide"
        first = self._knowledge.by_id.get(row.first)
        if first and rests_on(wanted, first.facts):
            return "compose" if row.answer.model_used else "decide"
        return "retrieve"


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the counts and one object for each question (DESIGN: figures of `eval answers`)."""
    counts = Counter(row.outcome for row in rows)
    faults = Counter(row.fault for row in rows if row.fault)
    return {
        **{outcome: counts[outcome] for outcome in OUTCOMES},
        "unsupported": sum(bool(row.unsupported) for row in rows),
        "n": len(rows),
        "n_facts": sum(bool(row.question.facts) for row in rows),
        "right_strict": sum(row.outcome == "right" and row.strict for row in rows),
        "composed": sum(bool(row.answer.model_used) for row in rows),
        "composed_dropped": sum(bool(row.answer.problems) for row in rows),
        "faults": {fault: faults[fault] for fault in FAULTS},
        "rows": [as_json(row) for row in rows],
    }


def as_json(row: Row) -> dict[str, Any]:
    """Return a row as scripts see it."""
    return {
        "id": row.question.id,
        "question": row.question.words or row.question.text,
        "language": row.question.language,
        "expected": list(row.question.facts) or row.question.behaviour,
        "outcome": row.outcome,
        "fault": row.fault,
        "understood": row.answer.question,
        "decision": row.answer.decision,
        "answer": row.answer.text,
        "facts": list(row.answer.facts),
        "strict": row.strict,
        "passages": [{"id": hit.entry.id, "score": hit.score} for hit in row.answer.hits],
        "first": row.first,
        "found": [{"id": name, "score": score} for name, score in row.found],
        "reason": row.answer.reason,
        "model": row.answer.model_used,
        "problems": list(row.answer.problems),
        "unsupported": list(row.unsupported),
    }
