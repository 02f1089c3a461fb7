"""Sentences made of the passage's own words and numbers, in another order."""

from __future__ import annotations

import pytest

from llm.numbers import Quantity
from llm.order import numbers_in_order, words_in_order
from llm.verify import Verifier
from tests.unit.knowledge_base import shipped


@pytest.mark.parametrize(
    ("language", "passage", "answer"),
    [
        ("zh", "碘片只保护甲状腺，听到命令才吃。", "甲状腺只保护碘片，听到命令才吃。"),
        ("zh", "火警119，急救120，报警110。", "火警119，急救110，报警120。"),
        (
            "zh",
            "134名应急人员得了急性放射病。其中28人不久死亡。",
            "28名应急人员得了急性放射病。其中134人不久死亡。",
        ),
        ("zh", "碘片要等政府评估后统一下令才吃。", "政府要等碘片评估后统一下令才吃。"),
        ("en", "Fire 119, ambulance 120, police 110.", "Fire 120, ambulance 119, police 110."),
        (
            "en",
            "About 134 responders had radiation sickness; 28 died soon after.",
            "About 28 responders had radiation sickness; 134 died soon after.",
        ),
        ("en", "Take iodine tablets only when ordered.", "Take iodine tablets when ordered."),
        ("zh", "只有瓶装水能确定没有污染。", "瓶装水能确定没有污染。"),
    ],
)
def test_what_is_turned_round_or_widened_is_not_supported(
    language: str, passage: str, answer: str
) -> None:
    verifier = Verifier(language, shipped().vocabulary)
    assert verifier.problems(answer, passage)
    assert not verifier.problems(passage, passage)


def test_clauses_may_change_places_and_words_be_left_out() -> None:
    clauses = [("go", "indoors"), ("shut", "all", "doors", "windows")]
    assert words_in_order(("shut", "doors", "windows"), clauses)
    assert not words_in_order(("windows", "doors", "all", "shut"), clauses)


@pytest.mark.parametrize(
    ("language", "passage", "answer"),
    [
        ("zh", "关掉空调和风扇。", "关掉风扇和空调。"),
        ("en", "Shut all doors and windows.", "Shut all windows and doors."),
    ],
)
def test_members_of_a_list_may_change_places(language: str, passage: str, answer: str) -> None:
    assert Verifier(language, shipped().vocabulary).problems(answer, passage) == ()


def test_strange_words_are_for_others_to_find() -> None:
    assert words_in_order(("drink", "tea"), [("go", "indoors")])
    assert words_in_order((), [("go", "indoors")])


def test_a_number_stays_with_its_words() -> None:
    sentences = [("flight", Quantity(3, 3, "mSv")), ("scan", Quantity(2, 2, "mSv"))]
    assert numbers_in_order(("scan", Quantity(2, 2, "mSv")), sentences)
    assert not numbers_in_order(("flight", Quantity(2, 2, "mSv")), sentences)
