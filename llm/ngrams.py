"""N-grams of wording and of sound: how alike are a question and a phrasing?"""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.language import is_han

Scores = NDArray[np.float32]
"""One figure in [0, 1] for each entry, shape (entries,)."""

_TOKEN = re.compile(r"[a-z]+|\d+(?:\.\d+)?|[\u3400-\u9fff]")
_CONFUSABLE = (
    (re.compile(r"^(z|c|s)h"), r"\1"),
    (re.compile(r"^n(?=[aeiouv])"), "l"),
    (re.compile(r"(a|e|i)ng$"), r"\1n"),
)
"""Initials and finals that speakers of many regions, and recognisers, do not tell apart."""


class GramIndex:
    """Which texts have which grams? Documents of several texts each, in flat arrays.

    Grams weigh by their rarity (inverse document frequency); those no document has weigh most, so
    that a question about something else does not score on its function words alone. A document is
    found by all its texts; its first ones, the phrasings, are compared one by one too.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take the arrays of a `GramIndexer`."""
        self._arrays = arrays
        written = arrays["grams"].tobytes().decode()
        self._ids = {gram: n for n, gram in enumerate(written.split("\n") if written else ())}
        self._size = len(arrays["text_of"]) - 1
        counts = np.diff(arrays["posting_of"])
        self._idf = _idf(counts, self._size)
        self._unseen_idf = float(np.log(2 * self._size + 2))
        self._dense = np.zeros(len(self._ids), np.float32)

    def scores(self, query: Counter[str]) -> Scores:
        """Return the share of the question, by weight, that each document has."""
        covered = np.zeros(self._size, np.float32)
        total = 0.0
        for gram in query:
            weight = self.weight(gram)
            total += weight
            having = self.having(gram)
            if having is not None:
                covered[having] += weight
        return covered / np.float32(total or 1.0)

    def weight(self, gram: str) -> float:
        """Return how much a gram tells."""
        number = self._ids.get(gram)
        return self._unseen_idf if number is None else float(self._idf[number])

    def having(self, gram: str) -> NDArray[np.int32] | None:
        """Return the documents that have a gram; None if none has."""
        number = self._ids.get(gram)
        if number is None:
            return None
        begin, end = self._arrays["posting_of"][number : number + 2]
        having: NDArray[np.int32] = self._arrays["postings"][begin:end]
        return having

    def cosines(self, query: Counter[str], documents: NDArray[np.int64]) -> Scores:
        """Return the similarity of the question to each phrasing of these documents, in order."""
        of = self._arrays["text_of"]
        texts = ranges(of[documents], of[documents + 1])
        begins, ends = self._arrays["bag_of"][texts], self._arrays["bag_of"][texts + 1]
        cells = ranges(begins, ends)
        known = {n: w for gram, w in _bag(query, self.weight).items() if (n := self._id(gram)) >= 0}
        places = np.fromiter(known, np.int64, len(known))
        self._dense[places] = np.fromiter(known.values(), np.float32, len(known))
        products = self._dense[self._arrays["bag_grams"][cells]] * self._arrays["bags"][cells]
        self._dense[places] = 0
        sums = np.concatenate([[0.0], np.cumsum(products, dtype=np.float64)])
        ends_of = np.cumsum(ends - begins)
        cosines: Scores = (sums[ends_of] - sums[ends_of - (ends - begins)]).astype(np.float32)
        return cosines

    def _id(self, gram: str) -> int:
        return self._ids.get(gram, -1)


class GramIndexer:
    """Makes the arrays of a `GramIndex`, document by document."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._owners, self._grams = array("i"), array("i")
        self._asked, self._sizes = array("i"), array("i")
        self._bag_grams, self._bag_counts = array("i"), array("i")

    def add(self, texts: Sequence[Counter[str]], asked: int) -> None:
        """Add a document of several texts, the first so many of which are phrasings."""
        ids = self._ids
        held = {ids.setdefault(gram, len(ids)) for text in texts for gram in text}
        self._grams.extend(held)
        self._owners.extend([len(self._asked)] * len(held))
        self._asked.append(asked)
        for text in texts[:asked]:
            self._sizes.append(len(text))
            self._bag_grams.extend(ids[gram] for gram in text)
            self._bag_counts.extend(text.values())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays.

        grams (their text), posting_of and postings (the documents of each gram), text_of (the
        first phrasing of each document), bag_of, bag_grams and bags (grams and weights of each
        phrasing).
        """
        grams = np.array(self._grams, np.int32)
        counts = np.bincount(grams, minlength=len(self._ids))
        bag_of = _offsets(np.array(self._sizes, np.int64))
        bag_grams = np.array(self._bag_grams, np.int32)
        weights = 1 + np.log(np.array(self._bag_counts, np.float64))
        weights *= _idf(counts, len(self._asked))[bag_grams]
        squares = np.concatenate([[0.0], np.cumsum(weights**2)])
        lengths = np.sqrt(squares[bag_of[1:]] - squares[bag_of[:-1]])
        weights /= np.repeat(np.maximum(lengths, 1e-9), self._sizes)
        return {
            "grams": np.frombuffer("\n".join(self._ids).encode(), np.uint8),
            "posting_of": _offsets(counts),
            "postings": np.array(self._owners, np.int32)[np.argsort(grams, kind="stable")],
            "text_of": _offsets(np.array(self._asked, np.int64)),
            "bag_of": bag_of,
            "bag_grams": bag_grams,
            "bags": weights.astype(np.float32),
        }


def _bag(grams: Counter[str], weight: Callable[[str], float]) -> dict[str, float]:
    """Return the grams as a weighted bag of length one."""
    weights = {gram: (1 + math.log(n)) * weight(gram) for gram, n in grams.items()}
    length = math.sqrt(sum(w * w for w in weights.values())) or 1.0
    return {gram: w / length for gram, w in weights.items()}


def _idf(counts: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    idf: NDArray[np.float64] = np.log(1 + (size - counts + 0.5) / (counts + 0.5))
    return idf


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths, dtype=np.int64)])


def ranges(begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return all numbers from each begin up to its end, one range after the other."""
    lengths = ends - begins
    shifts = np.repeat(begins - (np.cumsum(lengths) - lengths), lengths)
    numbers: NDArray[np.int64] = np.arange(int(lengths.sum())) + shifts
    return numbers


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
