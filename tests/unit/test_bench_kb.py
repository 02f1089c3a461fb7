"""What `hean bench kb` asks: phrasings left out, and misheard ones."""

from __future__ import annotations

import random

from asr.pinyin import syllables
from llm.everyday import everyday_entries
from tests.unit.knowledge_base import shipped
from voice.bench.kb import FOLDS, Mishearing, left_out


def test_every_phrasing_is_left_out_once_and_asked_for_its_facts() -> None:
    entries = [entry for entry in shipped().speakable if entry.facts]
    folds = [left_out(entries, fold) for fold in range(FOLDS)]
    asked = [question.text for _, questions in folds for question in questions]
    assert sorted(asked) == sorted(text for entry in entries for text in entry.ask)
    for kept, questions in folds:
        known = {text for entry in kept for text in entry.ask}
        assert not known & {question.text for question in questions}
        assert all(entry.ask for entry in kept)


def test_everyday_questions_are_left_out_too() -> None:
    kept, questions = left_out(everyday_entries(), 0)
    assert len(questions) > 50
    assert not {text for entry in kept for text in entry.ask} & {q.text for q in questions}


def test_misheard_questions_sound_the_same() -> None:
    mishear = Mishearing(shipped(), random.Random(1))
    for entry in shipped().speakable[:40]:
        text = entry.ask[0]
        heard = mishear(text)
        assert heard != text
        assert len(heard) == len(text)
        alike = [syllables(a) == syllables(b) for a, b in zip(heard, text, strict=True)]
        assert all(alike)
    assert mishear("KI 130") == "KI 130"
