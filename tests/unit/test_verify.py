"""What the verifier lets through and what it stops, case by case."""

from __future__ import annotations

import pytest

from llm.verify import Verifier, names_dose
from tests.unit.knowledge_base import shipped

ZH = (
    "美国指南：3至18岁65毫克；1个月至3岁32毫克。等政府统一下令才吃，不要自己决定吃。"
    "碘片只防放射性碘，不防铯。脱掉外层衣服，最多可去掉约九成污染。先洗自己，再帮孩子洗。"
    "碘-131的半衰期约8天，铯-137约30年。"
)
EN = (
    "Stay indoors until the official all-clear. Do not open the windows. "
    "You may use tap water to wash. "
    "Taking off the outer layer removes up to 90% of contamination. "
    "Chernobyl was level 7 and Three Mile Island level 5."
)


@pytest.fixture(scope="module")
def verifiers() -> dict[str, Verifier]:
    return {language: Verifier(language, shipped().vocabulary) for language in ("zh", "en")}


@pytest.mark.parametrize(
    "answer",
    [
        "3至18岁65毫克。",
        "请等政府统一下令才吃，别自己决定吃。",
        "脱掉外层衣服，最多可以去掉约百分之九十污染。",
        "碘片不防铯，只防放射性碘。",
        "铯-137的半衰期约三十年。",
        "先洗自己，再帮小孩洗。",
    ],
)
def test_faithful_chinese_passes(verifiers: dict[str, Verifier], answer: str) -> None:
    assert verifiers["zh"].problems(answer, ZH) == ()


@pytest.mark.parametrize(
    "answer",
    [
        "3至18岁130毫克。",
        "3至18岁65克。",
        "3至18岁32毫克。",
        "1个月至3岁65毫克。",
        "不用等政府统一下令，自己决定吃。",
        "可以自己决定吃。",
        "碘片防铯。",
        "碘盐只防放射性碘。",
        "脱掉外层衣服，至少可去掉约九成污染。",
        "脱掉外层衣服，可去掉约九成污染。",
        "先帮孩子洗，再洗自己，然后喝水。",
        "碘-131的半衰期约30年。",
        "等医生统一下令才吃。",
        "Stay inside.",
        "",
    ],
)
def test_changed_chinese_is_stopped(verifiers: dict[str, Verifier], answer: str) -> None:
    assert verifiers["zh"].problems(answer, ZH)


@pytest.mark.parametrize(
    "answer",
    [
        "Stay inside until the official all clear.",
        "Don't open the windows.",
        "You can use tap water to wash.",
        "Taking off the outer layer removes up to ninety percent of contamination.",
        "Chernobyl was level seven.",
    ],
)
def test_faithful_english_passes(verifiers: dict[str, Verifier], answer: str) -> None:
    assert verifiers["en"].problems(answer, EN) == ()


@pytest.mark.parametrize(
    "answer",
    [
        "Open the windows.",
        "Do not stay indoors until the official all-clear.",
        "You must use tap water to wash.",
        "You may drink tap water.",
        "Taking off the outer layer removes at least 90% of contamination.",
        "Three Mile Island was level 7.",
        "Fukushima was level 7.",
        "Stay outdoors until the official all-clear.",
        "Stay indoors and drink green tea.",
        "待在屋里。",
    ],
)
def test_changed_english_is_stopped(verifiers: dict[str, Verifier], answer: str) -> None:
    assert verifiers["en"].problems(answer, EN)


def test_problems_say_what_is_wrong(verifiers: dict[str, Verifier]) -> None:
    problems = verifiers["zh"].problems("3至18岁130毫克。", ZH)
    assert "130 mg" in problems[0]


@pytest.mark.parametrize(
    ("passage", "dose"), [(ZH, True), (EN, False), ("每次吃一片。", True), ("撤离10公里。", False)]
)
def test_passages_with_amounts_to_take(passage: str, dose: bool) -> None:
    assert names_dose(passage) is dose
