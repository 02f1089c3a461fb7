"""Wake words in transcripts: what is taken for one, and what follows it."""

import numpy as np
import pytest

from kws.asr_pinyin import PinyinMatcher, TranscriptFinder
from kws.verify import SecondStage
from kws.words import make_word

WORDS = [make_word("你好核安"), make_word("小安小安"), make_word("hey hean")]
AUDIO = np.zeros(16_000, np.float32)


@pytest.mark.parametrize(
    ("text", "word", "rest"),
    [
        ("你好何案。", "你好核安", ""),
        ("你好喝暗，碘片什么时候吃？", "你好核安", "碘片什么时候吃？"),
        ("笑安小暗听到警报要不要撤离", "小安小安", "听到警报要不要撤离"),
        ("Hey Hean, what is iodine?", "hey hean", "what is iodine?"),
        ("呃，你好，河岸。 核电站", "你好核安", "核电站"),
    ],
)
def test_the_rest_of_the_breath_is_the_question(text, word, rest):
    match = PinyinMatcher(WORDS).match(text)
    assert (match.word, match.rest) == (word, rest)
    assert match.score >= 0.87


@pytest.mark.parametrize(
    "text", ["", "。", "你好", "你好小安", "小爱小爱", "你好黑暗", "碘片什么时候吃", "hey he"]
)
def test_nothing_else_is_a_wake_word(text):
    assert PinyinMatcher(WORDS).match(text) is None


def test_without_words_nothing_wakes():
    assert PinyinMatcher([make_word("小安小安", enabled=False)]).nearest("小安小安") is None


@pytest.mark.parametrize(
    ("text", "word", "rest"),
    [
        ("晴转多云你好何案，碘片什么时候吃？", "你好核安", "碘片什么时候吃？"),
        ("你好可爱", "你好核安", ""),  # misheard, but known to have been said
        ("碘片什么时候吃？", "你好核安", "碘片什么时候吃？"),
        ("", "你好核安", ""),
        ("小安小安你好", "another word", "小安小安你好"),
    ],
)
def test_what_follows_a_word_that_was_heard(text, word, rest):
    assert PinyinMatcher(WORDS).rest(word, text) == rest


@pytest.mark.parametrize(
    ("text", "word", "woke"),
    [
        ("你好何案", "你好核安", True),
        ("今天晴转多云你好何案", "你好核安", True),
        ("今天晴转多云你好回案", "你好核安", False),  # in the middle, the same sounds must be there
        ("今天天气不错", "小安小安", False),
        ("", "", False),
    ],
)
def test_words_are_found_in_the_middle_of_speech_too(text, word, woke):
    nearest = TranscriptFinder(WORDS, lambda _: text).nearest(AUDIO)
    assert (nearest.woke, nearest.text) == (woke, text)
    if woke or not word:
        assert nearest.word == word


def test_the_wanted_likeness_counts():
    assert TranscriptFinder(WORDS, lambda _: "你好黑暗", likeness=0.8).nearest(AUDIO).woke
    assert not TranscriptFinder(WORDS, lambda _: "你好黑暗").nearest(AUDIO).woke


@pytest.mark.parametrize(
    ("text", "confirmed"),
    [
        ("我说你好何案", True),
        ("你好回岸", True),
        ("你好小安", False),
        ("小爱小爱", False),
        ("", False),
    ],
)
def test_the_second_stage_finds_the_word_anywhere(text, confirmed):
    verdict = SecondStage(WORDS, lambda _: text).judge("你好核安", AUDIO)
    assert verdict.confirmed is confirmed
    assert verdict.text == text
