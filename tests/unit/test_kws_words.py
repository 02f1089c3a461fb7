"""The file of the wake words."""

import os

import pytest

from kws import DEFAULT_WORDS, WakeConfig, WakeWordError
from kws.advice import concerns
from kws.words import WakeWord, load_words, make_word, save_words


def test_without_a_file_there_are_the_words_that_are_shipped(tmp_path):
    assert [word.text for word in load_words(tmp_path / "wake.toml")] == list(DEFAULT_WORDS)


def test_what_is_written_is_read_again(tmp_path):
    words = [
        make_word("你好核安", ["ni3 hao3 he2 an1", "nǐ hǎo hé ān", "nǐ hǎo hú ān"], boost=2),
        make_word("it's Hean", enabled=False),
        make_word("hey小安", threshold=0.5),
    ]
    path = tmp_path / "data" / "wake.toml"
    save_words(path, words)
    assert load_words(path) == words
    assert words[0].pinyin == ("nǐ hǎo hé ān", "nǐ hǎo hú ān")
    assert os.listdir(path.parent) == ["wake.toml"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "wake.toml"
    save_words(path, [make_word("核安核安")])

    def fails():
        yield make_word("小安小安")
        raise WakeWordError("no more")

    with pytest.raises(WakeWordError):
        save_words(path, fails())
    assert [word.text for word in load_words(path)] == ["核安核安"]
    with pytest.raises(WakeWordError, match="cannot be written"):
        save_words(path / "under-a-file", [])


def test_a_short_row_is_enough(tmp_path):
    path = tmp_path / "wake.toml"
    path.write_text('[[words]]\ntext = "小安小安"\nboost = 2\n', encoding="utf-8")
    assert load_words(path) == [WakeWord("小安小安", ("xiǎo ān xiǎo ān",), boost=2)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[words", "cannot be read"),
        ("word = 1", r"nothing but \[\[words\]\]"),
        ("words = 1", r"nothing but \[\[words\]\]"),
        ("[[words]]\nboost = 1.0", "has no text"),
        ('[[words]]\ntext = "核安"\nbost = 1.0', "核安 has an unknown key 'bost'"),
        ('[[words]]\ntext = "核安"\nboost = "1"', "核安 has a wrong boost"),
        ('[[words]]\ntext = "核安"\nboost = true', "核安 has a wrong boost"),
        ('[[words]]\ntext = "核安"\nenabled = 1', "核安 has a wrong enabled"),
        ('[[words]]\ntext = "核安"\npinyin = [1]', "核安 has a wrong pinyin"),
        ('[[words]]\ntext = "核安"\npinyin = ["hé"]', "must have 2 syllables"),
        ('[[words]]\ntext = "核安"\nthreshold = 2.0', "threshold of 核安 is 2.0"),
        ('[[words]]\ntext = "核安"\n[[words]]\ntext = "核安"', "there twice"),
        ("[[words]]\ntext = 1", "wrong text"),
    ],
)
def test_a_wrong_file_is_told_with_its_name(tmp_path, content, said):
    path = tmp_path / "wake.toml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(WakeWordError, match=said) as caught:
        load_words(path)
    assert "wake.toml" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", " 核安", "核 安\n", "核安!", "a@b", "核安 #1", "核" * 17, "🙂"]
)
def test_a_word_must_be_a_word(text):
    with pytest.raises(WakeWordError, match="wake word"):
        make_word(text)


@pytest.mark.parametrize(
    ("text", "others", "said"),
    [
        ("核安", [], "2 syllables only"),
        ("小安小安", ["小艾小安"], "sounds like the wake word 小艾小安"),
        ("你好核安", ["核安"], "sounds like the wake word 核安"),
        ("和安全", [], "in what people say anyway: 核安全"),
    ],
)
def test_words_that_wake_by_mistake_are_doubted(text, others, said):
    found = concerns(make_word(text), [make_word(other) for other in others])
    assert any(said in reason for reason in found)


def test_the_words_that_are_shipped_are_good_ones():
    words = [make_word(text) for text in DEFAULT_WORDS]
    assert [concerns(word, words) for word in words] == [[], []]


@pytest.mark.parametrize(
    "wrong", [{"engine": "snowboy"}, {"likeness": 0.2}, {"refractory_s": -1.0}, {"threads": 0}]
)
def test_wrong_settings_are_named(wrong):
    with pytest.raises(ValueError, match=f"wake.{next(iter(wrong))} is"):
        WakeConfig(**wrong)
