"""What is said in the corpus: wake words, near-misses, and much that has nothing to do with them.

Half of the phrases are words in no order: a transducer whose few sentences come again learns the
sentences and does not listen. Each reading depends on the seed and its own number alone, so that a
corpus half made is continued without a word about where it stood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kws import WakeWordError
from kws.pinyin import reading
from kws.train.corpus import Kind, Split
from kws.train.neighbours import Neighbours
from kws.train.spelling import Speller
from kws.words import WakeWord

SYLLABLES = 22
"""Of a reading, 6 s: a call of the synthesiser costs 0.5 s whatever it says, and 0.4 s for each
second."""
DEV_EVERY = 12
ENGLISH = 0.06
"""Share of the readings that are English."""
ENGLISH_WORD = 0.36
"""The same where all of the wake words are English."""
_PAUSE = 0.15
"""Share of the wake words that are said with a pause inside."""
_LEAD = 0.15
"""Share of the wake words with a word before them in the same breath."""

_SHARES: Mapping[Split, Mapping[Kind, float]] = {
    "train": {"wake": 0.08, "breath": 0.05, "near": 0.3, "random": 0.35, "sentence": 0.22},
    "dev": {"wake": 0.22, "breath": 0.13, "near": 0.45, "random": 0.08, "sentence": 0.12},
}
_OTHER_WORDS = 0.3
"""Share of the wake words of the development set that are not trained for."""


@dataclass(frozen=True)
class Phrase:
    """Something that is said without a long pause."""

    text: str
    tokens: tuple[str, ...]
    kind: Kind
    word: str = ""


@dataclass(frozen=True)
class Reading:
    """What one speaker says at once, with a pause after each phrase."""

    number: int
    split: Split
    language: str
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True)
class Material:
    """What readings are made of."""

    words: Sequence[WakeWord]
    vocabulary: Mapping[str, int]
    """Mandarin words and how often they occur."""
    characters: Mapping[str, str]
    """One for each syllable with its tone."""
    questions: Sequence[str]
    """What follows a wake word in the same breath."""
    sentences: Sequence[str]
    english: Sequence[str] = ()
    """Words and sentences."""
    others: Sequence[WakeWord] = ()
    """Wake words that are measured in the development set without being trained for."""
    neighbours: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Near-misses of each English wake word."""


class Readings:
    """Makes readings."""

    def __init__(self, material: Material, speller: Speller, seed: int) -> None:
        self._seed = seed
        self._speller = speller
        self._words = {
            language: [word for word in material.words if language_of(word) == language]
            for language in ("zh", "en")
        }
        self._others = list(material.others)
        self._material = material
        vocabulary = sorted(material.vocabulary)
        counts = np.sqrt([material.vocabulary[word] for word in vocabulary])
        self._vocabulary, self._odds = vocabulary, counts / counts.sum()
        self._texts = {
            ("zh", split): [one for one in material.sentences if _split(one) == split]
            for split in ("train", "dev")
        } | {
            ("en", split): [one for one in material.english if _split(one) == split]
            for split in ("train", "dev")
        }
        chinese = [tuple(way.split()) for word in self._words["zh"] for way in word.pinyin]
        self._near = Neighbours(chinese, material.characters)

    def reading(self, number: int) -> Reading:
        """Return a reading."""
        rng = np.random.default_rng((self._seed, number))
        split: Split = "dev" if number % DEV_EVERY == 1 else "train"
        shares = len(self._words["en"]) / max(1, len(self._material.words))
        english = bool(self._texts["en", split]) and rng.random() < max(
            ENGLISH, ENGLISH_WORD * shares
        )
        language = "en" if english else "zh"
        phrases: list[Phrase] = []
        while sum(len(phrase.tokens) for phrase in phrases) < 2 * SYLLABLES:
            if phrase := self._phrase(rng, split, language):
                phrases.append(phrase)
        return Reading(number, split, language, tuple(phrases))

    def _phrase(self, rng: np.random.Generator, split: Split, language: str) -> Phrase | None:
        kinds = list(_SHARES[split])
        kind = kinds[int(rng.choice(len(kinds), p=list(_SHARES[split].values())))]
        makers: Mapping[str, Callable[[np.random.Generator, Split, str], Phrase | None]] = {
            "wake": self._wake, "breath": self._breath, "near": self._near_miss,
            "random": self._random, "sentence": self._sentence,
        }  # fmt: skip
        return makers[kind](rng, split, language)

    def _wake(self, rng: np.random.Generator, split: Split, language: str) -> Phrase | None:
        word, way = self._word(rng, split, language)
        if word is None:
            return self._sentence(rng, split, language)
        tokens = self._speller.spell(word.text, way)
        text = self._said(rng, word, way)
        if language == "zh" and rng.random() < _LEAD:
            lead = self._picked(rng)
            spelled = self._spelled(lead)
            if spelled:
                text, tokens = lead + text, spelled + tokens
        return Phrase(text, tokens, "wake", word.text)

    def _breath(self, rng: np.random.Generator, split: Split, language: str) -> Phrase | None:
        word, way = self._word(rng, split, language)
        questions = self._material.questions if language == "zh" else self._texts["en", split]
        if word is None or not questions:
            return self._sentence(rng, split, language)
        question = questions[int(rng.integers(len(questions)))]
        spelled = self._spelled(question)
        if not spelled:
            return None
        marks = ("，", "") if language == "zh" else (", ", " ")
        mark = marks[int(rng.random() < 0.3)]
        tokens = self._speller.spell(word.text, way) + spelled
        return Phrase(self._said(rng, word, way) + mark + question, tokens, "breath", word.text)

    def _word(
        self, rng: np.random.Generator, split: Split, language: str
    ) -> tuple[WakeWord | None, str]:
        words = self._words[language]
        if split == "dev" and language == "zh" and rng.random() < _OTHER_WORDS:
            words = self._others or words
        if not words:
            return None, ""
        word = words[int(rng.integers(len(words)))]
        return word, word.pinyin[int(rng.integers(len(word.pinyin)))] if word.pinyin else ""

    def _said(self, rng: np.random.Generator, word: WakeWord, way: str) -> str:
        """Return a wake word as it is given to the synthesiser."""
        text = word.text
        if way and way != reading(text):  # other characters that are read as the owner says
            text = "".join(self._material.characters.get(one, "") for one in way.split())
        if way and len(text) > 3 and rng.random() < _PAUSE:
            return f"{text[: len(text) // 2]}，{text[len(text) // 2 :]}"
        return text

    def _near_miss(self, rng: np.random.Generator, split: Split, language: str) -> Phrase | None:
        words = self._words[language]
        if not words:
            return self._random(rng, split, language)
        word = words[int(rng.integers(len(words)))]
        for _ in range(3 * DEV_EVERY):
            text = self._near_text(rng, word)
            if text and _split(text) == split:
                return self._plain(text, "near")
        return None

    def _near_text(self, rng: np.random.Generator, word: WakeWord) -> str:
        if word.pinyin:
            way = word.pinyin[int(rng.integers(len(word.pinyin)))]
            return self._near.text(rng, tuple(way.split()))
        texts = self._material.neighbours.get(word.text, ())
        return texts[int(rng.integers(len(texts)))] if texts else ""

    def _random(self, rng: np.random.Generator, split: Split, language: str) -> Phrase | None:
        if language == "en":
            return self._sentence(rng, split, language)
        wanted, words = int(rng.integers(3, 10)), [self._picked(rng)]
        while sum(map(len, words)) < wanted:
            words.append(self._picked(rng))
        text = "".join(words)
        if reading(text) != " ".join(map(reading, words)):
            return None  # where two words meet, they read differently: nobody knows what is said
        return self._plain(text, "random")

    def _sentence(self, rng: np.random.Generator, split: Split, language: str) -> Phrase | None:
        texts = self._texts[language, split]
        if not texts:
            return self._random(rng, split, "zh") if language == "zh" else None
        kind: Kind = "english" if language == "en" else "sentence"
        return self._plain(texts[int(rng.integers(len(texts)))], kind)

    def _plain(self, text: str, kind: Kind) -> Phrase | None:
        tokens = self._spelled(text)
        if not tokens or self._near.holds_word(tuple(reading(text).split())):
            return None
        return Phrase(text, tokens, kind)

    def _spelled(self, text: str) -> tuple[str, ...]:
        try:
            return self._speller.spell(text)
        except WakeWordError:
            return ()

    def _picked(self, rng: np.random.Generator) -> str:
        return self._vocabulary[int(rng.choice(len(self._vocabulary), p=self._odds))]


def language_of(word: WakeWord) -> str:
    """Return zh for a word with Chinese characters, otherwise en."""
    return "zh" if word.pinyin else "en"


def _split(text: str) -> Split:
    """Return the split that a text belongs to, always the same."""
    return "dev" if sum(map(ord, text)) % DEV_EVERY == 0 else "train"
