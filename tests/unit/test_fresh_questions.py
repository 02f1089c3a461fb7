"""Questions in words that neither the base nor its tuning knows, in writing and as they were heard.

Floors stand a little below what is reached, so that one question more or less is no alarm: `hean
eval answers FILE` shows each miss. What may never happen has no floor.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

from asr.repair import Repairer
from llm.score import Question, Row, Scorer, parse_questions
from tests.unit.knowledge_base import answerer, shipped

DATA = Path(__file__).parents[1] / "data"
HALVES = ("tuning", "holdout")


@pytest.fixture(scope="module")
def scorer() -> Iterator[Scorer]:
    yield Scorer(answerer(), shipped())


@lru_cache
def questions(half: str) -> dict[str, Question]:
    lines = (DATA / f"questions-{half}.tsv").read_text(encoding="utf-8").splitlines()
    return {question.id: question for question in parse_questions(lines)}


def heard(scorer: Scorer, half: str, noise: str) -> list[Row]:
    """Ask what was heard of the questions of one half."""
    repairer = Repairer(shipped().terms("zh"))
    rows = []
    for line in (DATA / "questions-heard.tsv").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            identity, how, text, language = line.split("\t")
            if how == noise and identity in questions(half):
                understood = repairer.repair(text, language)
                rows.append(scorer.score(questions(half)[identity], understood, language))
    return rows


def share(rows: list[Row], *outcomes: str) -> float:
    """Return how many of the questions with expected facts ended so."""
    asked = [row for row in rows if row.question.facts]
    return sum(row.outcome in outcomes for row in asked) / len(asked)


def test_halves_share_no_question_and_none_is_of_the_base() -> None:
    texts = [question.text for half in HALVES for question in questions(half).values()]
    assert len(texts) == len(set(texts)) > 190
    assert not set(texts) & {ask for entry in shipped().entries for ask in entry.ask}


@pytest.mark.parametrize("half", HALVES)
def test_typed_questions_are_answered_or_declined(scorer: Scorer, half: str) -> None:
    rows = [scorer.score(question) for question in questions(half).values()]
    assert share(rows, "right") >= 0.95
    assert share(rows, "over_refused") <= 0.04
    assert [row.question.text for row in rows if row.outcome == "refused_wrong"] == []
    assert [row.question.text for row in rows if row.unsupported] == []


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(("noise", "right"), [("clean", 0.9), ("10 dB", 0.85)])
def test_heard_questions_are_answered(scorer: Scorer, half: str, noise: str, right: float) -> None:
    rows = heard(scorer, half, noise)
    assert len(rows) == len(questions(half))
    assert share(rows, "right") >= right
    assert share(rows, "wrong") <= 0.06
    assert [row.question.text for row in rows if row.unsupported] == []
