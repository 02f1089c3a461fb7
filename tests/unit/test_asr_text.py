from __future__ import annotations

import pytest

from asr.error_rate import edit_distance, error_rate, units
from asr.pinyin import folded, syllables
from asr.text import clean, language_of, without_loop


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("  ，碘片 怎么 吃? ", "碘片怎么吃？"),
        ("這個時候該撤離嗎", "这个时候该撤离吗"),
        ("家里,还是外面", "家里，还是外面"),
        ("我家离核电站８公里.", "我家离核电站8公里。"),
        ("Can my baby take K.I.?", "Can my baby take KI?"),
        ("- When  should\nI leave?", "When should I leave?"),
        ("100 mSv 多不多", "100 mSv多不多"),
    ],
)
def test_clean(text: str, expected: str) -> None:
    assert clean(text) == expected
    assert clean(expected) == expected


@pytest.mark.parametrize(
    ("text", "heard", "language"),
    [
        ("", "en", ""),
        ("碘片", "en", "zh"),
        ("KI是什么", "en", "zh"),
        ("iodine", "zh", "en"),
        ("12369", "zh", "zh"),
        ("12369", "en", "en"),
        ("12369", "ja", "zh"),
    ],
)
def test_the_language_is_that_of_the_script(text: str, heard: str, language: str) -> None:
    assert language_of(text, heard) == language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("碘片什么时候吃", "碘片什么时候吃"),
        ("救命救命", "救命救命"),
        ("快快快", "快快快"),
        ("12369", "12369"),
        ("停机令将近停机令将近停机令将", "停机令将近"),
        ("9月1日通信，9月1日通信，9月1日", "9月1日通信"),
        ("condition condition condition condition", "condition"),
        ("AHHHHHHHHHHHH", "A"),
        ("哈哈哈哈哈哈哈哈", ""),
        ("是不是是不是是不是是不是", "是不是"),
    ],
)
def test_loops_are_cut(text: str, expected: str) -> None:
    assert without_loop(text) == expected


def test_syllables_are_toneless_and_keep_words_and_numbers() -> None:
    assert syllables("碘片 KI，100 mSv 女") == ("dian", "pian", "ki", "100", "msv", "nv")
    assert syllables("……！") == ()


def test_sounds_that_are_confused_fold_together() -> None:
    assert folded(syllables("占污")) == folded(syllables("脏屋"))
    assert folded(syllables("硬逼")) == folded(syllables("隐蔽"))
    assert folded(syllables("福南")) == folded(syllables("湖兰"))
    assert folded(syllables("碘片")) != folded(syllables("电池"))


def test_errors_are_counted_in_characters_and_words() -> None:
    assert units("碘片 KI 5 片!") == ["碘", "片", "ki", "5", "片"]
    assert edit_distance("abcd", "axd") == 2
    assert edit_distance("", "abc") == 3
    assert error_rate([("碘片怎么吃", "電片怎麼吃？")]) == pytest.approx(0.2)
    assert error_rate([("take it now", "take now"), ("yes", "yes")]) == pytest.approx(0.25)
    with pytest.raises(ValueError, match="empty"):
        error_rate([])
