"""Is every fact of confidence A or B found when people ask for it in words of their own?"""

from __future__ import annotations

from pathlib import Path

import pytest

from llm.knowledge import LANGUAGES, SPEAKABLE_CONFIDENCE
from tests.unit.knowledge_base import answerer, shipped

QUESTIONS = Path(__file__).parents[1] / "data" / "asked_of_facts.tsv"
LEAST_FOUND = 0.95
LEAST_WAYS_TO_ASK = 6


def _rows(language: str) -> list[tuple[str, str]]:
    lines = QUESTIONS.read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(fact, question) for told, fact, question in rows if told == language]


@pytest.mark.parametrize("language", LANGUAGES)
def test_questions_for_a_fact_are_answered_from_it(language: str) -> None:
    subject, rows = answerer(), _rows(language)
    lost = [
        f"{fact}: {question} → {answer.decision} {answer.facts}"
        for fact, question in rows
        if fact not in (answer := subject.answer(question, language)).facts
    ]
    print(f"{len(rows) - len(lost)} of {len(rows)}", *lost, sep="\n")
    assert len(rows) >= 350
    assert len(lost) <= (1 - LEAST_FOUND) * len(rows), "\n".join(lost)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sourced_fact_is_spoken_somewhere(language: str) -> None:
    spoken = {f for e in shipped().speakable if e.language == language for f in e.facts}
    sourced = {
        fact
        for fact, source in shipped().sources.items()
        if source.confidence in SPEAKABLE_CONFIDENCE
    }
    assert sourced - spoken == set()


def test_every_entry_can_be_asked_for_in_several_ways() -> None:
    few = [f"{e.id}: {len(e.ask)}" for e in shipped().speakable if len(e.ask) < LEAST_WAYS_TO_ASK]
    assert few == []
