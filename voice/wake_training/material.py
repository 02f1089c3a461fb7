"""What the texts of a wake word corpus are taken from: our own knowledge base and word lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from kws.advice import EVERYDAY
from kws.train.inventory import phones
from kws.train.neighbours import english_neighbours
from kws.train.spelling import Speller, characters
from kws.train.texts import Material, language_of
from kws.words import WakeWord, make_word
from llm.knowledge import KnowledgeBase, load_knowledge
from voice.tts.reading_zh import read_zh
from voice.wake_training.voices import Speakers

OTHERS = ("你好小核", "核安核安", "小护小护", "安安你好", "应急助手", "辐射卫士")
"""Typed words that are not trained for: with them it is measured what such words lose."""
LONGEST = {"zh": 24, "en": 70}
"""Characters of a sentence."""
SHORTEST_WORD_COUNT = 60
"""Rarer words are mostly names of persons."""
_CLAUSES = re.compile(r"[，。！？；：、,.!?;:\n（）()“”「」《》—…]+")
_MARKS = re.compile(r"[^\u3400-\u9fffA-Za-z' ]+")


def material_of(
    words: Sequence[WakeWord], counts: Mapping[str, str], speakers: Speakers
) -> Material:
    """Return the material for some wake words.

    `counts` tells how often Mandarin words occur.
    """
    knowledge = load_knowledge()
    vocabulary = {word: int(count) for word, count in counts.items()}
    common = {
        word: count
        for word, count in vocabulary.items()
        if count >= SHORTEST_WORD_COUNT and len(word) <= 4
    }
    speller = Speller(speakers.phones_of)
    common = {word: count for word, count in common.items() if speller.can_spell(word)}
    asked = {language: _asked(knowledge, language, speller) for language in ("zh", "en")}
    told = {language: _told(knowledge, language, speller) for language in ("zh", "en")}
    everyday = [text for text in EVERYDAY if speller.can_spell(text)]
    return Material(
        words=words,
        vocabulary=common,
        characters=characters(vocabulary),
        questions=asked["zh"],
        sentences=[*asked["zh"], *told["zh"], *(text for text in everyday if not text.isascii())],
        english=[*asked["en"], *told["en"], *(text for text in everyday if text.isascii())],
        others=[make_word(text) for text in OTHERS if text not in {word.text for word in words}],
        neighbours={
            word.text: _near(word, speakers) for word in words if language_of(word) == "en"
        },
    )


def _asked(knowledge: KnowledgeBase, language: str, speller: Speller) -> list[str]:
    """Return the questions of one language that can be spelled."""
    asked = (
        ask for entry in knowledge.speakable if entry.language == language for ask in entry.ask
    )
    return _usable(asked, language, speller)


def _told(knowledge: KnowledgeBase, language: str, speller: Speller) -> list[str]:
    """Return the clauses of the answers of one language."""
    passages = (entry.passage for entry in knowledge.speakable if entry.language == language)
    clauses = (clause for passage in passages for clause in _CLAUSES.split(passage))
    return _usable(clauses, language, speller)


def _usable(texts: Iterable[str], language: str, speller: Speller) -> list[str]:
    read = read_zh if language == "zh" else str
    plain = (" ".join(_MARKS.sub(" ", read(text)).split()) for text in texts)
    foreign = re.compile("[A-Za-z]" if language == "zh" else "[\u3400-\u9fff]")
    kept = dict.fromkeys(
        text
        for text in plain
        if 2 < len(text) <= LONGEST[language]
        and not foreign.search(text)
        and speller.can_spell(text)
    )
    return [text.replace(" ", "，") if language == "zh" else text for text in kept]


def _near(word: WakeWord, speakers: Speakers) -> list[str]:
    """Return near-misses of an English wake word: one of its words replaced by a similar one."""
    spoken = word.text.split()
    lexicon = [
        (text, phones(sounds))
        for text, sounds in speakers.lexicon.items()
        if text.islower() and len(text) > 2
    ]
    return [
        " ".join([*spoken[:place], other, *spoken[place + 1 :]])
        for place, one in enumerate(spoken)
        for other in english_neighbours(speakers.phones_of(one), lexicon)
    ]
