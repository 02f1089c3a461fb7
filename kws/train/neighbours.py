"""Near-misses: what sounds nearly like a wake word, made from its pinyin or its phones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from kws.pinyin import reading, split_syllable, toneless
from kws.sounds import edits

_MOST_TRIES = 40
_TWO_CHANGED = 0.3
_MOST_EDITS = 2

Syllables = tuple[str, ...]


class Neighbours:
    """Near-misses of Mandarin words. `characters` has one for each syllable with its tone."""

    def __init__(self, words: Sequence[Syllables], characters: Mapping[str, str]) -> None:
        self._words = list(words)
        self._characters = characters
        self._kin = {one: self._kin_of(one) for word in words for one in word}

    def text(self, rng: np.random.Generator, word: Syllables) -> str:
        """Return a text that sounds nearly like `word`; "" if no good one is found."""
        for _ in range(_MOST_TRIES):
            syllables = self._changed(rng, word)
            text = "".join(self._characters.get(one, "") for one in syllables)
            if tuple(reading(text).split()) == syllables and not self.holds_word(syllables):
                return text
        return ""

    def holds_word(self, syllables: Syllables) -> bool:
        """Tell whether syllables hold one of the words: such a text is no near-miss."""
        return any(
            syllables[start : start + len(word)] == word
            for word in self._words
            for start in range(len(syllables) - len(word) + 1)
        )

    def _changed(self, rng: np.random.Generator, word: Syllables) -> Syllables:
        kind = rng.random()
        if kind < 0.65 or len(word) < 2:
            return self._replaced(rng, word)
        cut = int(rng.integers(1, len(word)))
        other = self._words[int(rng.integers(len(self._words)))]
        if kind < 0.75:  # one end of it
            return word[:cut] if rng.random() < 0.5 else word[cut:]
        if kind < 0.85:  # its halves the other way round
            return word[cut:] + word[:cut]
        if kind < 0.95:  # half of it and half of another one
            return word[:cut] + other[min(cut, len(other) - 1) :]
        return self._replaced(rng, word) + word[-1:]

    def _replaced(self, rng: np.random.Generator, word: Syllables) -> Syllables:
        changed = list(word)
        places = 2 if len(word) > 2 and rng.random() < _TWO_CHANGED else 1
        for place in rng.choice(len(word), places, replace=False):
            kin = self._kin[word[place]]
            family = kin[int(rng.integers(len(kin)))]
            changed[place] = family[int(rng.integers(len(family)))]
        return tuple(changed)

    def _kin_of(self, syllable: str) -> list[list[str]]:
        """Return the syllables that differ in tone, in initial, and in final alone."""
        parts = _parts(syllable)
        others = {one: _parts(one) for one in self._characters if one and one != syllable}
        families = [
            [
                one
                for one, found in others.items()
                if sum(map(_differs, found, parts)) == 1 and found[place] != parts[place]
            ]
            for place in range(3)
        ]
        return [family for family in families if family] or [list(others)]


def _parts(syllable: str) -> tuple[str, str, str]:
    """Return initial, final without tone, and tone mark."""
    *initial, final = split_syllable(syllable)
    plain = toneless(final)
    marks = [
        index for index, (one, two) in enumerate(zip(final, plain, strict=False)) if one != two
    ]
    tone = _TONES.get(final[marks[0]], "") if marks else ""
    return "".join(initial), plain, tone


_TONES = {
    mark: str(number)
    for marks in ("āáǎà", "ēéěè", "īíǐì", "ōóǒò", "ūúǔù", "ǖǘǚǜ")
    for number, mark in enumerate(marks, 1)
}


def _differs(one: str, other: str) -> bool:
    return one != other


def english_neighbours(
    word: Sequence[str], lexicon: Iterable[tuple[str, Sequence[str]]]
) -> list[str]:
    """Return the words whose phones differ from those of `word` by one or two edits."""
    return [
        text
        for text, phones in lexicon
        if abs(len(phones) - len(word)) <= _MOST_EDITS
        and 0 < edits(word, phones) <= min(_MOST_EDITS, len(word) // 2)
    ]
