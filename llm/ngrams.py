"""N-grams of wording and of sound: how alike are a question and a phrasing?"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from llm.language import is_han

Scores = NDArray[np.float32]
"""One figure in [0, 1] for each entry, shape (entries,)."""

Bag = Mapping[str, float]
"""N-grams and their weights."""

_TOKEN = re.compile(r"[a-z]+|\d+(?:\.\d+)?|[\u3400-\u9fff]")
_CONFUSABLE = (
    (re.compile(r"^(z|c|s)h"), r"\1"),
    (re.compile(r"^n(?=[aeiouv])"), "l"),
    (re.compile(r"(a|e|i)ng$"), r"\1n"),
)
"""Initials and finals that speakers of many regions, and recognisers, do not tell apart."""


class CoverageIndex:
    """How much of a question do the texts of each entry cover? By postings lists.

    Grams weigh by their rarity (inverse document frequency); those no entry has weigh most, so
    that a question about something else does not score on its function words alone.
    """

    def __init__(self, documents: Sequence[Counter[str]]) -> None:
        self._size = len(documents)
        counts: Counter[str] = Counter()
        postings: dict[str, list[int]] = {}
        for number, document in enumerate(documents):
            counts.update(document.keys())
            for gram in document:
                postings.setdefault(gram, []).append(number)
        n = self._size
        self._idf = {
            gram: math.log(1 + (n - count + 0.5) / (count + 0.5)) for gram, count in counts.items()
        }
        self._unseen_idf = math.log(2 * n + 2)
        self._postings = {gram: np.array(where, np.int32) for gram, where in postings.items()}

    def scores(self, query: Counter[str]) -> Scores:
        """Return the share of the question, by weight, that each entry has."""
        covered = np.zeros(self._size, np.float32)
        total = 0.0
        for gram in query:
            weight = self.weight(gram)
            total += weight
            if gram in self._postings:
                covered[self._postings[gram]] += weight
        return covered / np.float32(total or 1.0)

    def weight(self, gram: str) -> float:
        """Return how much a gram tells."""
        return self._idf.get(gram, self._unseen_idf)

    def having(self, gram: str) -> NDArray[np.int32] | None:
        """Return the entries that have a gram; None if none has."""
        return self._postings.get(gram)

    def bag(self, grams: Counter[str]) -> Bag:
        """Return the grams as a weighted bag of length one."""
        weights = {gram: (1 + math.log(n)) * self.weight(gram) for gram, n in grams.items()}
        length = math.sqrt(sum(w * w for w in weights.values())) or 1.0
        return {gram: w / length for gram, w in weights.items()}


def cosine(one: Bag, other: Bag) -> float:
    """Return the similarity of two bags of length one."""
    if len(one) > len(other):
        one, other = other, one
    return sum(weight * other.get(gram, 0.0) for gram, weight in one.items())


def character_grams(text: str) -> Counter[str]:
    """Return single and double characters (Chinese) or stems and pairs of them (Latin, digits)."""
    tokens = [t if is_han(t) else stem(t) for t in _TOKEN.findall(text.lower())]
    return Counter(tokens) + Counter(f"{a} {b}" for a, b in zip(tokens, tokens[1:], strict=False))


def sound_grams(syllables: Sequence[str]) -> Counter[str]:
    """Return single and double toneless syllables, confusable ones folded together."""
    folded = [fold_syllable(s) for s in syllables]
    return Counter(folded) + Counter(f"{a} {b}" for a, b in zip(folded, folded[1:], strict=False))


def sound_key(syllables: Sequence[str]) -> str:
    """Return what to look for in a `sound_text` to hear a word; empty for a single syllable.

    Words of two syllables must agree exactly, longer ones with confusable syllables folded
    (written in capitals): a short word would otherwise be heard everywhere.
    """
    if len(syllables) < 2:
        return ""
    if len(syllables) == 2:
        return _spaced(syllables)
    return _spaced([fold_syllable(s).upper() for s in syllables])


def sound_text(syllables: Sequence[str]) -> str:
    """Return the sound of a text, in which the keys of words can be found."""
    return f"{_spaced(syllables)}|{_spaced([fold_syllable(s).upper() for s in syllables])}"


def _spaced(syllables: Sequence[str]) -> str:
    return "".join(f" {s} " for s in syllables)


@lru_cache(maxsize=4096)
def fold_syllable(syllable: str) -> str:
    """Return a toneless syllable with zh/z, ch/c, sh/s, n/l, -ng/-n folded together."""
    for pattern, replacement in _CONFUSABLE:
        syllable = pattern.sub(replacement, syllable)
    return syllable


def stem(word: str) -> str:
    """Return an English word without its commonest endings; crude, but the same on both sides."""
    for ending, kept, shortest in (
        ("ies", "y", 5),
        ("ing", "", 6),
        ("ed", "", 5),
        ("es", "", 5),
        ("s", "", 4),
        ("e", "", 4),
    ):
        if word.endswith(ending) and len(word) >= shortest and not word.endswith("ss"):
            return word[: len(word) - len(ending)] + kept
    return word
