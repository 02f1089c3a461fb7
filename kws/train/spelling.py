"""Texts as the tokens of our own models, and characters for sounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from kws import WakeWordError
from kws.pinyin import HAN, reading, split_syllable
from kws.train.inventory import token_table

PhonesOf = Callable[[str], Sequence[str]]
"""The phones of an English word, given by the caller; none if it is not known."""

_RUN = re.compile(f"(?P<han>[{HAN}]+)|(?P<word>[A-Za-z][A-Za-z']*)|(?P<digit>[0-9])")


def no_english(_word: str) -> Sequence[str]:
    """Know no English word."""
    return ()


class Speller:
    """Spells texts. Raises WakeWordError that names what cannot be spelled."""

    def __init__(self, phones_of: PhonesOf = no_english) -> None:
        self._phones_of = phones_of
        self._tokens = frozenset(token_table())

    def spell(self, text: str, pinyin: str = "") -> tuple[str, ...]:
        """Return the tokens of a text; without `pinyin` it is read in the likeliest way."""
        syllables = iter((pinyin or reading(text)).split())
        tokens: list[str] = []
        for run in _RUN.finditer(text):
            if run["digit"]:
                raise WakeWordError(f"numbers must be written in words: {text!r}")
            if run["word"]:
                tokens += self._english(run["word"])
            else:
                for _ in run["han"]:
                    tokens += split_syllable(next(syllables, ""))
        if unknown := [token for token in tokens if token not in self._tokens]:
            raise WakeWordError(f"{text!r} has a sound that has no token: {unknown[0]!r}")
        if not tokens:
            raise WakeWordError(f"there is nothing in {text!r} that can be spoken")
        return tuple(tokens)

    def can_spell(self, text: str) -> bool:
        """Tell whether a text can be spelled, each word of it read as in the whole."""
        try:
            return bool(self.spell(text))
        except WakeWordError:
            return False

    def _english(self, word: str) -> Sequence[str]:
        phones = self._phones_of(word)
        if not phones:
            raise WakeWordError(f"it is not known how the English word {word!r} is said")
        return phones


def characters(vocabulary: Mapping[str, int]) -> dict[str, str]:
    """Return the commonest character for each syllable with its tone.

    `vocabulary` tells how often words occur.
    """
    counts: dict[str, int] = {}
    for word, count in vocabulary.items():
        for character in word:
            counts[character] = counts.get(character, 0) + count
    found: dict[str, str] = {}
    for character in sorted(counts, key=lambda each: -counts[each]):
        found.setdefault(reading(character), character)
    return found
