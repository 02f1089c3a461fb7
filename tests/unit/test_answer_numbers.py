from __future__ import annotations

import pytest

from llm.language import detect_language
from llm.numbers import quantities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100 mSv", ["100 mSv"]),
        ("一百毫希沃特", ["100 mSv"]),
        ("one hundred millisieverts", ["100 mSv"]),
        ("3至18岁65毫克", ["3-18 age", "65 mg"]),
        ("ages 3 to 18 years old", ["3-18 age"]),
        ("二十四小时", ["24 h"]),
        ("twenty-four hours", ["24 h"]),
        ("两天内", ["2 d"]),
        ("最多九成", ["90 %"]),
        ("百分之五十", ["50 %"]),
        ("0.02至0.1毫希沃特", ["0.02-0.1 mSv"]),
        ("零点零二毫希沃特", ["0.02 mSv"]),
        ("11.2万人", ["112000"]),
        ("1,000 Bq", ["1000 Bq"]),
        ("level seven", ["7 level"]),
        ("七级", ["7 level"]),
        ("1 month to 3 years", ["1 month", "3 year"]),
        ("2018年1月1日", ["2018 year", "1 month", "1 d"]),
        ("一二三四五", ["12345"]),
        ("一般不要统一行动，万一着火", []),
        ("no one", []),
        ("", []),
    ],
)
def test_quantities(text: str, expected: list[str]) -> None:
    assert [str(q) for q in quantities(text)] == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("碘片什么时候吃", "zh"),
        ("INES 七级是什么", "zh"),
        ("When should I take KI?", "en"),
        ("What does 核安 mean in English please", "en"),
        ("12345", "zh"),
        ("", "zh"),
    ],
)
def test_language_by_script(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_language_default() -> None:
    assert detect_language("119?", default="en") == "en"
