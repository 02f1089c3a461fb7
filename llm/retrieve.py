"""Finding the vetted entry a question asks for, also when it was misheard.

Three views are fused: sentence vectors (meaning), characters or words (wording), toneless
syllables (sound; Mandarin only). Each is taken of the whole entry, which finds the candidates,
and of its single phrasings, which rewards a question that was foreseen.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from llm import SentenceEncoder
from llm.encode import encode_cached
from llm.knowledge import LANGUAGES, Entry
from llm.knowledge.vocabulary import Vocabulary
from llm.ngrams import Bag, CoverageIndex, character_grams, cosine, sound_grams
from llm.wording import Wording, sentences

Syllables = Callable[[str], Sequence[str]]
"""Returns the toneless pinyin syllables of a Chinese text."""

_CANDIDATES = 60
"""Entries whose single phrasings are compared."""
_NUMBER = re.compile(r"\d{5,}")


@dataclass(frozen=True)
class Weights:
    """How the views are fused and turned into a likelihood.

    Fitted by taking each phrasing of the base out in turn and looking for its entry with it,
    a third of them with homophone errors, and rounded; the likelihood by logistic regression on
    those, on everyday questions with known answers, and on questions of other fields.
    """

    entry_vector: float
    phrase_vector: float
    answer_vector: float
    entry_wording: float
    phrase_wording: float
    entry_sound: float
    phrase_sound: float
    slope: float
    """Log-odds of being right for each point of fused similarity."""
    lead: float
    """Log-odds for each point ahead of the best entry that rests on other facts."""
    base: float
    """Log-odds at no similarity."""
    heard: float = 0.0
    """Log-odds for hearing the whole sound of a question in an entry: what was misheard sounds
    like the field, what belongs to another field does not."""
    number_missing: float = 8.0
    """Points lost by an entry without the number a question names: 12345 is not 12369."""


WEIGHTS = {
    "zh": Weights(10.0, 5.0, 4.0, 4.0, 3.0, 4.0, 2.0, slope=0.37, lead=0.20, base=-6.5, heard=1.5),
    "en": Weights(13.0, 3.0, 4.0, 6.0, 2.0, 0.0, 0.0, slope=0.41, lead=0.13, base=-5.6),
}


@dataclass(frozen=True)
class Hit:
    """An entry that may answer the question."""

    entry: Entry
    score: float
    """Likelihood in [0, 1] that this entry answers the question."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Similarity by view, in [0, 1], and their weighted sum `fused`."""
    phrase: str = ""
    """The phrasing that matched best."""


class Retriever:
    """Searches the entries of every language; built once, used by one thread at a time."""

    def __init__(
        self,
        entries: Sequence[Entry],
        encoder: SentenceEncoder,
        syllables: Syllables,
        vocabulary: Vocabulary | None = None,
        cache_folder: Path | None = None,
    ) -> None:
        """Index the entries; their vectors are kept in `cache_folder`, if one is given."""
        vocabulary = vocabulary or Vocabulary()
        self._shelves = {
            language: _Shelf(
                [e for e in entries if e.language == language],
                _Reader(
                    Wording(vocabulary.synonyms(language), vocabulary.filler_phrases(language)),
                    encoder,
                    syllables if language == "zh" else None,
                    cache_folder / language if cache_folder else None,
                ),
                WEIGHTS[language],
            )
            for language in LANGUAGES
        }

    def search(self, text: str, language: str, limit: int = 5) -> list[Hit]:
        """Return the likeliest entries of `language`, best first."""
        return self._shelves[language].search(text, limit)


@dataclass(frozen=True)
class _Reader:
    """Brings texts of one language to what is compared."""

    wording: Wording
    encoder: SentenceEncoder
    syllables: Syllables | None
    cache_folder: Path | None

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return encode_cached(
            self.encoder, [self.wording.canonical(t) for t in texts], self.cache_folder
        )

    def vector(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self.encoder.encode([self.wording.canonical(text)])[0]
        return vector

    def grams(self, text: str) -> tuple[Counter[str], Counter[str]]:
        """Return the n-grams of wording and of sound."""
        core = self.wording.core(text)
        sound = sound_grams(self.syllables(core)) if self.syllables else Counter[str]()
        return character_grams(core), sound


class _Shelf:
    """The entries of one language.

    Rows (phrasings, then sentences of the passage) of an entry lie next to each other.
    """

    def __init__(self, entries: list[Entry], reader: _Reader, weights: Weights) -> None:
        self._entries = entries
        self._reader = reader
        self._weights = weights
        rows = [[*entry.ask, *sentences(entry.passage)] for entry in entries]
        self._vectors = reader.vectors([text for texts in rows for text in texts])
        self._starts = np.cumsum([0, *(len(texts) for texts in rows)])
        wordings, sounds, grams = [], [], []
        for texts in rows:
            read = [reader.grams(text) for text in texts]
            grams.append(read)
            wordings.append(Counter(g for wording, _ in read for g in wording))
            sounds.append(Counter(g for _, sound in read for g in sound))
        self._wording = CoverageIndex(wordings)
        self._sound = CoverageIndex(sounds)
        self._bags: list[list[tuple[Bag, Bag]]] = [
            [(self._wording.bag(w), self._sound.bag(s)) for w, s in read[: len(entry.ask)]]
            for entry, read in zip(entries, grams, strict=True)
        ]
        self._centres = _unit(np.array([self._phrases(n).sum(axis=0) for n in range(len(entries))]))

    def search(self, text: str, limit: int) -> list[Hit]:
        if not self._entries or not text.strip():
            return []
        w = self._weights
        question = self._reader.vector(text)
        wording, sound = self._reader.grams(text)
        views = {
            "entry_vector": np.maximum(self._centres @ question, 0),
            "entry_wording": self._wording.scores(wording),
            "entry_sound": self._sound.scores(sound),
        }
        coarse = (
            w.entry_vector * views["entry_vector"]
            + w.entry_wording * views["entry_wording"]
            + w.entry_sound * views["entry_sound"]
            - w.number_missing * self._lacks_number(text)
        )
        bags = self._wording.bag(wording), self._sound.bag(sound)
        found = []
        for number in np.argsort(-coarse, kind="stable")[:_CANDIDATES]:
            n = int(number)
            parts = {name: float(view[n]) for name, view in views.items()}
            fine, phrase = self._compare(n, question, bags)
            fused = float(coarse[n]) + sum(getattr(w, name) * v for name, v in fine.items())
            found.append((fused, n, {**parts, **fine}, phrase))
        found.sort(key=lambda item: -item[0])
        return self._hits(found, limit)

    def _compare(
        self, number: int, question: NDArray[np.float32], bags: tuple[Bag, Bag]
    ) -> tuple[dict[str, float], str]:
        """Compare the question with the single phrasings and sentences of an entry."""
        first, end = int(self._starts[number]), int(self._starts[number + 1])
        near = np.maximum(self._vectors[first:end] @ question, 0)
        asked = len(self._entries[number].ask)
        worded = [cosine(bags[0], bag) for bag, _ in self._bags[number]]
        sounded = [cosine(bags[1], bag) for _, bag in self._bags[number]]
        best = max(range(asked), key=lambda i: float(near[i]) + worded[i] + sounded[i])
        return {
            "phrase_vector": float(near[:asked].max()),
            "answer_vector": float(near[asked:].max()),
            "phrase_wording": max(worded),
            "phrase_sound": max(sounded),
        }, self._entries[number].ask[best]

    def _hits(self, found: list[tuple[float, int, dict[str, float], str]], limit: int) -> list[Hit]:
        w = self._weights
        hits = []
        for fused, number, parts, phrase in found[:limit]:
            odds = w.base + w.slope * fused + w.lead * self._lead(fused, number, found)
            odds += w.heard * parts["entry_sound"]
            rounded = {name: round(value, 3) for name, value in parts.items()}
            hits.append(
                Hit(
                    self._entries[number],
                    round(1 / (1 + math.exp(-odds)), 3),
                    {**rounded, "fused": round(fused, 2)},
                    phrase,
                )
            )
        return hits

    def _lead(
        self, fused: float, number: int, found: list[tuple[float, int, dict[str, float], str]]
    ) -> float:
        """Return how far an entry is ahead of the best one that rests on other facts."""
        facts = set(self._entries[number].facts)
        for rival, other, _, _ in found:
            if other != number and not facts & set(self._entries[other].facts):
                return fused - rival
        return 0.0

    def _phrases(self, number: int) -> NDArray[np.float32]:
        first = int(self._starts[number])
        rows: NDArray[np.float32] = self._vectors[first : first + len(self._entries[number].ask)]
        return rows

    def _lacks_number(self, text: str) -> NDArray[np.float32]:
        """Mark the entries without a number of the question that other entries have."""
        lacking = np.zeros(len(self._entries), np.float32)
        for number in _NUMBER.findall(text):
            having = self._wording.having(number)
            if having is not None:
                lacking += 1
                lacking[having] -= 1
        return lacking


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    if not rows.size:
        return rows
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    unit: NDArray[np.float32] = (rows / lengths).astype(np.float32)
    return unit
