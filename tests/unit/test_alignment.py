from __future__ import annotations

import numpy as np
import pytest

from asr.pinyin import syllables
from llm.alignment import (
    GAP,
    OTHER,
    SAME_FINAL,
    SAME_FOLDED,
    SAME_INITIAL,
    Alignment,
    cost,
    index_syllables,
)

PHRASES = ["什么时候撤离", "家里的鸡鸭怎么办", "碘片啥时候吃才顶用", "吃碘片会不会有副作用", ""]


def plain(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """The textbook recursion, cell by cell."""
    row = [GAP * n for n in range(len(other) + 1)]
    for left in one:
        before, row = row, [row[0] + GAP]
        for place, right in enumerate(other):
            kept = before[place] + cost(left, right)
            row.append(min(before[place + 1] + GAP, row[place] + GAP, kept))
    return max(0.0, 1 - row[-1] / max(len(one), len(other)))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("zhan", "zhan", 0.0),
        ("zhan", "zan", SAME_FOLDED),
        ("shang", "san", SAME_FOLDED),
        ("hou", "tou", SAME_FINAL),
        ("wu", "wa", SAME_INITIAL),
        ("ki", "bq", OTHER),
        ("12369", "12345", OTHER),
    ],
)
def test_syllables_differ_by_degrees(one: str, other: str, expected: float) -> None:
    assert cost(one, other) == cost(other, one) == expected


def test_many_at_a_time_is_the_same_as_one_by_one() -> None:
    sounds = [syllables(phrase) for phrase in PHRASES]
    alignment = Alignment(index_syllables(sounds))
    rows = np.array([4, 2, 0, 1, 3], np.int64)
    for question in (*PHRASES[:4], "什么石头药撤离", "点天傻的时候吃最管用", "KI 130", "停"):
        sound = syllables(question)
        got = alignment.likeness(sound, rows)
        assert got == pytest.approx([plain(sound, sounds[row]) for row in rows], abs=1e-5)


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("什么石头药撤离", 0),
        ("加里养的牛羊整模板", 1),
        ("点天傻的时候吃最管用", 2),
        ("吃碘片有啥付作用", 3),
    ],
)
def test_misheard_sentences_sound_most_like_what_was_said(heard: str, meant: int) -> None:
    alignment = Alignment(index_syllables([syllables(phrase) for phrase in PHRASES]))
    likeness = alignment.likeness(syllables(heard), np.arange(len(PHRASES)))
    assert likeness.argmax() == meant
    assert likeness[meant] > 0.6


def test_nothing_is_like_nothing() -> None:
    assert Alignment(index_syllables([])).likeness(("ting",), np.zeros(0, np.int64)).shape == (0,)
    assert Alignment(index_syllables([("ting",)])).likeness((), np.zeros(1, np.int64)) == [0.0]
