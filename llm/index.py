"""The index of the entries of one language: vectors and n-grams in flat arrays."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from llm import SentenceEncoder, Vectors
from llm.cache import Arrays
from llm.knowledge import Entry
from llm.ngrams import character_grams, index_grams, ranges, sound_grams
from llm.wording import Wording, sentences

Syllables = Callable[[str], Sequence[str]]
"""Returns the toneless pinyin syllables of a Chinese text."""

_SKETCH_DIMENSIONS = 64
"""Dimensions in which the vectors of all entries are compared."""
_SAMPLE = 4096
"""Entries by which those dimensions are chosen."""
_PROBES = 20
_FORMAT = 1
"""Of the index on disk; another one is another index."""


@dataclass(frozen=True)
class Reader:
    """Brings texts of one language to what is compared."""

    wording: Wording
    encoder: SentenceEncoder
    syllables: Syllables | None
    words: str
    """Hash of the words that are exchanged or left out."""

    def vectors(self, texts: list[str]) -> Vectors:
        """Return what texts mean, with synonyms replaced."""
        return self.encoder.encode([self.wording.canonical(text) for text in texts])

    def grams(self, text: str) -> tuple[Counter[str], Counter[str]]:
        """Return the n-grams of wording and of sound."""
        core = self.wording.core(text)
        sound = sound_grams(self.syllables(core)) if self.syllables else Counter[str]()
        return character_grams(core), sound

    def key(self, entries: Sequence[Entry]) -> str:
        """Return a hash of all that an index depends on."""
        digest = hashlib.sha256(f"{_FORMAT} {self.encoder.name} {self.words}".encode())
        for entry in entries:
            digest.update("\0".join((str(len(entry.ask)), *rows_of(entry))).encode())
        for entry in entries[:_PROBES]:  # another pinyin library is another index
            digest.update(repr(self.syllables and self.syllables(entry.answer)).encode())
        return digest.hexdigest()[:24]


def index_entries(entries: Sequence[Entry], reader: Reader) -> Arrays:
    """Return the arrays to search entries by.

    vectors (phrasings, then sentences of the passage, of each entry), starts and asked (first row
    and number of phrasings of each entry), centres (mean direction of the phrasings), basis and
    sketch (centres in few dimensions), wording.* and sound.* (`llm.ngrams.index_grams`).
    """
    rows = [rows_of(entry) for entry in entries]
    vectors = reader.vectors([text for texts in rows for text in texts])
    starts = np.cumsum([0, *(len(texts) for texts in rows)], dtype=np.int64)
    asked = np.array([len(entry.ask) for entry in entries], np.int64)
    centres = _centres(vectors, starts[:-1], asked)
    basis = _basis(centres)
    grams = [[reader.grams(text) for text in texts] for texts in rows]
    indexes = {
        f"{view}.{name}": values
        for n, view in enumerate(("wording", "sound"))
        for name, values in index_grams(
            [[read[n] for read in texts] for texts in grams], asked.tolist()
        ).items()
    }
    return {
        "vectors": vectors.astype(np.float16),
        "centres": centres.astype(np.float16),
        "basis": basis,
        "sketch": centres @ basis,
        "starts": starts[:-1],
        "asked": asked,
        **indexes,
    }


def part(arrays: Arrays, view: str) -> Arrays:
    """Return the arrays of one view: wording or sound."""
    return {k.partition(".")[2]: v for k, v in arrays.items() if k.partition(".")[0] == view}


def rows_of(entry: Entry) -> list[str]:
    """Return the texts an entry is found by: phrasings, then sentences of the passage."""
    return [*entry.ask, *sentences(entry.passage)]


def _centres(vectors: Vectors, starts: NDArray[np.int64], asked: NDArray[np.int64]) -> Vectors:
    """Return the mean direction of the phrasings of each entry."""
    if not len(starts):
        return np.zeros((0, 1), np.float32)
    phrasings = vectors[ranges(starts, starts + asked)]
    sums = np.add.reduceat(phrasings, np.cumsum(asked) - asked, axis=0)
    lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    centres: Vectors = (sums / lengths).astype(np.float32)
    return centres


def _basis(centres: Vectors) -> Vectors:
    """Return the few directions in which the centres differ most (principal components)."""
    sample = centres[:: max(1, len(centres) // _SAMPLE)]
    _, directions = np.linalg.eigh(sample.T @ sample)
    basis: Vectors = np.ascontiguousarray(directions[:, -_SKETCH_DIMENSIONS:], np.float32)
    return basis
