from __future__ import annotations

import pytest

from llm.support import SupportCheck, numbers
from tests.unit.knowledge_base import shipped

PASSAGE = {
    "zh": "成人服130毫克碘化钾，3至12岁服一半。24小时内不要重复服用。待在室内两天，听政府通知。",
    "en": "Adults take 130 mg of potassium iodide. Do not take a second dose within 24 hours. "
    "Stay indoors for two days and listen to the Ministry of Health.",
}


def missing(language: str, text: str) -> tuple[str, ...]:
    words = shipped().vocabulary
    check = SupportCheck(language, words.terms(language), words.synonyms(language))
    return check.missing(text, [PASSAGE[language]])


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "成人服130毫克碘片。"),
        ("zh", "待在室内2天，听政府通知。"),
        ("zh", "24小时内不要重复服用。"),
        ("en", "Take 130 milligrams of KI."),
        ("en", "Stay indoors for 2 days."),
        ("en", "Never take a second dose within 24 hours."),
    ],
)
def test_what_the_passage_says_is_supported(language: str, text: str) -> None:
    assert missing(language, text) == ()


@pytest.mark.parametrize(
    ("language", "text", "claim"),
    [
        ("zh", "成人服65毫克碘化钾。", "number 65 mg"),
        ("zh", "成人服130克碘化钾。", "number 130 g"),
        ("zh", "在室内待三天。", "number 3 d"),
        ("zh", "24小时内重复服用。", "negation in 24小时内重复服用"),
        ("zh", "听IAEA通知。", "name 国际原子能机构"),
        ("zh", "孕妇服130毫克碘化钾。", "name 孕妇"),
        ("en", "Take 130 g of potassium iodide.", "number 130 g"),
        ("en", "Stay indoors for three days.", "number 3 d"),
        ("en", "Take a second dose within 24 hours.", "negation in take a second dose"),
        ("en", "Listen to the Red Cross.", "name cross"),
    ],
)
def test_what_the_passage_does_not_say_is_found(language: str, text: str, claim: str) -> None:
    assert any(found.startswith(claim) for found in missing(language, text))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1,000 mSv", {(1000, "msv")}),
        ("一百二十毫希沃特", {(120, "msv")}),
        ("半片", {(0.5, "tablet")}),
        ("half a tablet", set()),
        ("两种办法，一定要进屋", set()),
        ("twelve years old, 12 hours", {(12, "age"), (12, "h")}),
        ("50%", {(50, "%")}),
        ("电话12345", {(12345, "")}),
    ],
)
def test_numbers_are_read_with_what_they_count(text: str, found: set[tuple[float, str]]) -> None:
    assert numbers(text) == found


def test_every_vetted_answer_is_supported_by_its_own_passage() -> None:
    base = shipped()
    for language in ("zh", "en"):
        words = base.vocabulary
        check = SupportCheck(language, words.terms(language), words.synonyms(language))
        wrong = [
            (entry.id, found)
            for entry in base.speakable
            if entry.language == language
            and (found := check.missing(entry.answer, [entry.passage]))
        ]
        assert wrong == []
