"""What is said in the corpus of a wake word model."""

from collections import Counter

import numpy as np
import pytest

from kws import WakeWordError
from kws.pinyin import reading
from kws.train.inventory import phones, token_table, toned
from kws.train.neighbours import Neighbours, english_neighbours
from kws.train.spelling import Speller, characters
from kws.train.texts import Material, Readings
from kws.words import make_word

COUNTS = {
    "你": 90, "好": 80, "核": 30, "和": 200, "安": 40, "岸": 20, "小": 99, "笑": 20, "何": 25,
    "河": 22, "黑": 20, "暗": 19, "妈": 50, "马": 49, "骂": 48, "泥": 10, "拟": 9, "电话": 70,
    "天气": 60, "今天": 88, "飞机": 44, "苹果": 43, "学生": 66, "火车": 33, "医院": 21,
}  # fmt: skip
PHONES = {"hello": "HH AH L OW", "heron": "HH EH R AH N", "good": "G UH D", "day": "D EY"}
WORDS = [make_word("你好核安"), make_word("小安小安")]


def speller() -> Speller:
    return Speller(lambda word: PHONES.get(word.lower(), "").split())


def readings(seed=1, words=WORDS, others=()):
    sentences = ["今天天气好", "医院在哪里", "飞机几点来", "学生看火车", "电话打不通", "苹果好吃吗"]
    material = Material(
        words=words,
        vocabulary=COUNTS,
        characters=characters(COUNTS),
        questions=sentences,
        sentences=sentences,
        english=["good day", "good hello", "day day"],
        others=others,
        neighbours={"hello heron": ["good heron"]},
    )
    return Readings(material, speller(), seed)


def test_any_mandarin_syllable_has_its_tokens():
    table = token_table()
    assert table[0] == "<blk>" and len(set(table)) == len(table)
    assert {"zh", "uāng", "ǚ", "üè", "ér", "ān", "iòng", "a", "NG"} <= set(table)
    assert toned("iu") == ["iū", "iú", "iǔ", "iù"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("你好核安", "n ǐ h ǎo h é ān"),
        ("绿远", "l ǜ y uǎn"),
        ("hello 核安", "HH AH L OW h é ān"),
    ],
)
def test_texts_are_spelled(text, tokens):
    assert speller().spell(text) == tuple(tokens.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [("剂量 5", "in words"), ("hello zebra", "'zebra'"), ("，。", "nothing"), ("嗯", "no token")],
)
def test_what_cannot_be_spelled_is_named(text, said):
    with pytest.raises(WakeWordError, match=said):
        speller().spell(text)


def test_american_sounds_are_phones():
    assert phones("wˈɔɾəɹ") == ["W", "AO", "D", "ER"]
    assert phones("ʧˈIldˌhʊd") == ["CH", "AY", "L", "D", "HH", "UH", "D"]


def test_near_misses_differ_from_the_words_and_are_read_as_meant():
    words = [tuple(way.split()) for word in WORDS for way in word.pinyin]
    near = Neighbours(words, characters(COUNTS))
    rng = np.random.default_rng(3)
    texts = {near.text(rng, words[0]) for _ in range(60)}
    assert len(texts) > 8
    assert not any(near.holds_word(tuple(reading(text).split())) for text in texts)
    shared = [len(set(reading(text).split()) & set(words[0] + words[1])) for text in texts if text]
    assert min(shared) >= 1


def test_english_near_misses_are_a_sound_or_two_away():
    lexicon = [("heron", PHONES["heron"].split()), ("hero", ["HH", "IH", "R", "OW"])]
    lexicon += [
        ("baron", ["B", "EH", "R", "AH", "N"]),
        ("banana", ["B", "AH", "N", "AE", "N", "AH"]),
    ]
    assert english_neighbours(PHONES["heron"].split(), lexicon) == ["baron"]


def test_a_reading_depends_on_seed_and_number_alone():
    first, again = readings(), readings()
    again.reading(5)
    assert first.reading(17) == again.reading(17)
    assert first.reading(17) != readings(seed=2).reading(17)


def test_the_corpus_holds_what_it_should():
    made = readings()
    phrases = [(r.split, p) for n in range(240) for r in [made.reading(n)] for p in r.phrases]
    kinds = Counter(phrase.kind for split, phrase in phrases if split == "train")
    share = (kinds["wake"] + kinds["breath"]) / kinds.total()
    assert 0.08 < share < 0.2
    assert kinds["random"] > 0.25 * kinds.total()
    assert {"near", "sentence", "english"} <= kinds.keys()
    assert {phrase.word for _, phrase in phrases} == {"", "你好核安", "小安小安"}
    for _, phrase in phrases:
        if phrase.word == "你好核安":
            assert "n ǐ h ǎo h é ān" in " ".join(phrase.tokens)


def test_other_words_are_said_in_the_development_set_alone():
    made = readings(others=[make_word("应急助手")])
    said = {
        (reading.split, phrase.word)
        for number in range(200)
        for reading in [made.reading(number)]
        for phrase in reading.phrases
    }
    assert ("dev", "应急助手") in said and ("train", "应急助手") not in said


def test_a_word_said_otherwise_than_it_is_read_is_written_with_other_characters():
    word = make_word("你好核安", ["ní hǎo hé ān"])
    made = readings(words=[word])
    wakes = [
        phrase.text.replace("，", "")
        for number in range(60)
        for phrase in made.reading(number).phrases
        if phrase.kind == "wake" and phrase.word
    ]
    assert wakes and all("泥好和安" in text for text in wakes)


def test_english_words_are_said_too():
    made = readings(words=[make_word("hello heron")])
    spoken = [phrase for n in range(60) for phrase in made.reading(n).phrases]
    assert {"wake", "breath", "near"} <= {phrase.kind for phrase in spoken}
    assert any(phrase.text == "good heron" for phrase in spoken)
