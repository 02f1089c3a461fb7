"""What text sounds like, and how near that is to a wake word."""

import pytest

from kws import WakeWordError
from kws.pinyin import parse_pinyin, reading, readings, split_syllable, syllables
from kws.sounds import edits, likeness_anywhere, likeness_at_start, sounds_of, sounds_of_word


@pytest.mark.parametrize(
    ("syllable", "parts"),
    [
        ("nǐ", ("n", "ǐ")),
        ("zhōng", ("zh", "ōng")),
        ("ān", ("ān",)),
        ("yī", ("y", "ī")),
        ("lüè", ("l", "üè")),
        ("n", ("n",)),
    ],
)
def test_a_syllable_is_initial_and_final(syllable, parts):
    assert split_syllable(syllable) == parts


def test_every_syllable_of_the_language_is_known():
    assert {"he", "an", "lv", "zhuang", "er"} <= syllables()
    assert not {"hean", "b", "hello", ""} & syllables()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ni3 hao3 he2 an1", "nǐ hǎo hé ān"),
        ("nǐ  hǎo hé ān ", "nǐ hǎo hé ān"),
        ("NV3 lu:e4 ma5", "nǚ lüè ma"),
    ],
)
def test_pinyin_may_be_written_with_digits(written, meant):
    assert parse_pinyin(written) == meant


@pytest.mark.parametrize("written", ["", " ", "ni9", "hello", "ni3hao3", "你", "n1 i2 #0", "3"])
def test_what_is_no_pinyin_is_named(written):
    with pytest.raises(WakeWordError, match="pinyin"):
        parse_pinyin(written)


def test_all_readings_are_offered_the_likeliest_first():
    assert reading("重庆") == "chóng qìng"
    assert readings("重庆")[0] == "chóng qìng"
    assert "zhòng qìng" in readings("重庆")
    assert "xiǎo yuè" in readings("小乐")
    assert readings("hello") == [""]


@pytest.mark.parametrize(
    "heard",
    ["你好何案", "你好喝暗。", "你好，河岸，核电站出事了", "尼好和安", "nihao he'an"],
)
def test_the_same_sounds_in_other_characters_are_the_same(heard):
    assert likeness_at_start(sounds_of("你好核安"), sounds_of(heard)).likeness == 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [("南", "蓝"), ("是", "四"), ("安", "昂"), ("很", "横"), ("林", "灵"), ("飞", "黑")],
)
def test_sounds_that_speakers_confuse_are_the_same(one, other):
    assert likeness_at_start(sounds_of(one), sounds_of(other)).likeness == 1.0


@pytest.mark.parametrize(
    ("word", "heard", "below"),
    [
        ("你好核安", "你好小安", 0.8),
        ("你好核安", "你好黑暗", 0.87),
        ("你好核安", "你好河南", 0.87),
        ("你好核安", "你好，喝水吗", 0.8),
        ("你好核安", "国家核安全局", 0.8),
        ("小安小安", "小爱小爱", 0.8),
        ("小安小安", "小兰小兰", 0.8),
        ("小安小安", "西安西安", 0.8),
        ("小安小安", "小安", 0.8),
        ("hey computer", "hey commuter", 0.99),
        ("computer", "come here", 0.8),
        ("核安", "", 0.01),
    ],
)
def test_other_sounds_are_not(word, heard, below):
    assert likeness_at_start(sounds_of(word), sounds_of(heard)).likeness < below


def test_a_word_must_begin_what_was_heard():
    word = sounds_of("小安小安")
    early, late = sounds_of("嗯，小安小安"), sounds_of("我们昨天去找小安小安")
    assert likeness_at_start(word, early).likeness == 0.95
    assert likeness_at_start(word, late).likeness < 0.8
    assert likeness_anywhere(word, late).likeness == 1.0


def test_the_place_where_the_word_ends_is_known():
    place = likeness_at_start(sounds_of("你好核安"), sounds_of("你好，何案，碘片"))
    assert "你好，何案，碘片"[place.end :] == "，碘片"
    place = likeness_at_start(sounds_of("hey hean"), sounds_of("Hey, He'an! What now"))
    assert "Hey, He'an! What now"[place.end :] == "! What now"


def test_a_confirmed_reading_replaces_the_likeliest():
    (xiao, yue) = sounds_of_word("小乐", "xiǎo yuè")
    assert (xiao.final, yue.final) == ("iao", "ve")
    assert [sound.letters for sound in sounds_of_word("hey小安", "xiǎo ān")] == ["hey", "", ""]


def test_edits_are_counted():
    assert edits("abc", "abc") == 0
    assert edits("", "abc") == 3
    assert edits(["HH", "IH", "R", "OW"], ["HH", "EH", "R", "AH", "N"]) == 3
