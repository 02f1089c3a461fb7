"""Whom questions and entries are about."""

from __future__ import annotations

import pytest

from llm.people import ages_of, asked_ages, names_animal
from tests.unit.knowledge_base import retriever


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("七岁的孩子", (7, 7)),
        ("七八岁小孩", (7, 8)),
        ("十七八岁的学生", (17, 18)),
        ("两岁半吃多少", (2.5, 2.5)),
        ("半岁婴儿", (0.5, 0.5)),
        ("六个月的宝宝", (0.5, 0.5)),
        ("一个半月的宝宝", (1.5 / 12, 1.5 / 12)),
        ("十天大的娃", (10 / 365, 10 / 365)),
        ("四十岁以上", (40, 120)),
        ("不满十八岁", (0, 18)),
        ("大人吃几片", (18, 120)),
        ("没满月的孩子", (0, 1 / 12)),
        ("a seven-year-old", (7, 7)),
        ("my 6 month old baby", (0.5, 0.5)),
        ("children aged 3 to 12", (3, 12)),
        ("people 40 years old and over", (40, 120)),
    ],
)
def test_ages_of_a_question(text: str, years: tuple[float, float]) -> None:
    (found,) = asked_ages(text)
    assert found == pytest.approx(years)


@pytest.mark.parametrize(
    "text", ["避迁三个月", "隐蔽两天", "孩子吃多少", "每周一次", "in 3 years", ""]
)
def test_other_numbers_are_no_ages(text: str) -> None:
    assert asked_ages(text) == ()


@pytest.mark.parametrize(
    ("answer", "spans"),
    [
        ("3到18岁65毫克。1个月到3岁32毫克。", [(3, 18), (1 / 12, 3)]),
        ("出生到1个月16毫克碘化钾。", [(0, 1 / 12)]),
        ("成人一次130毫克。", [(18, 120)]),
        ("大人先洗自己，再帮孩子洗。", []),
        ("ages 3 to 18, 65 mg. 1 month to 3 years, 32 mg.", [(1 / 12, 3), (3, 18)]),
        ("relocation lasts one to two years.", []),
    ],
)
def test_ages_an_answer_is_for(answer: str, spans: list[tuple[float, float]]) -> None:
    found = ages_of(answer)
    assert len(found) == len(spans)
    assert all(any(span == pytest.approx(f) for f in found) for span in spans)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("狗", True),
        ("牛羊", True),
        ("牛奶", False),
        ("鸡蛋", False),
        ("my dog", True),
        ("hot", False),
    ],
)
def test_animals(text: str, kept: bool) -> None:
    assert names_animal(text) is kept


@pytest.mark.parametrize(
    ("question", "language", "name"),
    [
        ("七岁孩子碘片吃多少", "zh", "school-age"),
        ("我女儿九岁，服碘多少毫克", "zh", "school-age"),
        ("十一岁的男孩吃几毫克碘化钾", "zh", "school-age"),
        ("一岁半的娃吃多少碘", "zh", "one-month-to-three"),
        ("三个月大的宝宝碘化钾多少毫克", "zh", "one-month-to-three"),
        ("出生五天的孩子碘片用多少", "zh", "newborn"),
        ("三十五岁的人碘化钾吃多少毫克", "zh", "adult"),
    ],
)
def test_questions_that_differ_only_in_age(question: str, language: str, name: str) -> None:
    assert retriever().search(question, language, 1)[0].entry.id.endswith(name)


def test_a_dose_for_people_does_not_answer_for_a_dog() -> None:
    hit = retriever().search("狗的碘片吃多少毫克", "zh", 1)[0]
    assert "毫克" not in hit.entry.answer or hit.score < 0.33
